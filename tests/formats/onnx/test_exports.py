"""Every spelling of a function, exported by both of torch's exporters, reads what the torch module reads."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.spellings import CASES, MASKED, Case
from support.sure import sure

from striate.fields import AxisField, Fields, region
from striate.formats.onnx import read_onnx
from striate.formats.torch import read_torch
from striate.network import Network

SPELLED = {f"{case.name}: {spelling}": (case, spelling) for case in (*CASES, *MASKED) for spelling in case.spellings}
# What an exporter has no form for, or writes so that onnxruntime refuses the file (a negative perm).
UNEXPORTED = {
    False: (
        "RMS norm of channels: function", "3x3 convolution: windows", "nearest upsampling: repeat", "flip: fliplr",
        "channel shuffle: module", "mean pooling to an uneven size: adaptive pool", "GELU: distribution",
        "layer norm of channels: movedim", "stripes: write",
    ),
    True: (
        "attention of tokens: function", "attention with a residual: function",
        "attention with a class token: function", "attention in windows: function", "channel attention: function",
        "stripes: write", "stripes: pieces",
    ),
}  # fmt: skip
# Regions agree; the word for a merge of parts side by side, for windows cut one by one, for a filter made by the
# module, or for units no two of which are alike, follows how the steps are written.
WORDED_OTHERWISE = (
    "channel shift: write", "pixel shuffle: writes", "mean pooling: windows", "overlapping mean pooling: convolution",
    "mean pooling to an uneven size: adaptive pool",
)  # fmt: skip
# The file states zeros, which may be weights of a model that was not trained: an upper bound.
ZEROS_STATED = tuple(f"product with a part in zeros: {spelling}" for spelling in ("write", "write of zeros", "cat"))
QUICK = {
    False: (
        "group norm: function", "layer norm of channels: by hand", "softmax of rows: by hand",
        "squeeze and excite: convolution", "dense over channels: einsum", "3x3 convolution: unfold",
        "circular padding: function", "shift by one: write", "zero padding: write", "crop: indices",
        "attention with heads: module", "attention in windows: unfold", "hard swish: function", "roll: function",
        "causal attention: filled", "running sum: linear",
    ),
    True: ("3x3 convolution: unfold", "mean pooling to an uneven size: adaptive pool"),
}  # fmt: skip
DEEP = 60


def exported(case: Case, spelling: str, new: bool, folder: Path) -> Path:
    """The file one of torch's exporters writes of a spelling; what they print is left out."""
    path = folder / "spelled.onnx"
    written(case.module(spelling), torch.rand(case.shape, generator=torch.Generator().manual_seed(1)), path, new)
    return path


def written(module: torch.nn.Module, x: torch.Tensor, path: Path, new: bool) -> None:
    quiet: dict[str, Any] = {"verbose": False} if new else {}
    said = io.StringIO()
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            warnings.simplefilter("ignore")
            torch.onnx.export(module, (x,), str(path), dynamo=new, **quiet)
    finally:
        logging.disable(logging.NOTSET)


def agrees(name: str, new: bool, folder: Path) -> None:
    """Fields and the regions of four units are those of the module; nothing of it is a mere upper bound."""
    case, spelling = SPELLED[name]
    mine = read_onnx(exported(case, spelling, new, folder))
    mine.validate()
    theirs = read_torch(case.module(spelling), case.shape)
    assert mine.shapes[mine.outputs[0]] == theirs.shapes[theirs.outputs[0]]
    assert not any(node.at_most for node in mine.nodes)
    ours, torchs = Fields(mine), Fields(theirs)
    if name not in WORDED_OTHERWISE:
        assert dict(ours[mine.outputs[0]].axes) == dict(torchs[theirs.outputs[0]].axes)
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
    possible = [name for name in SPELLED if name not in (*UNEXPORTED[new], *ZEROS_STATED)]
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


@pytest.mark.parametrize("name", ZEROS_STATED)
def test_zeros_that_a_file_states_may_hide_what_they_meet(tmp_path: Path, name: str) -> None:
    case, spelling = SPELLED[name]
    mine = read_onnx(exported(case, spelling, False, tmp_path))
    assert [node.source for node in mine.nodes if node.at_most] == ["Mul"]


def local(axis: AxisField) -> tuple[str, int, Fraction | None, int | None]:
    span = sure(axis.local)
    return axis.status, span.size, span.stride, span.start


@pytest.mark.parametrize("new", [False, True])
def test_a_group_norm_between_convolutions_is_whole_through_the_norm(tmp_path: Path, new: bool) -> None:
    """Exported as a view, an instance norm and a view back: whole by the norm's name, with the local field kept."""
    module = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, padding=1), torch.nn.GroupNorm(2, 4), torch.nn.Conv2d(4, 4, 3, padding=1)
    ).eval()
    path = tmp_path / "norm.onnx"
    written(module, torch.rand(1, 3, 16, 20), path, new)
    fields = Fields(read_onnx(path))
    norm = next(name for name in fields if fields[name].op == "InstanceNormalization")
    middle, last = fields[norm], fields[list(fields)[-1]]
    assert [local(axis) for axis in last.axes.values()] == [("whole", 5, 1, -2)] * 2
    assert last.global_via == middle.global_via == (norm,)
    before = fields[list(fields)[list(fields).index(norm) + 2]]
    assert [local(axis) for axis in before.axes.values()] == [("whole", 3, 1, -1)] * 2
