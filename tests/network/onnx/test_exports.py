"""Every spelling of a function, exported by both of torch's exporters, reads what the torch module reads."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from spellings import CASES, Case

from striate.fields import Fields, region
from striate.network import Network
from striate.network.onnx_reader import read_onnx
from striate.network.torch_reader import read_torch

SPELLED = {f"{case.name}: {spelling}": (case, spelling) for case in CASES for spelling in case.spellings}
# What an exporter has no form for, or writes so that onnxruntime refuses the file (a negative perm).
UNEXPORTED = {
    False: (
        "RMS norm of channels: function", "3x3 convolution: windows", "nearest upsampling: repeat", "flip: fliplr",
        "channel shuffle: module", "mean pooling to an uneven size: adaptive pool", "GELU: distribution",
        "layer norm of channels: movedim",
    ),
    True: (
        "attention of tokens: function", "attention with a residual: function",
        "attention with a class token: function", "attention in windows: function", "channel attention: function",
    ),
}  # fmt: skip
QUICK = {
    False: (
        "group norm: function", "layer norm of channels: by hand", "softmax of rows: by hand",
        "squeeze and excite: convolution", "dense over channels: einsum", "3x3 convolution: unfold",
        "circular padding: function", "shift by one: write", "zero padding: write", "crop: indices",
        "attention with heads: module", "attention in windows: unfold", "hard swish: function", "roll: function",
    ),
    True: ("3x3 convolution: unfold", "mean pooling to an uneven size: adaptive pool"),
}  # fmt: skip
DEEP = 60


def exported(case: Case, spelling: str, new: bool, folder: Path) -> Path:
    """The file one of torch's exporters writes of a spelling; what they print is left out."""
    path = folder / "spelled.onnx"
    x = torch.rand(case.shape, generator=torch.Generator().manual_seed(1))
    quiet = {"verbose": False} if new else {}
    said = io.StringIO()
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            warnings.simplefilter("ignore")
            torch.onnx.export(case.module(spelling), (x,), str(path), dynamo=new, **quiet)
    finally:
        logging.disable(logging.NOTSET)
    return path


def agrees(name: str, new: bool, folder: Path) -> None:
    """Shapes and the regions of four units are those of the module; nothing of it is a mere upper bound."""
    case, spelling = SPELLED[name]
    mine = read_onnx(exported(case, spelling, new, folder))
    mine.validate()
    theirs = read_torch(case.module(spelling), case.shape)
    assert mine.shapes[mine.outputs[0]] == theirs.shapes[theirs.outputs[0]]
    assert not any(node.at_most for node in mine.nodes)
    ours, torchs = Fields(mine), Fields(theirs)
    for at in units(theirs):
        found, wanted = region(ours, mine.outputs[0], at), region(torchs, theirs.outputs[0], at)
        assert (found.mask == wanted.mask).all(), f"{name}: unit {at} reads {found.mask.sum()} of {wanted.mask.sum()}"


def units(network: Network) -> set[tuple[int, ...]]:
    """Both corners, the centre and one drawn."""
    sizes = network.shapes[network.outputs[0]][2:]
    rng = np.random.default_rng(0)
    drawn = tuple(int(rng.integers(n)) for n in sizes)
    return {tuple(0 for _ in sizes), tuple(n // 2 for n in sizes), tuple(n - 1 for n in sizes), drawn}


@pytest.mark.parametrize("name", QUICK[False])
def test_the_tracing_exporter(tmp_path: Path, name: str) -> None:
    agrees(name, False, tmp_path)


@pytest.mark.parametrize("name", QUICK[True])
def test_the_new_exporter(tmp_path: Path, name: str) -> None:
    agrees(name, True, tmp_path)


def drawn(new: bool) -> list[str]:
    """As many spellings as the full run exports, at least one of every function that can be."""
    possible = [name for name in SPELLED if name not in UNEXPORTED[new]]
    first = list({SPELLED[name][0].name: name for name in reversed(possible)}.values())
    rest = [name for name in possible if name not in first]
    return (first + rest)[:DEEP]


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", drawn(False))
def test_the_tracing_exporter_on_every_function(tmp_path: Path, name: str) -> None:
    agrees(name, False, tmp_path)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", drawn(True))
def test_the_new_exporter_on_every_function(tmp_path: Path, name: str) -> None:
    agrees(name, True, tmp_path)
