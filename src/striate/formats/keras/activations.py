"""Keras's activations: as layers of their own, and as the setting of another layer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from striate.errors import UnsupportedError
from striate.formats.keras.call import LAYERS, Call, axis_of, layer, single
from striate.formats.keras.config import layer_of
from striate.formats.steps import Part, Step, step
from striate.network.operators import Elementwise, Function, Mix, Slice

MIXING = ("softmax", "log_softmax", "sparsemax")
PLAIN = {
    "celu": "celu",
    "elu": "elu",
    "exponential": "exp",
    "gelu": "gelu",
    "hard_shrink": "hard_shrink",
    "hard_sigmoid": "hardsigmoid",
    "hard_silu": "hardswish",
    "hard_swish": "hardswish",
    "hard_tanh": "hardtanh",
    "leaky_relu": "leaky_relu",
    "linear": "identity",
    "log_sigmoid": "log_sigmoid",
    "mish": "mish",
    "relu": "relu",
    "selu": "selu",
    "sigmoid": "sigmoid",
    "silu": "silu",
    "soft_shrink": "soft_shrink",
    "softplus": "softplus",
    "softsign": "softsign",
    "sparse_plus": "sparse_plus",
    "sparse_sigmoid": "sparse_sigmoid",
    "squareplus": "squareplus",
    "swish": "silu",
    "tanh": "tanh",
    "tanh_shrink": "tanh_shrink",
    "threshold": "threshold",
}
"""Activations of single elements, and the common form's names of them."""
CONSTANTS = {"leaky_relu": {"alpha": 0.2}, "elu": {"alpha": 1.0}, "celu": {"alpha": 1.0}}
"""What they are given where they are named alone."""


def activated(call: Call, made: Step, name: str = "activation") -> Step:
    """A step, and the activation that a setting of its layer names."""
    found = call.get(name, "linear")
    return made if found == "linear" else _applied(call, found, made)


def _applied(call: Call, found: Any, part: Part) -> Step:
    if isinstance(found, str):
        return named(found, part)
    if isinstance(found, dict) and found.get("class_name") == "function":
        raise UnsupportedError(
            f"the activation {found.get('config')!r} is a function of its author's own: in Keras export the model, "
            "model.export('model.onnx', 'onnx')"
        )
    inner = layer_of({"name": "activation", **found} if isinstance(found, dict) else found)
    if not inner.own or inner.kind not in LAYERS:
        raise UnsupportedError(f"the activation {inner.kind} has no rule")
    return single(LAYERS[inner.kind](Call(inner, (part,), {}, (part,), f"{call.place}/activation")))


def named(word: str, part: Part) -> Step:
    """The activation of a name at work on a tensor."""
    if word in PLAIN:
        return step(Elementwise(function=Function.of(PLAIN[word], **CONSTANTS.get(word, {}))), part, source=word)
    if word == "relu6":
        return step(Elementwise(function=Function.of("clip", min=0.0, max=6.0)), part, source=word)
    last = part.order.index(len(part.order) - 1)
    if word in MIXING:
        return step(Mix((last,), function=Function.of(word)), part, source=word)
    if word == "glu":
        half = part.shape[last] // 2
        first, second = (
            step(Slice((last,), (start,), (half,), (1,)), part, word=name, source=word)
            for name, start in (("kept", 0), ("gate", half))
        )
        return step(Elementwise(function=Function.of("glu")), first, second, source=word)
    raise UnsupportedError(f"the activation {word!r} has no rule: it is none of Keras's own")


@layer("Activation")
def activation(call: Call) -> Step:
    """An activation as a layer."""
    return replace(_applied(call, call.get("activation", "linear"), call.x), source=None)


@layer("ReLU")
def relu(call: Call) -> Step:
    """Cut off below and above, with a slope below a threshold."""
    top, slope, threshold = call.get("max_value"), call.number("negative_slope", 0), call.number("threshold", 0)
    if top is None and not slope and not threshold:
        function = Function.of("relu")
    elif top is not None and not slope and not threshold:
        function = Function.of("clip", min=0.0, max=call.number("max_value", 0))
    else:
        limits = {} if top is None else {"max": call.number("max_value", 0)}
        function = Function.of("relu", alpha=slope, threshold=threshold, **limits)
    return step(Elementwise(function=function), call.x)


@layer("LeakyReLU")
def leaky_relu(call: Call) -> Step:
    """With its slope below zero, which Keras 2 called alpha."""
    slope = call.number("negative_slope", call.number("alpha", 0.3))
    return step(Elementwise(function=Function.of("leaky_relu", alpha=slope)), call.x)


@layer("ELU")
def elu(call: Call) -> Step:
    """With its limit below zero."""
    return step(Elementwise(function=Function.of("elu", alpha=call.number("alpha", 1))), call.x)


@layer("PReLU")
def prelu(call: Call) -> Step:
    """A learned slope below zero, for each element unless axes share it."""
    shared = {axis_of("shared_axes", axis, call.rank) for axis in call.get("shared_axes", [])}
    slopes = tuple(1 if axis in shared else n for axis, n in enumerate(call.shape[1:], start=1))
    return step(Elementwise(function=Function.of("prelu")), call.x, weights=(call.weight("slope", 0, slopes),))


@layer("Softmax")
def softmax(call: Call) -> Step:
    """Every element by all along axes of the file."""
    if len(call.inputs) > 1:
        raise UnsupportedError("a softmax with a mask that is data has no rule")
    return step(Mix(call.places(call.axes("axis", -1)), function=Function.of("softmax")), call.x)
