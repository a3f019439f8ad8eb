"""A model as text names it: imported, called with literal arguments, or refused in one line that says what to do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command_line import one_line, run

from striate.formats.named import SHIPPED, named_source

CODE = """
import torch
from torch import nn

def make(name, classes=3, *, wide=False):
    middle = 8 if wide else 4
    return nn.Sequential(nn.Conv2d(3, middle, {"small": 3, "large": 5}[name]), nn.Conv2d(middle, classes, 1))

def plain():
    return nn.Conv2d(3, 4, 7)

def program():
    return torch.export.export(nn.Conv2d(3, 4, 5), (torch.zeros(1, 3, 32, 32),))

def weights():
    return {}

def broken():
    raise RuntimeError("out of stock")

ready = nn.Conv2d(3, 4, 9)
number = 3
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    files = {
        "shop": CODE,
        "lacking": "import nowhere_to_be_found",
        "mismatched": 'raise RuntimeError("operator torchvision::nms does not exist")',
    }
    for name, code in files.items():
        (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in files:
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("text", "layer", "sizes"),
    [
        ('shop:make("small")', "0", "3x3"),
        ("shop:make('large', classes=7)", "0", "5x5"),
        ('shop:make("small", 7, wide=True)', "1", "3x3"),
        ("shop:plain", "conv2d", "7x7"),
        ("shop:plain()", "conv2d", "7x7"),
        ("shop:ready", "conv2d", "9x9"),
        ("shop:program", "conv2d", "5x5"),
    ],
)
@pytest.mark.usefixtures("home")
def test_a_callable_is_called_with_its_literal_arguments(text: str, layer: str, sizes: str) -> None:
    answer = run("region", text, layer if layer != "conv2d" else _first(text), "2,2", "--input", "1x3x32x32", "--json")
    assert answer.exit_code == 0, answer.output
    rows = answer.output
    assert f'"pixels": {int(sizes[0]) ** 2}' in rows, rows


def _first(text: str) -> str:
    from striate.formats.model import Model
    from striate.formats.named import named_source

    return Model(named_source(text), (1, 3, 32, 32)).network.nodes[0].name


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("shop:make", 2, "needs name; write literal arguments, as in shop:make(name=...)"),
        ("shop:make(classes=4)", 2, "needs name"),
        ("shop:make(open('x'))", 2, "its arguments are no literals"),
        ("shop:make(*[1])", 2, "its arguments are no literals"),
        ("shop:make('small')(3)", 2, "its arguments are no literals"),
        ("shop:make('small', colour=1)", 3, "unexpected keyword argument 'colour'"),
        ("shop:weights", 2, "gave dict, not a torch.nn.Module"),
        ("shop:number", 2, "is a int, neither a torch.nn.Module nor callable"),
        ("shop:broken", 3, "calling it failed: RuntimeError: out of stock"),
        ("shop:absent", 2, "has no attribute 'absent'"),
        ("nowhere:model", 2, "cannot import nowhere; install nowhere or run striate in the folder it is in"),
        ("lacking:model", 2, "cannot import nowhere_to_be_found, which lacking needs"),
        ("mismatched:model", 5, "pip install --force-reinstall torch torchvision"),
    ],
)
@pytest.mark.usefixtures("home")
def test_a_refusal_says_what_to_do(text: str, code: int, line: str) -> None:
    result = run("fields", text, "--input", "1x3x32x32")
    assert result.exit_code == code, result.output
    assert result.stderr.count("\n") == 1
    assert line in result.stderr
    if code == 5:
        one_line(result, code, "does not fit torch")


def test_the_shipped_networks_have_names_and_a_file_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = map(named_source, SHIPPED)
    assert [source.name for source in shipped if isinstance(source, Path)] == ["denoiser.onnx", "v1.onnx"]
    assert run("fields", "v1", "--input", "1x1x32x32").exit_code == 0
    monkeypatch.chdir(tmp_path)
    Path("v1").write_bytes(b"no model")
    assert named_source("v1") == Path("v1")
