"""Functions of ``keras.ops`` between the layers of a Functional model."""

from __future__ import annotations

from striate.errors import ModelError, UnsupportedError
from striate.formats.keras.activations import MIXING, PLAIN, named
from striate.formats.keras.call import Call, common, operation, reshaped, widened
from striate.formats.keras.config import Constant
from striate.formats.steps import Part, Step, Tensor, as_stored, step
from striate.network.operators import Elementwise, Function, MatMul, Reduce, broadcast_shape

UNARY = (
    "Abs", "Absolute", "Cast", "Ceil", "Clip", "Cos", "Erf", "Exp", "Expm1", "Floor", "Log", "Log1p", "LogicalNot",
    "Negative", "Reciprocal", "Round", "Rsqrt", "Sign", "Sin", "Sqrt", "Square", "Tanh", "StopGradient",
)  # fmt: skip
BINARY = {
    "Add": "add", "Subtract": "sub", "Multiply": "mul", "TrueDivide": "div", "Divide": "div",
    "FloorDivide": "floor_div", "Maximum": "max", "Minimum": "min", "Power": "pow", "Mod": "mod", "Equal": "eq",
    "NotEqual": "ne", "Greater": "gt", "GreaterEqual": "ge", "Less": "lt", "LessEqual": "le", "LogicalAnd": "and",
    "LogicalOr": "or", "Where": "where",
}  # fmt: skip
REDUCING = {
    "Amax": "max", "Amin": "min", "Argmax": "argmax", "Argmin": "argmin", "Max": "max", "Mean": "mean", "Min": "min",
    "Prod": "prod", "Std": "std", "Sum": "sum", "Var": "var",
}  # fmt: skip
WITHOUT = ("exponential", "hard_swish", "linear", "mish", "swish", "tanh")
"""Activations that are no class of ``keras.ops`` under their name, or stand among the others."""
ACTIVATIONS = {
    "".join(part.capitalize() for part in word.split("_")): word
    for word in (*PLAIN, *MIXING, "relu6", "glu")
    if word not in WITHOUT
}


@operation(*UNARY)
def unary(call: Call) -> Step:
    """One tensor, element by element."""
    return step(Elementwise(function=Function.of(call.layer.kind.lower())), call.x)


@operation(*ACTIVATIONS)
def activation(call: Call) -> Step:
    """An activation; those that mix do so along the last axis."""
    if call.get("axis", -1) != -1:
        raise UnsupportedError(f"along axis {call.get('axis')} it has no rule, along the last one it has")
    return named(ACTIVATIONS[call.layer.kind], call.x)


@operation(*BINARY)
def pointwise(call: Call) -> Step:
    """Tensors and constants broadcast together; a constant is read only where it widens the shape."""
    given = [found for found in call.args if isinstance(found, Tensor | Step | Constant)]
    shapes = [found.shape if isinstance(found, Constant) else found.filed for found in given]
    rank = max(map(len, shapes), default=0)
    full = broadcast_shape(tuple(shapes))
    data = [found for found in given if not isinstance(found, Constant)]
    widens = not data or broadcast_shape(tuple(part.filed for part in data)) != full
    parts: list[Part] = []
    for k, found in enumerate(given):
        if not isinstance(found, Constant):
            parts.append(widened(found, rank))
        elif widens:
            parts.append(constant(call, k, found, rank))
    return step(Elementwise(function=Function.of(BINARY[call.layer.kind])), *common(parts))


def constant(call: Call, k: int, found: Constant, rank: int) -> Tensor:
    """An array of a call as a tensor that no data makes."""
    shape = (1,) * (rank - len(found.shape)) + found.shape
    return Tensor(f"{call.layer.name}.operand{k}", shape, as_stored(rank), "float32", False)


@operation(*REDUCING)
def reduction(call: Call) -> Step:
    """Over axes of the file, all of them unless told."""
    axes = call.axes("axis") if call.get("axis") is not None else tuple(range(call.rank))
    function = Function.of(REDUCING[call.layer.kind])
    if call.flag("keepdims"):
        return step(Reduce(call.places(axes), function=function), call.x)
    made = Reduce(axes, False, function=function)
    return step(made, call.filed(), order=as_stored(call.rank - len(axes)))


@operation("Matmul")
def matmul(call: Call) -> Step:
    """NumPy's matrix product, of which a side may be a constant."""
    if len(call.args) != 2:
        raise ModelError(f"multiplies {len(call.args)} matrices")
    sides = [
        constant(call, k, found, len(found.shape)) if isinstance(found, Constant) else found
        for k, found in enumerate(call.args)
    ]
    if not all(isinstance(side, Tensor | Step) for side in sides):
        raise ModelError("a side of the product is no tensor")
    x, y = (side if side.order == as_stored(len(side.order)) else reshaped(side, side.filed) for side in sides)
    made = MatMul()
    rank = len(made.result((x.shape, y.shape)).outputs[0].shape)
    return step(made, x, y, order=as_stored(rank))
