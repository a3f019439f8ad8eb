"""The benchmarks run, untimed: every row is there and no tool fails."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from torch import nn

import striate

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def run(name: str, *arguments: str) -> str:
    command = [sys.executable, str(BENCHMARKS / name), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_fields() -> None:
    printed = run("fields.py", "--models", "squeezenet1_1", "--rounds", "1")
    assert "| squeezenet1_1 | striate |" in printed
    assert "| squeezenet1_1 | torchlens |" in printed
    assert "exact cover" in printed


def test_explore() -> None:
    printed = run("explore.py", "v1", "v1", "--input", "1x1x32x32", "--photos", "2", "--black", "0", "--rounds", "1")
    assert "v1, v1: field 11 x 11, 64 channels" in printed
    assert "| strongest patches of 2 photographs |" in printed


def test_scaling(tmp_path: Path) -> None:
    plot = tmp_path / "growth.svg"
    printed = run("scaling.py", "--only", "depth", "tokens", "samples", "--largest", "49", "--plot", str(plot))
    rows = [line.split(" | ") for line in printed.splitlines() if line.startswith(("| depth", "| tokens"))]
    assert [(row[0], row[1], row[2]) for row in rows] == [("| depth", "10", "31"), ("| tokens", "49", "35")]
    assert plot.stat().st_size > 1000


def test_timm_cost_goes_on_with_a_table(tmp_path: Path) -> None:
    pytest.importorskip("timm")
    table = tmp_path / "table.csv"
    header = "model,outcome,seconds,megabytes,reading,fields,answers,layers,said"
    table.write_text(f"{header}\nresnet10t,read,9.00,7,1.00,2.00,6.00,50,\n")
    printed = run("timm_cost.py", str(table), "--models", "resnet10t", "test_vit")
    assert printed.startswith("test_vit read ")
    assert "| resnet10t | 9.00 | 7 | 1.00 | 2.00 | 6.00 | 50 |" in printed
    assert "2 read, 0 refused, 0 failed" in printed
    assert [row.split(",")[:2] for row in table.read_text().splitlines()[1:]] == [
        ["resnet10t", "read"], ["test_vit", "read"],
    ]  # fmt: skip


def test_work_in_its_own_process_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    apart = importlib.import_module("apart")

    def fail(begin: object) -> object:
        raise ValueError("no such layer")

    works: list[tuple[str, Callable[[Any], object]]] = [
        ("sum", lambda begin: sum(range(10))),
        ("large", lambda begin: len(bytearray(10**9))),
        ("slow", lambda begin: time.sleep(60)),
        ("wrong", fail),
        ("gone", lambda begin: os._exit(3)),
        ("held", lambda begin: (begin(), len(bytearray(b"1" * 50_000_000)))[1]),
    ]
    found = dict(apart.outcomes(works, jobs=2, seconds=2, megabytes=300))
    words = {name: outcome.word for name, outcome in found.items()}
    assert words == {
        "sum": "done", "large": "too large", "slow": "too slow", "wrong": "failed", "gone": "failed", "held": "done",
    }  # fmt: skip
    assert (found["sum"].answer, found["wrong"].answer) == (45, "ValueError: no such layer")
    assert found["gone"].answer == "exit code 3"
    assert 45 < found["held"].megabytes < 150


def test_conv(tmp_path: Path) -> None:
    table = tmp_path / "table.md"
    printed = run("conv.py", "--quick", "--peers", "torch", "torch-prepacked", "--markdown", str(table), "--batch", "2")
    row = next(line for line in printed.splitlines() if line.startswith("2x8x12x12 * 8x3x3 pad 1:"))
    for part in ("striate", "torch ", "torch-prepacked", "(frameworks)", "of peak", "error", "workspace"):
        assert part in row
    assert "shapes below 0.9 of the fastest of all" in printed
    assert "workspace is above its limit: 0" in printed
    assert "| 2x8x12x12 -> 8x3x3 pad 1 |" in table.read_text()
    assert "depthwise, other" not in table.read_text()


def test_gradients(tmp_path: Path) -> None:
    table = tmp_path / "table.md"
    printed = run("gradients.py", "--quick", "--threads", "1", "--batch", "2", "--markdown", str(table))
    sides = ("input", "weight", "bias", "layer")
    rows = [line.split(" | ") for line in table.read_text().splitlines()[2:]]
    assert [row[1] for row in rows] == 2 * list(sides)
    assert [row[0] for row in rows[::4]] == ["| 2x8x12x12 -> 8x3x3 pad 1", "| 2x4x9x9 -> 4x3x3 stride 2 groups 4"]
    assert all(float(row[5]) < 2e-6 and float(row[6].rstrip(" |")) < 2e-6 for row in rows)
    assert all(f"{side}: " in printed for side in sides)


def test_gradients_sees_a_wrong_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    gradients, engines = importlib.import_module("gradients"), importlib.import_module("engines")
    shape = engines.Shape(2, 4, 7, 6, 6, 3, 2, stride=2, pad=1, dilation=2, groups=2)
    wanted, calls = gradients.expected(shape), gradients.torch_calls(shape, 1)
    for side in gradients.PARTS:
        right = calls[side]()
        assert gradients.error_of(right, wanted[side], gradients.terms(shape, side)) < 1e-6
        assert gradients.error_of(right[::-1], wanted[side], gradients.terms(shape, side)) > 1e-2
    layer = calls["layer"]()
    assert gradients.error(shape, "layer", layer, wanted) < 1e-6
    assert gradients.error(shape, "layer", [*layer[:2], layer[2][::-1]], wanted) > 1e-2
    with pytest.raises(SystemExit, match="expected a gradient of shape"):
        gradients.error_of(calls["bias"](), wanted["weight"], 1.0)


@pytest.mark.parametrize("models", [["unet"], pytest.param([], marks=pytest.mark.exhaustive)], ids=["one", "all"])
def test_models(tmp_path: Path, models: list[str]) -> None:
    table = tmp_path / "table.md"
    chosen = ["--models", *models] if models else []
    printed = run("models.py", *chosen, "--threads", "1", "--quick", "--markdown", str(table))
    assert "unet channels-last 1 " in printed
    rows = [line for line in table.read_text().splitlines() if line.startswith("| ")]
    assert len(rows) == 1 + 2 * (len(models) or 10)
    assert rows[1].startswith("| unet | contiguous | 1 | ")
    assert rows[2].endswith("| 0 of 18 |")


def test_costs() -> None:
    printed = run("costs.py", "schedule", "--rounds", "1")
    assert "schedule task_us: slope " in printed
    assert "direct 64x1x4x4 * 1x3x3 pad 1: " in printed


def test_costs_stand_in_the_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    ways = BENCHMARKS.parent / "native" / "kernels" / "ways"
    for model, constants in importlib.import_module("costs").FAMILIES.items():
        source = ways / f"{model}.hpp" if model in ("machine", "schedule") else ways / f"{model}_plan.cpp"
        for constant in constants:
            assert re.search(rf"double\b.* {constant} = ", source.read_text()), f"{source.name} has no {constant}"
    assert not re.search(r"double\b.* no_such_cost = ", source.read_text())


@pytest.fixture
def conv(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("conv")


def test_conv_sums_up_what_is_measured(conv: ModuleType) -> None:
    near = conv.Row(conv.Shape(1, 8, 9, 9, 8, 1, 1), {"striate": 10.0, "torch": 20.0, "ncnn": 5.0}, {}, "direct", 8)
    near.error.update(striate=1e-6, torch=1e-6, ncnn=1e-2)
    far = near._replace(shape=conv.Shape(1, 8, 9, 9, 8, 3, 3, groups=8), error=dict.fromkeys(near.us, 1e-6))
    wide = near._replace(workspace=8_000_001)
    assert (near.ratio(conv.FRAMEWORKS), near.ratio(conv.PEERS), far.ratio(conv.PEERS)) == (2.0, 2.0, 0.5)
    assert near.share(1.0) == pytest.approx(2 * 8 * 8 * 81 / 10e3)
    assert [row.shape for row in conv.behind([near, far])] == [far.shape]
    assert [kind for kind, *_ in conv.classes([near, far], 1.0)] == ["1x1", "depthwise 3x3 and 5x5", "all"]
    assert "ABOVE its limit" in conv.describe(wide, 1.0)
    assert "ABOVE" not in conv.describe(near, 1.0)
    assert "not accurate: ncnn" in conv.describe(near, 1.0)


def test_conv_leaves_a_peer_out_where_it_cannot(conv: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    class Answers:
        def __init__(self, *replies: dict[str, object]) -> None:
            self.replies = list(replies)

        def ask(self, shape: object, wanted: Path) -> dict[str, object]:
            return self.replies.pop(0)

        def close(self) -> None:
            pass

    good = {"us": 2.0, "error": 0.0, "algorithm": "direct", "workspace": 0}
    peers = {
        "striate": Answers(good, good),
        "torch": Answers({"us": 3.0, "error": 0.0}, {"skip": "no such shape"}),
        "MNN": Answers({"missing": "No module named 'MNN'"}),
    }
    row = conv.measured(conv.Shape(1, 1, 4, 4, 1, 3, 3), peers, 2, Path())
    assert row.us == {"striate": 2.0}
    assert sorted(peers) == ["striate", "torch"]
    assert "left out torch at 1x1x4x4 * 1x3x3: no such shape" in capsys.readouterr().out


def test_conv_sees_a_wrong_engine(conv: ModuleType) -> None:
    engines = importlib.import_module("engines")
    shape = engines.Shape(3, 2, 5, 5, 2, 3, 3, groups=2)
    wanted = engines.expected(shape)
    assert wanted.shape == (2, 2, 3, 3)
    right = [wanted[0], wanted[0], wanted[1]]
    assert engines.error_of(right, wanted, shape) == 0
    assert engines.error_of(right[::-1], wanted, shape) > 1e-2
    assert "gave 2 images" in engines.answer("torch", lambda: lambda: right[:2], shape, wanted, 0.0)["skip"]
    assert len(conv.spread([engines.Shape(1, c, 5, 5, c, 1, 1) for c in range(1, 40)])) == 10


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("answers")


def test_answers_of_the_shipped_model(tmp_path: Path, answers: ModuleType) -> None:
    saved = run("answers.py", "save", str(tmp_path), "--only", "striate/*")
    assert "striate/denoiser: 30 layers, 30 units and pixels" in saved
    asked_again = run("answers.py", "compare", str(tmp_path), "--only", "striate/*")
    assert "1 networks, 30 layers, 30 units and pixels compared: 0 differences; 0 left out" in asked_again


def convolutions(kernel: int, padding: int) -> striate.LoadedModel:
    """image -> first (3x3) -> second (the kernel given)"""
    module = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 5, kernel, padding=padding))
    return striate.load(module, (1, 3, 12, 12))


def kept(answers: ModuleType, directory: Path, network: striate.LoadedModel) -> Path:
    found = answers.answer(network)
    found["units"] = {question: answers.attempted(work) for question, work in answers.units(network, "net")}
    answers.write(answers.answer_path(directory, "net"), found)
    return directory


def test_differences_are_counted_by_kind(
    tmp_path: Path, answers: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    before = kept(answers, tmp_path / "before", convolutions(3, 1))
    after = kept(answers, tmp_path / "after", convolutions(5, 2))
    capsys.readouterr()
    tally = answers.compare(before, after, by_kind=True)
    lines = capsys.readouterr().out.splitlines()
    assert sum(int(line.split()[0]) for line in lines) == tally.differences
    assert '2 in 1 networks: size, start, phases (net  "1  height")' in lines
    assert answers.kind('a  width  facts ["whole", "irregular"] -> ["whole"]; local {} -> null') == (
        'facts ["whole", "irregular"] -> ["whole"]'
    )
    assert answers.kind('fc reach of [3, 4]  channels "(9,) 9 a" -> "(1,) 1 b"') == "reach: channels"


def test_answers_name_each_difference(
    tmp_path: Path, answers: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = kept(answers, tmp_path / "before", convolutions(3, 1))
    after = kept(answers, tmp_path / "after", convolutions(5, 2))
    printed = capsys.readouterr().out
    assert answers.compare(before, before).differences == 0
    assert capsys.readouterr().out == printed == ""
    assert answers.compare(before, after).differences > 0
    lines = capsys.readouterr().out.splitlines()
    changed = "size 5 -> 7; start -2 -> -3; phases [[-2, 3]] -> [[-3, 4]]"
    assert f"net  1  height  {changed}" in lines
    assert f"net  1  width  {changed}" in lines
    assert any(line.startswith("net  1 [6, 6] None  hull [[4, 9], [4, 9]] -> [[3, 10], [3, 10]]") for line in lines)
    assert not any(line.startswith("net  0") for line in lines)
    monkeypatch.setattr("sys.argv", ["answers.py", "compare", str(before), str(after)])
    assert answers.main() == 1


def test_answers_tell_what_was_not_compared(
    tmp_path: Path, answers: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    for side, found in (("before", {"skipped": "memory"}), ("after", {"refused": "no rule"})):
        answers.write(answers.answer_path(tmp_path / side, "large"), found)
        answers.write(answers.answer_path(tmp_path / side, "other"), {"refused": side})
    tally = answers.compare(tmp_path / "before", tmp_path / "after")
    assert (tally.networks, tally.differences, tally.left) == (1, 1, 1)
    assert capsys.readouterr().out.splitlines() == [
        "(large: skipped: memory -> refused: no rule)",
        "other  refused: before -> refused: after",
    ]
