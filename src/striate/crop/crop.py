"""The network that computes exactly one box of some tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from hashlib import sha256

from striate.crop.walk import Boxes, planned
from striate.crop.writing import written
from striate.errors import InputError
from striate.geometry import Box
from striate.network import Network
from striate.network.operators import Constant
from striate.values import instance, shown


@dataclass(frozen=True, slots=True)
class Costs:
    """What a crop takes, in multiply-accumulates.

    ``macs`` are those of the crop; ``share`` those that fall to what was asked for if every element of the outputs
    took as many as in the whole.
    """

    macs: int
    share: Fraction

    @property
    def overhead(self) -> float:
        """How many times the share the crop takes: what the halo adds; 1.0 where neither takes any."""
        return float(self.macs / self.share) if self.share else 1.0


@dataclass(frozen=True, eq=False)
class Crop:
    """A part of a network: what some boxes of its tensors need, and no more than whole operators force.

    ``network`` has the names of the whole; ``boxes`` say of every tensor that both have which box of it the crop
    holds, the tensors that were ``asked`` for among them, which hold at least what was asked. Along an axis that
    numbers windows over rows and columns a box may have gaps (``striate.geometry.Runs``), of inputs and what was
    asked never.
    """

    network: Network
    boxes: Boxes
    asked: Boxes
    whole: Network = field(repr=False)
    like: Crop | None = field(default=None, repr=False)
    """Another crop that is the same but for its place; None where none is known."""

    @property
    def feeds(self) -> Boxes:
        """The box of each input that the crop takes."""
        return {name: self.boxes[name] for name in self.network.inputs}

    @cached_property
    def key(self) -> str:
        """Equal for crops that run alike: the same operators on the same shapes, constants cut at the same places."""
        if self.like is not None:
            return self.like.key
        written = {name for node in self.network.nodes for name in node.outputs}
        made = {node.outputs[0] for node in self.network.nodes if isinstance(node.op, Constant)}
        fixed = sorted(
            (name, box)
            for name, box in self.boxes.items()
            if name in made or (name not in written and name not in self.network.inputs)
        )
        told = self.network.inputs, self.network.outputs, self.network.nodes, sorted(self.network.shapes.items()), fixed
        return sha256(repr(told).encode()).hexdigest()

    @cached_property
    def costs(self) -> Costs:
        """What the crop takes, and what falls to it of the whole."""
        if self.like is not None:
            return self.like.costs
        everything = {name: Box.whole(self.whole.shapes[name]) for name in self.asked}
        whole = planned(self.whole, everything, grow=True).nodes
        macs = sum(
            result.macs for node, result in zip(self.whole.nodes, self.whole.results, strict=True) if node.name in whole
        )
        part = Fraction(sum(box.size for box in self.asked.values()), sum(box.size for box in everything.values()))
        return Costs(sum(result.macs for result in self.network.results), macs * part)


def crop(network: Network, wanted: Mapping[str, Box], *, grow: bool = False) -> Crop:
    """The network that computes at least the boxes of the layers in ``wanted``, with static shapes.

    Operators keep the padding of a true border and have none where the cut is; what is more than another wants is
    cut off by slices. Raises InputError for a layer or a box that is not there, UnsupportedError, naming the node,
    where an operator gives its output only as a whole, or where the crop would take an image from end to end for
    operators that look so far alone: ``grow`` lets it, and ``stages`` cuts the network there.

    >>> from striate.network.builder import Builder
    >>> from striate.network.operators import Conv
    >>> b = Builder("two", x=(1, 1, 9, 9))
    >>> y = b.add(Conv((3, 3), padding=((1, 1), (1, 1)), out_channels=2), "x", name="first")
    >>> z = b.add(Conv((3, 3), (2, 2), padding=((1, 1), (1, 1)), out_channels=2), y, name="second")
    >>> found = crop(b.network(), {"second": Box("0:1,0:2,0:2,2:3")})
    >>> found.feeds, found.network.shapes["first"]
    ({'x': Box('0:1,0:1,0:5,2:7')}, (1, 2, 4, 3))
    """
    asked = asked_of(network, wanted)
    plan = planned(network, asked, grow=instance("crop: grow", grow, bool))
    return Crop(written(network, tuple(asked), plan), plan.boxes, asked, network)


def asked_of(network: Network, wanted: Mapping[str, Box]) -> Boxes:
    """The boxes by the names of tensors, checked; InputError for what is not there."""
    instance("crop: network", network, Network)
    if not isinstance(wanted, Mapping):
        raise InputError(f"crop: wanted must map layers to boxes, got {shown(wanted)}")
    asked: dict[str, Box] = {}
    for layer, box in wanted.items():
        tensor = network.tensor(layer)
        found = _checked(network, layer, box)
        asked[tensor] = asked[tensor].hull(found) if tensor in asked else found
    if not asked:
        raise InputError("crop: no box of any layer is asked for")
    return asked


def _checked(network: Network, layer: str, box: Box) -> Box:
    shape = network.shapes[network.tensor(layer)]
    if len(instance(f"crop: the box of {layer}", box, Box)) != len(shape):
        raise InputError(f"crop: {layer} has shape {shape}, box {box} has {len(box)} axes, not {len(shape)}")
    if not Box.whole(shape).contains(box) or box.empty:
        what = "holds no element" if box.empty else "lies outside"
        raise InputError(f"crop: box {box} of {layer} {what}; boxes lie in {Box.whole(shape)}")
    return box
