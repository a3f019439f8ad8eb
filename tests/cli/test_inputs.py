"""What is said of a model's inputs on the command line: sizes it takes, auto, scalars, types, values."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from support.command_line import DENOISER, one_line, run

CODE = """
import torch
from torch import nn

class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = nn.Conv2d(3, 4, 3)
    def forward(self, x, k):
        return self.c(x) + k

class Rate(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = nn.Conv1d(1, 4, 3)
    def forward(self, x, sr):
        return self.c(x) if sr == 16000 else self.c(x[..., ::2])

class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.e = nn.Embedding(10, 8)
        self.c = nn.Conv1d(8, 4, 3)
    def forward(self, ids):
        return self.c(self.e(ids).transpose(1, 2))

class Listed(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = nn.Conv2d(3, 4, 3)
    def forward(self, xs):
        return self.c(xs[0]) + self.c(xs[1])

class Pyramid(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = (nn.Conv2d(n, 4, 3, 2, 1) for n in (3, 4))
        self.u = nn.Upsample(scale_factor=4)
    def forward(self, x):
        return torch.cat([x, self.u(self.b(self.a(x)))], 1)
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "toys.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("toys", None)


def by_rate(path: Path, kind: int = TensorProto.INT64) -> Path:
    """A signal through a convolution of 3 taps at 16000, of 5 taps at any other rate."""
    branches = []
    for name, taps in (("narrow", 3), ("wide", 5)):
        weight = numpy_helper.from_array(np.ones((1, 1, taps), np.float32), f"{name}_weight")
        conv = helper.make_node("Conv", ["x", weight.name], [f"{name}_out"], name, pads=[taps // 2] * 2)
        out = helper.make_tensor_value_info(f"{name}_out", TensorProto.FLOAT, None)
        branches.append(helper.make_graph([conv], name, [], [out], [weight]))
    rate = numpy_helper.from_array(np.array(16000, helper.tensor_dtype_to_np_dtype(kind)), "rate")
    nodes = [
        helper.make_node("Equal", ["sr", "rate"], ["same"]),
        helper.make_node("If", ["same"], ["y"], "if", then_branch=branches[0], else_branch=branches[1]),
    ]
    inputs = [helper.make_tensor_value_info(*entry) for entry in (("x", 1, [1, 1, 32]), ("sr", kind, []))]
    graph = helper.make_graph(nodes, "rate", inputs, [helper.make_tensor_value_info("y", 1, None)], [rate])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("toys:Two", "--input", "x=1x3x8x8", "--set", "k=2"), "toys:Two · x 1x3x8x8"),
        (("toys:Two", "--input", "x=1x3x8x8", "--input", "k=scalar"), "other inputs: k"),
        (("toys:Rate", "--input", "x=1x1x32", "--set", "sr=16000"), "1x4x30"),
        (("toys:Rate", "--input", "x=1x1x32", "--set", "sr=8000"), "1x4x14"),
        (("toys:Tokens", "--input", "1x12", "--dtype", "int64"), "1x4x10"),
        (("toys:Tokens", "--input", "ids=1x12", "--dtype", "ids=int64"), "1x4x10"),
        (("toys:Tokens", "--input", "auto"), "ids 1x1024"),
        (("toys:Listed", "--input", "xs.0=1x3x8x8", "--input", "xs.1=1x3x8x8"), "xs.0 1x3x8x8"),
        (("toys:Pyramid", "--input", "auto"), "1x3x224x224"),
        ((DENOISER, "--input", "auto"), "1x3x224x224"),
    ],
)
@pytest.mark.usefixtures("home")
def test_an_input_is_taken_as_it_is_said_to_be(arguments: tuple[str, ...], line: str) -> None:
    result = run("fields", *arguments, "--all")
    assert result.exit_code == 0, result.stderr
    assert line in result.output, result.output


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (("toys:Pyramid",), 2, "--input 1x3x224x224 fits, as do larger ones in steps of 4; --input auto takes it"),
        ((DENOISER,), 2, "--input 1x3x224x224 fits, as do larger ones in steps of 4"),
        (("toys:Two", "--input", "1x3x8x8"), 2, "give each a shape, --input x=1x3x8x8 --input k=1x3x224x224"),
        (("toys:Two", "--input", "1x3x8x8"), 2, "or a number, --set k=1"),
        (("toys:Rate", "--input", "x=1x1x32", "--input", "sr=scalar"), 4, "give its value: --set NAME=1"),
        (("toys:Tokens", "--input", "1x12"), 2, "token ids need --dtype int64"),
        (("toys:Listed", "--input", "xs=1x3x8x8", "--input", "y=1x3x8x8"), 2, "--input xs.0=1x3x8x8 --input xs.1="),
        (("toys:Two", "--input", "x=1x3x8x8", "--set", "z=2"), 2, "no input 'z'"),
        (("toys:Two", "--input", "x=1x3x8x8", "--set", "k=two"), 2, "write the input's name and a number"),
        (("toys:Two", "--input", "x=1x3x8x8", "--set", "k=1", "--set", "k=2"), 2, "--set is given 2 times for k"),
        (("toys:Two", "--input", "x=1x3x8x8", "--dtype", "int65"), 2, "is no element type"),
    ],
)
@pytest.mark.usefixtures("home")
def test_a_refusal_says_what_to_write(arguments: tuple[str, ...], code: int, line: str) -> None:
    one_line(run("fields", *arguments), code, line)


@pytest.mark.parametrize(("rate", "size"), [("16000", 3), ("8000", 5)])
def test_a_value_of_a_file_chooses_its_branch_and_is_proved(rate: str, size: int, tmp_path: Path) -> None:
    path = by_rate(tmp_path / "rate.onnx")
    asked = run("region", path, "y", "9", "--set", f"sr={rate}", "--json")
    assert asked.exit_code == 0, asked.stderr
    assert f'"pixels": {size}' in asked.output
    proved = run("check", path, "--set", f"sr={rate}", "--layer", "y", "--unit", "9")
    assert proved.exit_code == 0, proved.output
    assert ["y", "9", f"{size}", f"{size}"] in [line.split()[:4] for line in proved.output.splitlines()], proved.output


def test_a_file_without_the_value_says_how_to_give_it(tmp_path: Path) -> None:
    one_line(run("fields", by_rate(tmp_path / "rate.onnx")), 4, "--set sr=")


@pytest.mark.usefixtures("home")
def test_check_takes_values_and_types() -> None:
    proved = run("check", "toys:Rate", "--input", "x=1x1x32", "--set", "sr=8000")
    assert proved.exit_code == 0, proved.output
    assert ["c", "7", "3", "3"] in [line.split()[:4] for line in proved.output.splitlines()]
    one_line(run("check", "toys:Tokens", "--input", "1x12", "--dtype", "int64"), 4, "'ids' holds int64")
