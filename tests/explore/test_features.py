"""The strongest units against all units of a layer, looked through one by one; their fields against ``region``."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from support.odd import wrongly
from support.sure import sure
from torch import nn

from striate import InputError, UnsupportedError, load
from striate.explore import Strongest, feature_maps, strongest
from striate.explore.strongest import largest

DENOISER = Path(str(files("striate") / "data" / "denoiser.onnx"))
SHAPE = (1, 3, 32, 32)
PICTURES = [np.random.default_rng(seed).random(SHAPE).astype(np.float32) for seed in range(5)]
FIELDS = load(DENOISER, SHAPE)

Floats = NDArray[np.float32]


def maps(layer: str, picture: Floats) -> Floats:
    """A layer's maps as onnxruntime itself gives them."""
    model = onnx.load(DENOISER)
    tensor = FIELDS.network.tensor(layer)
    model.graph.output.append(onnx.ValueInfoProto(name=tensor))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run([tensor], {session.get_inputs()[0].name: picture})
    return np.asarray(found[0])


def every_unit(layer: str, channel: int, each: int, kept: slice = slice(None)) -> list[tuple[float, str, int, int]]:
    """The strongest units of a channel by sorting all units of all pictures, at most ``each`` of a picture; of equals
    the first.
    """
    found: list[tuple[float, str, int, int]] = []
    for k, picture in enumerate(PICTURES):
        plane = maps(layer, picture)[channel]
        rows, columns = (range(n)[kept] for n in plane.shape)
        ranked = sorted(((float(plane[y, x]), f"picture {k}", y, x) for y in rows for x in columns), key=falling)
        found += ranked[:each]
    return sorted(found, key=falling)


def falling(unit: tuple[float, str, int, int]) -> tuple[float, str, int, int]:
    return -unit[0], *unit[1:]


def told(found: Strongest, channel: int) -> list[tuple[float, str, int, int]]:
    return [(unit.value, unit.picture, *unit.at) for unit in found.units[channel]]  # type: ignore[misc]


@pytest.mark.parametrize(("layer", "each", "count"), [("stem", 1, 9), ("mid1", 1, 3), ("down1", 4, 7)])
def test_no_unit_of_any_picture_is_stronger(layer: str, each: int, count: int) -> None:
    found = strongest(DENOISER, layer, PICTURES, input_shape=SHAPE, count=count, per_picture=each)
    assert (found.pictures, found.skipped) == (5, ())
    for channel in range(0, len(found.units), 7):
        assert told(found, channel) == every_unit(layer, channel, each)[:count]


def test_mean_and_deviation_are_those_of_all_values_and_order_the_choosiest() -> None:
    found = strongest(DENOISER, "down1", PICTURES, input_shape=SHAPE)
    values = np.stack([maps("down1", picture) for picture in PICTURES], 1).reshape(48, -1).astype(np.float64)
    np.testing.assert_allclose(found.mean, values.mean(1), atol=1e-6)
    np.testing.assert_allclose(found.deviation, values.std(1), atol=1e-5)
    strong = [np.mean([unit.value for unit in units]) for units in found.units]
    far = {k: (strong[k] - values[k].mean()) / (values[k].std() or np.inf) for k in range(48)}
    alive = [k for k in found.rare if k not in (*found.dead, *found.unresponsive)]
    assert alive == sorted(alive, key=lambda k: -far[k])
    assert found.rare != found.channels


def test_the_oracle_tells_another_channel_and_a_single_picture_apart() -> None:
    found = strongest(DENOISER, "stem", PICTURES[:4], input_shape=SHAPE, count=5)
    assert told(found, 0) != every_unit("stem", 0, 1)
    assert told(found, 0) != every_unit("stem", 1, 1)[:4]


