"""The shipped denoiser: what docs/denoiser.md claims of it, and the script that trained it."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
torch = pytest.importorskip("torch")
pytest.importorskip("skimage")
gaussian_filter = pytest.importorskip("scipy.ndimage").gaussian_filter

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "examples" / "train_denoiser.py"
PAGE = ROOT / "docs" / "denoiser.md"
SLACK = 0.05


@pytest.fixture(scope="module")
def script() -> Iterator[Any]:
    spec = importlib.util.spec_from_file_location("train_denoiser", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture(scope="module")
def session(script: Any) -> Any:
    return script.open_session(script.SHIPPED)


@pytest.fixture(scope="module")
def model(script: Any) -> Any:
    return onnx.load(script.SHIPPED)


def documented_rows() -> dict[str, tuple[float, ...]]:
    """{photograph: the dB figures (noisy, Gaussian, network, gain)} in the table of the page."""
    rows = re.findall(r"^\| (\w+) \| \d+ x \d+ \|(.*)$", PAGE.read_text(), re.MULTILINE)
    return {name: tuple(float(figure) for figure in re.findall(r"(-?[\d.]+) dB", cells)) for name, cells in rows}


@pytest.mark.parametrize("name", ["chelsea", "coffee", "rocket"])
def test_beats_the_noise_and_the_best_gaussian_on_a_held_out_photograph(script: Any, session: Any, name: str) -> None:
    clean, noisy = script.held_out_pair(name)
    (stated_sigma,) = re.findall(rf"^\| {name} .*sigma ([\d.]+)", PAGE.read_text(), re.MULTILINE)
    sigma = float(stated_sigma)
    blurred = script.psnr(clean, gaussian_filter(noisy, (sigma, sigma, 0)))
    denoised = script.psnr(clean, script.run_model(session, noisy))
    _, stated_blurred, stated_denoised, stated_gain = documented_rows()[name]
    assert blurred == pytest.approx(stated_blurred, abs=SLACK)
    assert denoised == pytest.approx(stated_denoised, abs=SLACK)
    assert denoised > script.psnr(clean, noisy) + 10
    assert denoised > blurred + max(2, stated_gain - SLACK)


@pytest.mark.exhaustive
def test_the_page_shows_the_table_that_evaluate_prints(script: Any, capsys: pytest.CaptureFixture[str]) -> None:
    script.evaluate(script.SHIPPED)
    printed = re.findall(r"^\| (\w+) \| \d+ x \d+ \|(.*)$", capsys.readouterr().out, re.MULTILINE)
    measured = {name: [float(figure) for figure in re.findall(r"(-?[\d.]+) dB", cells)] for name, cells in printed}
    assert measured.keys() == documented_rows().keys() == set(script.HELD_OUT)
    for name, figures in documented_rows().items():
        assert measured[name] == pytest.approx(figures, abs=SLACK)


def test_held_out_photographs_are_not_trained_on(script: Any) -> None:
    held_out = [picture for name in script.HELD_OUT for picture in script.photographs(name)]
    training = [picture for name in script.TRAINING for picture in script.photographs(name)]
    assert len(held_out) == 3
    assert not any(np.array_equal(ours, theirs) for ours in held_out for theirs in training)


def test_the_file_holds_the_table_of_the_script(script: Any, model: Any) -> None:
    assert script.SHIPPED.stat().st_size <= 1_000_000
    assert [(node.name, node.op_type) for node in model.graph.node] == [(each.name, each.op) for each in script.LAYERS]
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    for layer in script.LAYERS:
        if layer.weight is not None:
            assert shapes[f"{layer.name}.weight"] == layer.weight
    for value, name in ((model.graph.input[0], "image"), (model.graph.output[0], "denoised")):
        dims = value.type.tensor_type.shape.dim
        assert value.name == name
        assert [dim.dim_param or dim.dim_value for dim in dims] == ["N", 3, "H", "W"]


def test_the_file_computes_what_pytorch_computes(script: Any, session: Any, model: Any) -> None:
    weights = {t.name: torch.from_numpy(onnx.numpy_helper.to_array(t).copy()) for t in model.graph.initializer}
    _, noisy = script.held_out_pair("coffee")
    images = np.stack([noisy[20:200, 100:328], noisy[200:380, 300:528]]).transpose(0, 3, 1, 2).copy()
    with torch.inference_mode():
        expected = script.denoise(weights, torch.from_numpy(images)).numpy()
    (actual,) = session.run(["denoised"], {"image": images})
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("size", [(65, 64), (64, 66)])
def test_a_size_that_is_no_multiple_of_four_is_refused(session: Any, size: tuple[int, int]) -> None:
    with pytest.raises(onnxruntime.capi.onnxruntime_pybind11_state.Fail, match=r"skip[12]/add"):
        session.run(None, {"image": np.zeros((1, 3, *size), np.float32)})


def test_a_quick_run_writes_a_model_that_runs(script: Any, tmp_path: Path) -> None:
    out = tmp_path / "quick.onnx"
    command = [sys.executable, str(SCRIPT), "--quick", "--out", str(out)]
    finished = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert "step 20/20" in finished.stdout
    picture = np.zeros((48, 64, 3), np.float32)
    assert script.run_model(script.open_session(out), picture).shape == picture.shape


def test_a_missing_folder_is_refused_before_training(script: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        script.main(["--out", "no/such/folder/model.onnx"])
    assert "there is no folder no/such/folder" in capsys.readouterr().err
