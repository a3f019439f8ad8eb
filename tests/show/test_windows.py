"""Windows drawn: what is highlighted is what torch reads, what is counted is what windows placed one by one read."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from striate.errors import InputError
from striate.geometry import Window
from striate.show import output_sizes
from striate.show.sketch import Rect, Sketch, Text, to_animated_svg, to_png, to_svg
from striate.show.windows import TAP, Moving, frames, size_texts, sizes_sketch

Place = tuple[int, int]


def read_by_torch(size: Place, arguments: dict[str, Any], transposed: bool) -> dict[Place, set[Place]]:
    """For each place of the smaller plane, those of the larger one that torch joins with it, by gradients."""
    image = torch.zeros(1, 1, *size, dtype=torch.float64, requires_grad=True)
    weight = torch.ones(1, 1, 3, 2, dtype=torch.float64)
    call: Any = F.conv_transpose2d if transposed else F.conv2d
    output = call(image, weight, **arguments)[0, 0]
    found: dict[Place, set[Place]] = {}
    for at in product(range(output.shape[0]), range(output.shape[1])):
        (gradient,) = torch.autograd.grad(output[at], image, retain_graph=True)
        read: list[Place] = [(int(i), int(j)) for i, j in gradient[0, 0].nonzero()]
        if transposed:
            for pixel in read:
                found.setdefault(pixel, set()).add(at)
        else:
            found[at] = set(read)
    return found


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(("stride", "padding", "dilation"), [(1, 0, 1), (2, 1, 1), (2, 1, 2), (3, 2, 1), (1, 1, 2)])
def test_a_frame_marks_what_torch_reads(stride: int, padding: int, dilation: int, transposed: bool) -> None:
    size = (5, 6)
    arguments = {"stride": stride, "padding": padding, "dilation": dilation}
    windows = (Window(3, stride, dilation, padding, padding), Window(2, stride, dilation, padding, padding))
    moving = Moving.of(windows, size, transposed)
    expected = read_by_torch(size, arguments, transposed)
    shown = frames(moving)
    assert len(shown) == moving.small[0] * moving.small[1]
    for unit, frame in zip(product(range(moving.small[0]), range(moving.small[1])), shown, strict=True):
        rows, columns = moving.reads(unit)
        inside = {(i, j) for i in rows for j in columns if 0 <= i < moving.large[0] and 0 <= j < moving.large[1]}
        assert inside == expected.get(unit, set())
        assert sum(isinstance(s, Rect) and s.fill == TAP for s in frame.shapes) == len(inside)


def test_output_padding_makes_the_output_larger() -> None:
    windows = (Window(3, 2), Window(3, 2))
    image = torch.zeros(1, 1, 3, 3)
    output = F.conv_transpose2d(image, torch.ones(1, 1, 3, 3), stride=2, output_padding=1)
    assert Moving.of(windows, (3, 3), True, 1).large == tuple(output.shape[2:])


def test_a_window_that_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="larger than the padded input"):
        Moving.of((Window(5), Window(5)), (3, 3), False)
    with pytest.raises(InputError, match="at most 400 frames, this one 900"):
        frames(Moving.of((Window(1), Window(1)), (30, 30), False))


def test_an_animation_shows_each_frame_once() -> None:
    shown = frames(Moving.of((Window(3, 2), Window(3, 2)), (5, 5), False))
    drawing = to_animated_svg(shown, 0.5)
    assert drawing.count("<g visibility=") == drawing.count("<animate") == 4
    assert drawing.count('<g visibility="visible">') == 1
    assert 'dur="2s"' in drawing
    assert "<script" not in drawing


def places_read(n: int, kernel: int, stride: int, before: int, after: int) -> list[int]:
    """How many windows read each place of a padded line, windows slid one step at a time."""
    line = [0] * (before + n + after)
    start = 0
    while start + kernel <= len(line):
        for k in range(kernel):
            line[start + k] += 1
        start += stride
    return line


@pytest.mark.parametrize(("size", "kernel", "stride"), [((4, 6), (3, 3), 2), ((5, 4), (2, 3), 1), ((7, 3), (3, 1), 3)])
def test_a_drawing_counts_the_windows_that_read_a_place(size: Place, kernel: Place, stride: int) -> None:
    rows, columns = (output_sizes(n, k, stride) for n, k in zip(size, kernel, strict=True))
    pairs = list(zip(rows, columns, strict=True))
    for pair in pairs:
        lines = size_texts([pair], 200)[3:]
        sides = [places_read(a.n, k, stride, *a.pads) for a, k in zip(pair, kernel, strict=True)]
        for i, line in enumerate(lines):
            for j, letter in enumerate(line.split(" ")):
                inside = all(a.pads[0] <= at < a.pads[0] + a.n for a, at in zip(pair, (i, j), strict=True))
                times = sides[0][i] * sides[1][j]
                known = ("x" if not times else str(times)) if inside else ("o" if times else ".")
                assert letter == known, (pair[0].convention, i, j)


def test_all_five_stand_side_by_side_where_there_is_room() -> None:
    pairs = [(answer, answer) for answer in output_sizes(4, 3, 2)]
    wide, narrow = size_texts(pairs, 1000), size_texts(pairs, 80)
    assert all(answer.convention in wide[1] for answer in output_sizes(4, 3, 2))
    assert max(map(len, narrow)) <= 80
    assert sum("output" in line for line in narrow) == 2
    drawing = sizes_sketch(pairs)
    assert to_svg(drawing).count("output ") == 5
    assert to_png(drawing).startswith(b"\x89PNG")
    with pytest.raises(InputError, match="at most 32 places"):
        sizes_sketch([(answer, answer) for answer in output_sizes(40, 3)])


def test_letters_are_escaped() -> None:
    sketch = Sketch(10, 10)
    sketch.add(Text(0, 0, "<script>"))
    assert "<script>" not in to_svg(sketch)
