"""What an input's axes are, told by the first convolution they reach; the axes themselves against autograd."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from support.sure import sure
from torch import Tensor, nn
from torch.nn import functional as F

from striate.errors import InputError
from striate.fields import Fields, Unit, region
from striate.fields.layout import layout_of
from striate.formats.torch import read_torch


class Written(nn.Module):
    """A 2-D, 1-D and 3-D convolution of 3 channels, a pool-free function over them."""

    def __init__(self, function: Callable[[Written, Tensor], Tensor]) -> None:
        super().__init__()
        self.plane, self.line, self.volume = nn.Conv2d(3, 4, 3), nn.Conv1d(3, 4, 3), nn.Conv3d(3, 4, 3)
        self.mono, self.patches, self.wide = nn.Conv2d(1, 4, 3), nn.Conv2d(12, 4, 3), nn.Conv2d(6, 4, 3)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


def standardised(x: Tensor, axis: int) -> Tensor:
    return (x - x.mean(axis, keepdim=True)) / x.std(axis, keepdim=True)


CASES: dict[str, tuple[str, tuple[int, ...], Callable[[Written, Tensor], Tensor]]] = {
    "plain": ("NCHW", (1, 3, 9, 11), lambda m, x: m.plane(x)),
    "plain line": ("NCL", (1, 3, 9), lambda m, x: m.line(x)),
    "plain volume": ("NCDHW", (1, 3, 5, 6, 7), lambda m, x: m.volume(x)),
    "channels last": ("NHWC", (1, 9, 11, 3), lambda m, x: m.plane(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)),
    "width first": ("NHWC", (1, 11, 9, 3), lambda m, x: m.plane(x.permute(0, 3, 2, 1))),
    "time first": ("NLC", (1, 9, 3), lambda m, x: m.line(x.transpose(1, 2)).transpose(1, 2)),
    "unbatched": ("CHW", (3, 9, 11), lambda m, x: m.plane(x)),
    "unbatched by a view": ("CHW", (3, 9, 11), lambda m, x: m.plane(x.reshape(1, 3, 9, 11))[0]),
    "unbatched, channels last": ("HWC", (9, 11, 3), lambda m, x: m.plane(x.permute(2, 0, 1)[None])[0]),
    "unbatched line": ("CL", (3, 9), lambda m, x: m.line(x)),
    "a spectrogram": ("NHW", (2, 9, 11), lambda m, x: m.mono(x[:, None])),
    "an image alone": ("HW", (9, 11), lambda m, x: m.mono(x[None, None])[0, 0]),
    "one channel last": ("NHWC", (2, 9, 11, 1), lambda m, x: m.mono(x.squeeze(3)[:, None])),
    "frames one by one": ("NTCHW", (2, 4, 3, 7, 8), lambda m, x: m.plane(x.flatten(0, 1)).unflatten(0, (2, 4))),
    "frames stacked": ("NCCHW", (1, 2, 3, 7, 8), lambda m, x: m.wide(x.flatten(1, 2))),
    "patches in channels": ("NCHW", (1, 3, 10, 12), lambda m, x: m.patches(F.pixel_unshuffle(x, 2))),
    "patches by slices": (
        "NHWC", (1, 10, 12, 3),
        lambda m, x: m.patches(torch.cat([x[:, k // 2 :: 2, k % 2 :: 2] for k in range(4)], 3).permute(0, 3, 1, 2)),
    ),
    "normalised before": ("NHWC", (1, 9, 11, 3), lambda m, x: m.plane(standardised(x, 3).permute(0, 3, 1, 2))),
    "dense before": ("NHWC", (1, 9, 11, 3), lambda m, x: m.plane((x @ torch.ones(3, 3)).movedim(3, 1))),
    "merged and parted": ("NHWC", (1, 9, 11, 3), lambda m, x: m.plane(
        (x.reshape(99, 3) @ torch.ones(3, 3)).reshape(9, 11, 3).permute(2, 0, 1)[None]
    )),
    "a line of pixels": ("NHWC", (1, 9, 11, 3), lambda m, x: m.plane(
        F.conv1d(x.flatten(1, 2).transpose(1, 2), torch.ones(3, 3, 1)).unflatten(2, (9, 11))
    )),
    "the first decides": (
        "NHWC", (1, 9, 9, 3), lambda m, x: m.plane(m.plane(x.permute(0, 3, 1, 2))[:, :3].permute(0, 1, 3, 2)),
    ),
    "a pool": ("NCHW", (1, 3, 9, 11), lambda m, x: F.max_pool2d(x, 3)),
    "a pool, channels last": ("NHWC", (1, 9, 11, 3), lambda m, x: F.max_pool2d(x.permute(0, 3, 1, 2), 3)),
    "transposed": ("NHWC", (1, 5, 6, 3), lambda m, x: F.conv_transpose2d(x.permute(0, 3, 1, 2), m.plane.weight[:3])),
    "no convolution": ("NCHW", (1, 3, 9, 11), lambda m, x: x.permute(0, 2, 3, 1).relu()),
    "everything mixed before": ("NCHW", (1, 3, 2, 2), lambda m, x: m.plane(
        (x.reshape(1, 12) @ torch.ones(12, 75)).reshape(1, 3, 5, 5)
    )),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_layout_of(name: str) -> None:
    layout, shape, function = CASES[name]
    network = read_torch(Written(function), shape)
    assert layout_of(network, network.inputs[0]) == layout
    assert Fields(network).layout == layout


def test_channels_last_is_read_like_channels_first() -> None:
    """The width is the width: the same fields as the plain module's, and no convolution that sees everything."""
    last, first = (Fields(read_torch(Written(CASES[name][2]), CASES[name][1])) for name in ("channels last", "plain"))
    one, other = (fields[list(fields)[-1]] for fields in (last, first))
    assert {name: sure(axis.span).phases for name, axis in one.axes.items()} == {
        name: sure(axis.span).phases for name, axis in other.axes.items()
    }
    assert [axis.status for axis in one.axes.values()] == ["exact", "exact"]
    assert [axis.along for axis in one.axes.values()] == [1, 2]
    assert one.global_via == ()


