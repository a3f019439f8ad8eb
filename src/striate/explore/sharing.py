"""What sharing a kernel saves: each convolution beside a locally connected and a dense layer between the same maps."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError
from striate.explore.equivariance import Shift, Unmeasured, shifts
from striate.explore.running import Source, opened
from striate.fields import Fields
from striate.formats.shapes import InputShape
from striate.geometry import Border, Window
from striate.network import Network, Node
from striate.network.operators import Conv
from striate.network.relation import Shape
from striate.progress import Progress
from striate.values import instance, text

NAMED = 3


@dataclass(frozen=True, slots=True)
class Count:
    """What one way to connect two maps takes for one picture: parameters, and multiply-adds without the biases.

    ``macs`` counts every tap, ``macs_inside`` leaves out those that read zeros of the padding. A locally connected or a
    dense layer uses each weight once: there they count its weights too.
    """

    weights: int
    biases: int
    macs: int
    macs_inside: int

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return self.weights + self.biases


@dataclass(frozen=True, slots=True)
class Sharing:
    """A convolution of a network between ``input`` and ``output``, shapes of (channels, *sizes) of one picture.

    ``convolution`` is what it takes, ``local`` the same windows with weights of their own at every place, ``dense``
    every value of the input joined to every one of the output; the last two have a bias for each unit where the layer
    has one for each channel. ``shift`` is what came of moving the picture; None where it was not measured, for the
    reason ``unmeasured``.
    """

    layer: str
    input: Shape
    output: Shape
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    groups: int
    convolution: Count
    local: Count
    dense: Count
    shift: Shift | Unmeasured

    @property
    def saved(self) -> tuple[float, float]:
        """How many times the convolution's parameters the locally connected and the dense layer have."""
        ours = self.convolution.parameters
        return self.local.parameters / ours, self.dense.parameters / ours


def sharing(
    model: Source,
    layer: str | None = None,
    input_shape: InputShape = None,
    *,
    shift: bool = True,
    picture: NDArray[Any] | None = None,
    layout: str | None = None,
    progress: Progress | None = None,
) -> tuple[Sharing, ...]:
    """What each convolution of a network, or the one of ``layer``, saves by sharing its kernel; in execution order.

    With ``shift`` the network is run on ``picture``, of the input's shape and in its numbers, by default seeded noise,
    and on the same moved by the layer's stride. Raises InputError for a layer that is no convolution, a network without
    one and a picture of another shape; UnsupportedError for a model without a runner.

    >>> from importlib.resources import files
    >>> (stem,) = sharing(files("striate") / "data" / "denoiser.onnx", "stem/conv", (1, 3, 32, 32))
    >>> stem.convolution.parameters, stem.local.parameters, stem.dense.parameters
    (3552, 3637248, 75522048)
    >>> stem.convolution.macs, stem.convolution.macs_inside, stem.shift.holds
    (3612672, 3235968, True)
    """
    held, moved = opened(model, input_shape), instance("shift", shift, bool)
    nodes = convolutions(held.network, layer)
    found = shifts(held, Fields(held, None, layout), nodes, picture, progress) if moved else {}
    return tuple(_counted(held.network, node, found.get(node.name, Unmeasured.UNASKED)) for node in nodes)


def convolutions(network: Network, layer: str | None = None) -> tuple[Node, ...]:
    """The convolutions of a network in execution order, or the one that gives ``layer``; InputError where there is
    none.
    """
    found = tuple(node for node in network.nodes if isinstance(node.op, Conv))
    if layer is None:
        if not found:
            raise InputError(f"{network.name} has no convolution, whose kernel is what is shared")
        return found
    tensor = network.tensor(text("layer", layer))
    chosen = tuple(node for node in found if tensor in node.outputs)
    if not chosen:
        near = ", ".join(node.name for node in found[:NAMED]) or "none"
        raise InputError(f"{layer} is no convolution; {network.name} has {len(found)}, the first: {near}")
    return chosen


def _counted(network: Network, node: Node, shift: Shift | Unmeasured) -> Sharing:
    conv = node.op
    assert isinstance(conv, Conv)
    (_, *source), (_, *output) = network.shapes[node.inputs[0]], network.shapes[node.outputs[0]]
    channels, units = conv.out_channels, prod(output)
    taps = source[0] // conv.groups * prod(conv.kernel)
    per_map = [_inside(window, n, out) for window, n, out in zip(conv.windows(), source[1:], output[1:], strict=True)]
    macs = units * taps
    inside = macs if conv.border is not Border.ZERO else channels * (source[0] // conv.groups) * prod(per_map)
    biased = any(weight.role == "bias" for weight in node.weights)
    return Sharing(
        node.name, tuple(source), tuple(output), conv.kernel, conv.stride, conv.groups,
        Count(channels * taps, channels * biased, macs, inside),
        Count(macs, units * biased, macs, inside),
        Count(prod(source) * units, units * biased, prod(source) * units, prod(source) * units),
        shift,
    )  # fmt: skip


def _inside(window: Window, n: int, units: int) -> int:
    """How many taps of all units of one axis lie inside its ``n`` pixels."""
    first = np.arange(units) * window.stride - window.pad_before
    taps = first[:, None] + np.arange(window.size) * window.dilation
    return int(((taps >= 0) & (taps < n)).sum())
