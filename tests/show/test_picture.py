"""Pictures: the right size, the box where it is claimed, holes dark, padding hatched."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from striate.errors import InputError
from striate.fields import Fields, region
from striate.network import Network, Node
from striate.network.operators import Conv
from striate.show import field_picture, figure_bytes, read_photo, view_of
from striate.show.picture import COLOURS, DIM, GAP, HEAD, MARGIN, TALL, overview_scale

SIZE = 64
SCALE = TALL // SIZE


def dilated() -> Fields:
    """A 2x2 kernel with taps 8 apart: a hull of 9x9 with 77 holes."""
    node = Node("conv", Conv((2, 2), dilation=(8, 8), out_channels=1), ("x",), ("y",))
    return Fields(Network("one", ("x",), ("y",), (node,), {"x": (1, 3, SIZE, SIZE), "y": (1, 1, SIZE - 8, SIZE - 8)}))


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def photo() -> np.ndarray:
    return np.full((SIZE, SIZE, 3), (200, 120, 60), dtype=np.uint8)


def drawn(at: tuple[int, int]) -> np.ndarray:
    return pixels(figure_bytes(field_picture(photo(), [view_of(region(dilated(), "conv", at))])))


def is_box(pixel: np.ndarray, colour: str = COLOURS[0]) -> bool:
    return bool(np.abs(pixel - np.array(to_rgb(colour)) * 255).max() < 40)


def test_the_png_has_the_size_of_its_parts() -> None:
    assert overview_scale(photo()) == SCALE
    assert drawn((10, 20)).shape == (HEAD + TALL + MARGIN, 2 * MARGIN + TALL + GAP + TALL, 3)


def test_the_box_stands_on_the_hull() -> None:
    # unit (10, 20) sees rows [10, 19) and columns [20, 29)
    image = drawn((10, 20))
    top, bottom = HEAD + 10 * SCALE, HEAD + 19 * SCALE
    left, right = MARGIN + 20 * SCALE, MARGIN + 29 * SCALE
    middle_row, middle_column = (top + bottom) // 2, (left + right) // 2
    for row, column in ((top, middle_column), (bottom, middle_column), (middle_row, left), (middle_row, right)):
        assert any(is_box(image[row + d, column + d]) for d in (-1, 0)), (row, column)
    assert (image[middle_row, middle_column] == (200, 120, 60)).all()
    assert not is_box(image[top - SCALE, middle_column])


def test_holes_are_dim_and_taps_are_bright() -> None:
    # the zoom shows a square of 9 + 2 pixels around the hull
    image = drawn((10, 20))
    zoom = TALL / 11
    left = MARGIN + TALL + GAP
    centre = [round((1 + k + 0.5) * zoom) for k in range(9)]
    assert (image[HEAD + centre[8], left + centre[8]] == (200, 120, 60)).all()
    grey = int((200 + 120 + 60) / 3 * DIM)
    assert np.abs(image[HEAD + centre[4], left + centre[4]] - grey).max() <= 1


def test_views_take_different_colours() -> None:
    fields = dilated()
    views = [view_of(region(fields, "conv", at)) for at in ((4, 4), (40, 40), (20, 20))]
    image = pixels(figure_bytes(field_picture(photo(), views)))
    row, column = HEAD + 40 * SCALE, MARGIN + 44 * SCALE
    assert any(is_box(image[row + d, column], COLOURS[1]) for d in (-1, 0))


def test_padding_is_outlined_beyond_the_picture() -> None:
    node = Node("conv", Conv((5, 5), padding=((2, 2), (2, 2)), out_channels=1), ("x",), ("y",))
    fields = Fields(Network("one", ("x",), ("y",), (node,), {"x": (1, 3, 16, 16), "y": (1, 1, 16, 16)}))
    view = view_of(region(fields, "conv", (0, 0)))
    assert view.unclipped is not None
    assert [side.start for side in view.unclipped] == [-2, -2]
    assert [side.start for side in view.hull] == [0, 0]
    assert figure_bytes(field_picture(np.zeros((16, 16, 3), dtype=np.uint8), [view]))


def test_a_caption_is_never_cut() -> None:
    name = "backbone.stages.2.blocks.17.attention.projection.convolution"
    node = Node(name, Conv((5, 5), padding=((2, 2), (2, 2)), out_channels=1), ("x",), ("y",))
    fields = Fields(Network("one", ("x",), ("y",), (node,), {"x": (1, 3, 16, 16), "y": (1, 1, 16, 16)}))
    view = view_of(region(fields, name, (0, 1)))
    assert view.label == f"{name} (0, 1): 5x5, 3x4 inside"
    figure = field_picture(np.zeros((16, 16, 3), dtype=np.uint8), [view] * 4)
    figure.canvas.draw()
    for axes in figure.axes:
        title: Any = axes._left_title  # type: ignore[attr-defined]
        assert title.get_window_extent().x1 <= min(axes.get_window_extent().x1 + GAP, figure.bbox.x1)
        assert title.get_text() == "16x16 pixels" or title.get_text().endswith(" (0, 1)\n5x5, 3x4 inside")


def test_the_same_figure_gives_the_same_bytes() -> None:
    for kind, start in (("png", b"\x89PNG"), ("svg", b"<?xml")):
        first, second = (
            figure_bytes(field_picture(photo(), [view_of(region(dilated(), "conv", (1, 1)))]), kind) for _ in range(2)
        )
        assert first == second
        assert first.startswith(start)


def test_a_picture_of_another_size_is_refused() -> None:
    with pytest.raises(InputError, match="the field is of"):
        field_picture(np.zeros((8, 8, 3), dtype=np.uint8), [view_of(region(dilated(), "conv", (0, 0)))])


def test_photographs(tmp_path: Path) -> None:
    good = tmp_path / "good.png"
    Image.fromarray(photo()).save(good)
    assert read_photo(good).shape == (SIZE, SIZE, 3)
    assert read_photo(good, (10, 10)).shape == (10, 10, 3)
    with pytest.raises(InputError, match=r"64x64 pixels do not fit an input of 10x20 without stretching.*fit='crop'"):
        read_photo(good, (10, 20))
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    with pytest.raises(InputError, match="not an image"):
        read_photo(bad)
    cut = tmp_path / "cut.png"
    cut.write_bytes(good.read_bytes()[:60])
    with pytest.raises(InputError, match="not an image"):
        read_photo(cut)
    with pytest.raises(InputError, match="no such file"):
        read_photo(tmp_path / "missing.png")


def striped(tmp_path: Path) -> Path:
    """Sixteen rows, red above and blue below, of eight columns."""
    rows = np.zeros((16, 8, 3), dtype=np.uint8)
    rows[:8, :, 0], rows[8:, :, 2] = 255, 255
    Image.fromarray(rows).save(tmp_path / "striped.png")
    return tmp_path / "striped.png"


def test_a_photograph_is_cropped_or_padded_and_never_stretched(tmp_path: Path) -> None:
    # 16 rows x 8 columns to 8 x 8: the middle eight rows, or all of them in four columns with grey at both sides
    path = striped(tmp_path)
    cropped, filled = read_photo(path, (8, 8), "crop"), read_photo(path, (8, 8), "pad")
    assert (cropped[0] == (255, 0, 0)).all()
    assert (cropped[-1] == (0, 0, 255)).all()
    grey = (filled == 190).all(axis=2)
    assert grey[:, :2].all()
    assert grey[:, 6:].all()
    assert not grey[:, 2:6].any()


def test_the_pixels_of_a_small_input_are_told_apart() -> None:
    node = Node("conv", Conv((3, 3), out_channels=1), ("x",), ("y",))
    fields = Fields(Network("one", ("x",), ("y",), (node,), {"x": (1, 3, 7, 7), "y": (1, 1, 5, 5)}))
    paper = np.full((7, 7, 3), 60, dtype=np.uint8)
    image = pixels(figure_bytes(field_picture(paper, [view_of(region(fields, "conv", (4, 4)))])))
    scale = overview_scale(paper)
    row = image[HEAD + round(0.5 * scale), MARGIN : MARGIN + TALL]
    bright = np.flatnonzero((row > 150).all(axis=1))
    runs = np.split(bright, np.flatnonzero(np.diff(bright) > 1) + 1)
    assert 6 <= len(runs) <= 8
    inner = [run.mean() for run in runs if 5 < run.mean() < TALL - 5]
    assert np.abs(np.array(inner) - scale * np.arange(1, 7)).max() < 2


def test_letters_can_be_read_at_500_pixels() -> None:
    view = view_of(region(dilated(), "conv", (10, 20)))
    for count in (1, 2, 4):
        figure = field_picture(photo(), [view] * count)
        for axes in figure.axes:
            title: Any = axes._left_title  # type: ignore[attr-defined]
            shown = title.get_fontsize() * 500 / figure.bbox.width
            assert shown * 100 / 72 >= 8


def test_what_is_hatched_is_said() -> None:
    node = Node("conv", Conv((5, 5), padding=((2, 2), (2, 2)), out_channels=1), ("x",), ("y",))
    fields = Fields(Network("one", ("x",), ("y",), (node,), {"x": (1, 3, 16, 16), "y": (1, 1, 16, 16)}))
    paper = np.zeros((16, 16, 3), dtype=np.uint8)
    said = [
        [text.get_text() for text in field_picture(paper, [view_of(region(fields, "conv", at))]).texts]
        for at in ((0, 0), (8, 8))
    ]
    assert said == [["hatched: outside the picture, where padding is read"], []]
    edge = field_picture(photo(), [view_of(region(dilated(), "conv", (0, 0)))])
    assert [text.get_text() for text in edge.texts] == ["hatched: outside the picture"]