@pytest.mark.parametrize(
    "name", ["channels last", "width first", "time first", "patches by slices", "frames one by one"]
)
def test_the_axes_are_those_autograd_moves(name: str) -> None:
    """One unit's region over the named axes is where the gradient of the input is not zero."""
    _, shape, function = CASES[name]
    module = Written(function)
    network = read_torch(module, shape)
    fields = Fields(network)
    tensor = network.outputs[0]
    x = torch.rand(shape, requires_grad=True)
    y = module(x)
    unit = Unit(tensor, fields.layer_axes(tensor).centre)
    y[fields.index(unit)].sum().backward()
    assert x.grad is not None
    others = tuple(axis for axis in range(len(shape)) if axis not in fields.spatial.values())
    moved = (x.grad != 0).sum(others) > 0
    places = sorted(fields.spatial, key=lambda axis: fields.spatial[axis])
    found = region(fields, unit)
    assert list(fields.spatial) == places
    assert found.mask.tolist() == moved.tolist()


def test_a_layout_that_cannot_be_told_is_asked_for() -> None:
    network = read_torch(Written(lambda m, x: m.plane(x[:, 1])), (1, 4, 3, 9, 11))
    with pytest.raises(InputError, match=r"input 'x'.* of shape \(1, 4, 3, 9, 11\) cannot be told: .* as N\?CHW; name"):
        Fields(network)
    assert Fields(network, layout="NTCHW").layout == "NTCHW"


def test_a_name_given_is_taken() -> None:
    network = read_torch(Written(CASES["plain"][2]), (1, 3, 9, 11))
    assert Fields(network, layout="NHWC").layout == "NHWC"


def test_basic_pitch_is_a_signal_of_one_channel() -> None:
    found = find_spec("basic_pitch")
    if found is None or found.origin is None:
        pytest.skip("basic_pitch is not installed")
    from striate.formats.onnx import read_onnx

    network = read_onnx(Path(found.origin).parent / "saved_models/icassp_2022/nmp.onnx", (1, 43844, 1))
    fields = Fields(network)
    assert fields.layout == "NLC"
    convolutions = [fields[n.name].axes["length"] for n in network.nodes if n.op.word == "conv"]
    assert (convolutions[0].size, convolutions[0].stride, convolutions[0].start) == (256, 256, -128)
    assert min(axis.size or sure(axis.local).size for axis in convolutions if axis.size or axis.local) >= 256
