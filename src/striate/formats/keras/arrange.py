"""Keras layers that move elements without mixing them, and those that put another layer to work."""

from __future__ import annotations

from math import prod
from typing import Any

from striate.errors import ModelError, UnsupportedError
from striate.formats.keras.call import FIRST, LAST, LAYERS, Call, integer, layer, reshaped, single
from striate.formats.keras.config import Layer, layer_of
from striate.formats.steps import Part, Step, as_stored, step
from striate.network.operators import RepeatInterleave, Transpose
from striate.network.relation import Shape


@layer("Flatten")
def flatten(call: Call) -> Step:
    """All axes but the batch as one, the channels last whatever their place in the file."""
    x = call.filed()
    if call.word("data_format", (LAST, FIRST), LAST) == FIRST and call.rank > 2:
        x = step(Transpose((0, *range(2, call.rank), 1)), x, order=as_stored(call.rank), word="channels_behind")
    return reshaped(x, (call.shape[0], prod(call.shape[1:])))


@layer("Reshape")
def reshape(call: Call) -> Step:
    """To a shape behind the batch; -1 takes what is left."""
    wanted = call.get("target_shape", [])
    if not isinstance(wanted, list):
        raise ModelError(f"target_shape should be a list of integers, is {wanted!r}")
    return reshaped(call.x, (call.shape[0], *shaped(call.shape[1:], wanted)))


def shaped(sizes: Shape, wanted: list[Any]) -> Shape:
    """A shape whose -1, if there is one, takes what is left of some sizes."""
    row = [integer("a size", n, -1) for n in wanted]
    known = prod(n for n in row if n != -1)
    if row.count(-1) > 1 or 0 in row or (prod(sizes) % known if -1 in row else prod(sizes) != known):
        raise ModelError(f"cannot reshape {sizes} of {prod(sizes)} elements to {tuple(row)}")
    return tuple(prod(sizes) // known if n == -1 else n for n in row)


@layer("Permute")
def permute(call: Call) -> Step:
    """The axes behind the batch in another order, counted from one."""
    dims = call.get("dims")
    if not isinstance(dims, list) or sorted(map(str, dims)) != sorted(map(str, range(1, call.rank))):
        raise ModelError(f"dims {dims} should hold each of 1 to {call.rank - 1} once")
    return step(Transpose((0, *dims)), call.filed())


@layer("RepeatVector")
def repeat_vector(call: Call) -> Step:
    """Features again and again along a new axis of time."""
    batch, features = call.shape
    return step(RepeatInterleave(1, call.integer("n")), reshaped(call.x, (batch, 1, features), "column"))


def inner(call: Call, name: str) -> Layer:
    """The layer that a wrapper holds."""
    found = layer_of(call.get(name))
    if not found.own or found.kind not in LAYERS:
        raise UnsupportedError(f"it wraps a {found.kind}, which has no rule")
    return found


def at_work(call: Call, found: Layer, part: Part) -> Step:
    """What the layer that a wrapper holds makes of a tensor."""
    return single(LAYERS[found.kind](Call(found, (part,), {}, (part,), f"{call.place}/layer")))


@layer("TimeDistributed")
def time_distributed(call: Call) -> Step:
    """A layer at work on each step of time, as if each were an element of the batch."""
    if call.rank < 3:
        raise ModelError(f"an input of shape {call.shape} should have batch, time and more")
    batch, time, *rest = call.shape
    made = at_work(call, inner(call, "layer"), reshaped(call.x, (batch * time, *rest), "steps"))
    return reshaped(made, (batch, time, *made.filed[1:]))


@layer("SpectralNormalization")
def spectral_normalization(call: Call) -> Step:
    """At inference the layer with the weights that it has."""
    return at_work(call, inner(call, "layer"), call.x)
