"""striate features: its summary, table and maps, and what it refuses."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from PIL import Image
from support.command_line import DENOISER, one_line, run
from support.tflite_cases import conv
from support.tflite_models import Sketch

from striate.explore import feature_maps
from striate.formats.model import Model


@pytest.fixture(name="photo")
def a_photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 40, 3), np.uint8)).save(path)
    return path


def test_the_table_has_the_numbers_of_python(photo: Path) -> None:
    lines = run("features", DENOISER, "stem/conv", "--image", photo).output.splitlines()
    found = feature_maps(DENOISER, "stem/conv", photo, input_shape=(1, 3, 32, 40))
    assert lines[0] == "24 channels of 32 x 40: 0 dead, 0 never above the blank on this picture"
    assert lines[1].endswith("signed, one scale around 0")
    assert lines[-1] == "and 8 more channels; --channel K shows one"
    for line, k in zip(lines[3:-1], found.channels, strict=False):
        numbers = [float(word) for word in line.split()[:4]]
        assert numbers == pytest.approx([k, found.maps[k].min(), found.maps[k].max(), found.maps[k].mean()], rel=1e-3)
    assert max(map(len, lines)) < 80


def test_maps_of_some_channels(photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "maps.png"
    done = run("features", DENOISER, "stem", "--image", photo, "--channel", "5", "--channel", "2", "--out", out)
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.output.splitlines()[3:5]] == ["5", "2"]
    few = np.asarray(Image.open(out))
    assert few.std() > 5
    run("features", DENOISER, "stem", "--image", photo, "--out", out)
    assert np.asarray(Image.open(out)).size > few.size


def test_each_map_on_a_scale_of_its_own(photo: Path, tmp_path: Path) -> None:
    """The largest number of every map is as dark as it gets, where on one scale most are paler."""
    found = feature_maps(DENOISER, "stem", photo, input_shape=(1, 3, 32, 40))
    weakest = str(min(range(24), key=lambda k: found.maps[k].max()))
    args = ("features", DENOISER, "stem", "--image", photo, "--channel", weakest, "--out")
    own, alike = tmp_path / "own.svg", tmp_path / "alike.svg"
    run(*args, own, "--scale", "channel")
    run(*args, alike)
    assert "largest of each map" in own.read_text()
    assert "largest of each map" not in alike.read_text()
    assert f"{found.scale[1]:.4g}" in alike.read_text()
    shown = tmp_path / "own.png"
    run(*args, shown, "--scale", "channel")
    plain = tmp_path / "alike.png"
    run(*args, plain)
    assert np.asarray(Image.open(shown)).astype(int).sum() < np.asarray(Image.open(plain)).astype(int).sum()


def test_a_table_for_a_spreadsheet(photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "maps.csv"
    assert run("features", DENOISER, "stem/conv", "--image", photo, "--out", out).exit_code == 0
    found = feature_maps(DENOISER, "stem/conv", photo, input_shape=(1, 3, 32, 40))
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [int(row["channel"]) for row in rows] == list(range(24))
    for row, plane in zip(rows, found.maps, strict=True):
        assert float(row["mean"]) == pytest.approx(plane.mean(), rel=1e-4)
        assert float(row["zero"]) == pytest.approx((plane == 0).mean(), abs=1e-6)


def test_a_file_of_a_fixed_size_and_channels_last_is_read_at_its_own(photo: Path, tmp_path: Path) -> None:
    sketch = Sketch()
    made = conv(sketch, sketch.input(1, 9, 7, 3), 2, 3)
    model = tmp_path / "fixed.tflite"
    model.write_bytes(sketch.file(made))
    layer = Model(model).network.outputs[0]
    done = run("features", model, layer, "--image", photo)
    assert done.output.splitlines()[0].startswith("2 channels of 9 x 7: ")


def test_kernels_stand_on_one_scale_around_zero(photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "kernels.svg"
    asked = ("features", "v1", "v1/conv", "--input", "1x1x32x32", "--kernels")
    told = run(*asked, "--out", out).output.splitlines()
    held = numpy_helper.to_array(onnx.load(Path(DENOISER).with_name("v1.onnx")).graph.initializer[0])
    assert told[0] == "64 kernels of 11 x 11 over 1 channel"
    assert told[1] == f"weights from {held.min():.4g} to {held.max():.4g}: one scale around 0"
    drawing = out.read_text()
    assert drawing.count("<image") == 1 + 64
    assert f">{np.abs(held).max():.4g}<" in drawing
    one_line(run(*asked, "--image", photo), 2, "--kernels takes no --image")
    one_line(run(*asked, "--channel", "64"), 2, "channel 64 lies outside v1/conv, which has 64")
    one_line(run("features", "v1", "v1", "--input", "1x1x32x32"), 2, "give --image, the photograph, or --kernels")
    deep = ("features", "denoiser", "enc1/conv", "--input", "1x3x32x32", "--kernels", "--out", out)
    one_line(run(*deep), 2, "kernels over 1 channel or 3 are drawn; those of enc1/conv have 24")


@pytest.mark.parametrize(("more", "said"), [
    (("--channel", "99"), "channel 99 lies outside stem, which has 24"),
    (("--image", "nowhere.png"), "none of 1 pictures can be read, such as nowhere.png"),
    (("--out", "a.pdf"), "a.pdf: the picture is a .png, .svg or .csv file"),
])  # fmt: skip
def test_what_does_not_fit_is_one_line(photo: Path, more: tuple[str, ...], said: str) -> None:
    done = run("features", DENOISER, "stem", "--image", photo, *more)
    assert (done.exit_code, len(done.output.splitlines())) == (2, 1)
    assert said in done.output
