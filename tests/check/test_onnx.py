"""Claims against onnxruntime: small graphs pixel by pixel, real models by sample."""

from __future__ import annotations

from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import pytest
from support.small_graphs import GRAPHS, Graph

from striate.check import check
from striate.errors import InputError, UnsupportedError


@pytest.mark.parametrize("name", GRAPHS)
def test_small_graphs_are_proved_pixel_by_pixel(name: str, tmp_path: Path) -> None:
    graph = Graph(1, 3, 19, 17)
    report = check(graph.save(tmp_path, GRAPHS[name](graph)))
    assert report.complete, report
    assert all(line.startswith("proved: ") for line in report.lines()[:-2])


def refuse(*_: object) -> None:
    raise UnsupportedError("not followed backward")


def test_the_random_choices_follow_the_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a twin that is not followed backward, pixels are drawn and lit one by one."""
    monkeypatch.setattr("striate.check.onnx_backward.backwards", refuse)
    graph = Graph(1, 3, 19, 17)
    path = graph.save(tmp_path, GRAPHS["branches"](graph))
    first, second, other = (check(path, seed=seed, passes=20) for seed in (3, 3, 4))
    assert first == second
    assert [unit.at for unit in first.units] != [unit.at for unit in other.units]
    assert first.ok
    assert not first.complete


def test_chosen_layers_and_units(tmp_path: Path) -> None:
    graph = Graph(1, 3, 19, 17)
    path = graph.save(tmp_path, GRAPHS["holes"](graph))
    events: list[tuple[int, int]] = []
    report = check(path, layers=["conv2"], units=[(4, 4)], progress=lambda done, total: events.append((done, total)))
    (unit,) = report.units
    assert (unit.layer, unit.at, unit.claimed, unit.confirmed, unit.outside) == ("conv2", (4, 4), 9, 9, 19 * 17 - 9)
    assert str(unit) == (
        "proved: conv2 (4, 4) reads all 9 pixels claimed, none of the 314 others; "
        "the model itself: unmoved by noise on the others, moved by 4 of 4 sides"
    )
    assert [done for done, _ in events] == sorted(done for done, _ in events)
    assert events[-1][0] == events[-1][1]


def test_bad_requests_say_what_fits(tmp_path: Path) -> None:
    graph = Graph(1, 3, 19, 17)
    path = graph.save(tmp_path, GRAPHS["holes"](graph))
    with pytest.raises(InputError, match="did you mean 'conv2'"):
        check(path, layers=["conv22"])
    with pytest.raises(InputError, match=r"conv2: unit \(40, 0\) lies outside shape .*: index 40 must be in \[0, 10\)"):
        check(path, layers=["conv2"], units=[(40, 0)])


def test_an_operator_without_a_twin_is_named(tmp_path: Path) -> None:
    graph = Graph(1, 2, 8, 8)
    grid = graph("Transpose", graph.conv("image", 2, 2, 3, pads=[1, 1, 1, 1]), perm=[0, 2, 3, 1])
    path = graph.save(tmp_path, graph("GridSample", "image", grid))
    with pytest.raises(UnsupportedError, match="no twin for GridSample"):
        check(path)
    assert check(path, layers=["conv0"]).complete


@pytest.mark.parametrize("opset", [8, 11, 13, 18, 21])
def test_every_opset_has_a_twin(opset: int, tmp_path: Path) -> None:
    graph = Graph(1, 3, 17, 17, opset=opset)
    x = graph("MaxPool", GRAPHS["squeeze"](graph) if opset > 5 else "image", kernel_shape=[3, 3], strides=[2, 2])
    x = graph("Add", x, graph.weights(4, 1, 1))
    pooled = graph("AveragePool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2])
    report = check(graph.save(tmp_path, graph("Softmax", pooled, axis=1)), passes=400)
    assert report.ok, report


def test_the_shipped_denoiser() -> None:
    path = files("striate") / "data" / "denoiser.onnx"
    report = check(Path(str(path)), (1, 3, 40, 40), passes=60)
    assert report.complete, report


def detector() -> Path:
    spec = find_spec("rapidocr_onnxruntime")
    if spec is None or spec.origin is None:
        pytest.skip("needs rapidocr-onnxruntime==1.4.4")
    return Path(spec.origin).parent / "models" / "ch_PP-OCRv4_det_infer.onnx"


def test_the_text_detector() -> None:
    report = check(detector(), (1, 3, 160, 160), passes=24)
    assert report.complete, report


@pytest.mark.exhaustive
def test_the_text_detector_at_full_size() -> None:
    report = check(detector(), (1, 3, 960, 960))
    assert report.complete, report