def test_of_equal_values_the_first_are_the_strongest() -> None:
    random = np.random.default_rng(0)
    for units in (2, 7, 60):
        for most in {1, 2, units // 2 + 1, units}:
            values = random.integers(0, 5, (6, units)).astype(np.float32)
            assert (largest(values, most) == np.argsort(-values, 1, kind="stable")[:, :most]).all()


@pytest.mark.parametrize("layer", ["stem", "mid1", "denoised"])
def test_each_field_is_that_of_its_unit(layer: str) -> None:
    found = strongest(DENOISER, layer, PICTURES[:2], input_shape=SHAPE, count=2)
    for unit in (unit for units in found.units[:4] for unit in units):
        alone = FIELDS.region(layer, unit.at, unit.channel)
        assert unit.region.hull == alone.hull
        assert (unit.region.mask == alone.mask).all()


def test_holes_and_the_share_inside() -> None:
    module = nn.Conv2d(3, 2, 3, padding=2, dilation=2)
    found = strongest(nn.Sequential(module), "0", PICTURES, input_shape=SHAPE, count=5)
    for unit in (unit for units in found.units for unit in units):
        taps = [{i + d for d in (-2, 0, 2)} for i in unit.at]
        read = {(y, x) for y in taps[0] for x in taps[1] if 0 <= y < 32 and 0 <= x < 32}
        assert set(zip(*map(np.ndarray.tolist, np.nonzero(unit.region.mask)), strict=True)) == read
        inside = [sum(0 <= p < 32 for p in range(i - 2, i + 3)) / 5 for i in unit.at]
        assert unit.inside == pytest.approx(inside[0] * inside[1])


def test_whole_fields_only_leaves_out_the_border_alone() -> None:
    found = strongest(DENOISER, "stem", PICTURES, input_shape=SHAPE, whole_fields_only=True, count=5)
    assert {unit.inside for units in found.units for unit in units} == {1.0}
    for channel in (0, 5):
        assert told(found, channel) == every_unit("stem", channel, 1, slice(3, -3))


def silent() -> nn.Module:
    """Channels 1 and 3 are constant, 2 is full at the blank and can only fall."""
    conv = nn.Conv2d(3, 4, 3)
    with torch.no_grad():
        conv.weight.copy_(conv.weight.abs())
        conv.weight[1] = 0
        conv.weight[2] = 1.0
        sure(conv.bias).copy_(torch.tensor([0, 0, -7.5, -1e3]))
    return nn.Sequential(conv, nn.ReLU6())


def test_dead_and_unresponsive_channels_are_counted_and_last() -> None:
    found = strongest(silent(), "1", PICTURES, input_shape=SHAPE)
    assert (found.dead, found.unresponsive, found.channels) == ((1, 3), (2,), (0, 2, 1, 3))
    brighter = strongest(silent(), "1", PICTURES, input_shape=SHAPE, blank=0.4)
    assert brighter.unresponsive == ()


@pytest.mark.parametrize("layer", ["stem/conv", "mid1", "denoised"])
def test_maps_are_those_of_the_runtime(layer: str) -> None:
    found = feature_maps(DENOISER, layer, PICTURES[0], input_shape=SHAPE)
    whole = maps(layer, PICTURES[0])
    assert (found.maps == whole).all()
    assert found.signed == bool(whole.min() < 0)
    farthest = max(abs(float(value)) for value in whole.ravel())
    assert found.scale == ((-farthest if found.signed else 0.0), farthest)
    alive = [k for k in found.channels if k not in (*found.unresponsive, *found.dead)]
    heights = [float(np.abs(whole[k]).max()) for k in alive]
    assert heights == sorted(heights, reverse=True)
    assert set(found.channels[len(alive) :]) == {*found.unresponsive, *found.dead}


def test_a_layer_may_be_signed_or_not() -> None:
    signs = {
        name: feature_maps(DENOISER, name, PICTURES[0], input_shape=SHAPE).signed for name in ("stem/conv", "stem")
    }
    assert signs == {"stem/conv": True, "stem": False}


def test_a_constant_channel_is_dead_and_what_is_not_finite_is_refused() -> None:
    conv = nn.Conv2d(3, 3, 3)
    with torch.no_grad():
        conv.weight.copy_(conv.weight.abs())
        conv.weight[0] = 0
        sure(conv.bias)[0] = 1e3
    found = feature_maps(nn.Sequential(conv), "0", PICTURES[0], input_shape=SHAPE)
    assert (found.dead, found.channels[-1]) == ((0,), 0)
    with pytest.raises(InputError, match="values that are not finite"):
        feature_maps(nn.Sequential(conv), "0", PICTURES[0] * np.nan, input_shape=SHAPE)


def test_a_folder_with_broken_files_names_and_counts_them(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    pixels = np.random.default_rng(7).integers(0, 256, (3, 32, 32, 3), np.uint8)
    for k, name in enumerate(("a.png", "deep/b.png", "c.png")):
        Image.fromarray(pixels[k]).save(tmp_path / name)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG")
    (tmp_path / "notes.txt").write_text("no picture")
    told_of: list[tuple[int, int]] = []
    found = strongest(
        DENOISER, "stem", tmp_path, input_shape=SHAPE, count=2, progress=lambda *step: told_of.append(step)
    )
    assert found.pictures == 3
    assert [(Path(name).name, "not an image" in why) for name, why in found.skipped] == [("broken.png", True)]
    assert told_of == [(k, 4) for k in range(1, 5)]
    fed = [picture.transpose(2, 0, 1)[None].astype(np.float64) / 255 for picture in pixels]
    same = strongest(DENOISER, "stem", fed, input_shape=SHAPE, count=2)
    assert [[unit.value for unit in units] for units in found.units] == [[u.value for u in us] for us in same.units]


def test_black_and_white_are_the_inputs_own_numbers(tmp_path: Path) -> None:
    pixels = np.random.default_rng(8).integers(0, 256, (32, 32, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    fed = pixels.transpose(2, 0, 1)[None] / 255 * np.array([2, 4, 2])[:, None, None] - 1
    same = strongest(DENOISER, "stem", fed, input_shape=SHAPE)
    for pictures in (tmp_path, pixels):
        found = strongest(DENOISER, "stem", pictures, input_shape=SHAPE, black=-1, white=(1, 3, 1))
        for ours, theirs in zip(found.units, same.units, strict=True):
            assert (ours[0].at, ours[0].value) == (theirs[0].at, theirs[0].value)


@pytest.mark.parametrize(("layer", "pictures", "said"), [
    ("nine", PICTURES, "no layer 'nine'"),
    ("stem", [], "there are no pictures"),
    ("stem", "nowhere.png", "nowhere.png: no such file or folder"),
    ("stem", [3], "a picture is a file, a folder or an array, got int"),
    ("stem", np.zeros((1, 3, 8, 8)), r"image takes 1x3x32x32, or a photograph .*; got an array of 1x3x8x8, float64"),
])  # fmt: skip
def test_what_does_not_fit_is_one_line(layer: str, pictures: object, said: str) -> None:
    with pytest.raises(InputError, match=said) as raised:
        wrongly(strongest)(DENOISER, layer, pictures, input_shape=SHAPE)
    assert len(str(raised.value).splitlines()) == 1


def test_a_layer_without_whole_fields_or_channels_is_one_line() -> None:
    with pytest.raises(InputError, match="no unit of mid3 has its whole field inside the picture"):
        strongest(DENOISER, "mid3", PICTURES, input_shape=SHAPE, whole_fields_only=True)
    module = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(1800, 5))
    with pytest.raises((InputError, UnsupportedError), match="2 has no channels: its shape is 1x5"):
        strongest(module, "2", PICTURES, input_shape=SHAPE)
