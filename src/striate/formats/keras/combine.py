"""Keras layers that mix elements: dense layers, merges, normalisations, and those that only pass on at inference."""

from __future__ import annotations

from striate.errors import ModelError, UnsupportedError
from striate.formats.keras.activations import activated
from striate.formats.keras.call import Call, axis_of, common, elementwise, integer, layer, reshaped, widened
from striate.formats.steps import Part, Step, Tensor, arranged, as_stored, step
from striate.network import Weight
from striate.network.operators import Concat, Einsum, Elementwise, Expand, Function, Linear, Mix
from striate.network.relation import Shape


@layer("Dense")
def dense(call: Call) -> Step:
    """Over the file's last axis; the kernel lies as (in, out)."""
    if not call.rank:
        raise ModelError("a scalar has no axis")
    x, units = call.x, call.integer("units")
    bias = (call.weight("bias", 1, (units,)),) if call.flag("use_bias", True) else ()
    kept = call.weight("weight", 0, (call.shape[-1], units))
    return activated(call, step(Linear(units, axis=x.order.index(call.rank - 1)), x, weights=(kept, *bias)))


@layer("EinsumDense")
def einsum_dense(call: Call) -> Step:
    """A sum by letters over an input and the kernel; dots stand for the axes that no letter names."""
    equation, x = call.get("equation", ""), call.filed()
    if not isinstance(equation, str):
        raise ModelError(f"equation should be a text, is {equation!r}")
    left, arrow, out = equation.replace(" ", "").partition("->")
    read, comma, kernel = left.partition(",")
    if not arrow or not comma or "..." in kernel:
        raise ModelError(f"equation {equation!r} should be like 'ab,bc->ac'")
    spare = [letter for letter in "abcdefghijklmnopqrstuvwxyz" if letter not in equation]
    dots = "".join(spare[: max(len(x.shape) - len(read.replace("...", "")), 0)])
    read, out = read.replace("...", dots), out.replace("...", dots)
    sizes = dict(zip(read, x.shape, strict=False))
    made = call.get("output_shape")
    wanted = made if isinstance(made, list) else [made]
    sizes.update({c: n for c, n in zip(out[::-1], wanted[::-1], strict=False) if isinstance(n, int) and c not in sizes})
    if len(read) != len(x.shape) or any(c not in sizes for c in kernel + out):
        raise ModelError(f"equation {equation!r} and output_shape {made} do not fit an input of shape {x.shape}")
    shape = tuple(sizes[c] for c in kernel)
    tensor = Tensor(f"{call.place}/vars/0", shape, as_stored(len(shape)), "float32", False)
    axes = call.get("bias_axes") or ""
    bias = tuple(sizes.get(c, 1) if c in axes else 1 for c in out)[-max(len(axes), 1) :]
    weights = (call.weight("weight", 0, shape), *((call.weight("bias", 1, bias),) if axes else ()))
    product = step(Einsum(f"{read},{kernel}->{out}"), x, tensor, order=as_stored(len(out)), weights=weights)
    return activated(call, product)


@layer("Embedding")
def embedding(call: Call) -> Step:
    """A row of a table for each index that is data."""
    rows, width = call.integer("input_dim"), call.integer("output_dim")
    column = reshaped(call.filed(), (*call.shape, 1), "column")
    made = Expand((*call.shape, width))
    return step(made, column, weights=(call.weight("table", 0, (rows, width)),))


MERGES = {
    "Add": "add", "Subtract": "sub", "Multiply": "mul", "Average": "average", "Maximum": "max", "Minimum": "min"
}  # fmt: skip


@layer(*MERGES)
def merge(call: Call) -> Step:
    """Element by element; tensors of fewer axes get new ones behind the batch."""
    if not call.inputs:
        raise ModelError("merges no tensor")
    rank = max(len(part.order) for part in call.inputs)
    parts = [widened(part, rank, 1) for part in call.inputs]
    return elementwise(Function.of(MERGES[call.layer.kind]), *parts)


@layer("Concatenate")
def concatenate(call: Call) -> Step:
    """One after the other along an axis of the file."""
    if not call.inputs or len({len(part.order) for part in call.inputs}) > 1:
        raise ModelError("concatenates tensors with different numbers of axes")
    return joined(list(call.inputs), call.get("axis", -1))


def joined(inputs: list[Part], axis: object) -> Step:
    """Tensors one after the other along an axis of the file."""
    parts = common(inputs)
    return step(Concat(parts[0].order.index(axis_of("axis", axis, len(parts[0].order)))), *parts)


@layer("Dot")
def dot(call: Call) -> Step:
    """A sum of products along an axis of each of two tensors, batch by batch."""
    if len(call.inputs) != 2:
        raise ModelError(f"reads {len(call.inputs)} tensors where it should read two")
    x, y = call.filed(0), call.filed(1)
    axes = call.get("axes")
    pair = axes if isinstance(axes, list) and len(axes) == 2 else [axes, axes]
    first, second = (axis_of("axes", axis, len(part.shape)) for axis, part in zip(pair, (x, y), strict=True))
    if not first or not second:
        raise UnsupportedError("a product along the batch has no rule")
    if call.flag("normalize"):
        norm = Function.of("unit_norm")
        x = step(Mix((first,), function=norm), x, word="first")
        y = step(Mix((second,), function=norm), y, word="second")
    letters = [chr(ord("b") + k) for k in range(len(x.shape) + len(y.shape) - 2)]
    left, right = ["a", *letters[: len(x.shape) - 1]], ["a", *letters[len(x.shape) - 1 :]]
    right[second] = left[first]
    out = [c for c in (*left, *right[1:]) if c != left[first]]
    if len(out) == 1:
        column = step(Einsum(f"{''.join(left)},{''.join(right)}->a"), x, y, order=(0,), word="products")
        return reshaped(column, (*column.shape, 1))
    return step(Einsum(f"{''.join(left)},{''.join(right)}->{''.join(out)}"), x, y, order=as_stored(len(out)))


def _learned(call: Call, shape: Shape) -> tuple[Weight, ...]:
    """The scale and shift that a normalisation has where its settings say so."""
    names = [role for role, flag in (("scale", "scale"), ("shift", "center")) if call.flag(flag, True)]
    return tuple(call.weight(role, k, shape) for k, role in enumerate(names))


@layer("BatchNormalization")
def batch_norm(call: Call) -> Step:
    """At inference each channel by numbers of its own."""
    (axis,) = call.axes("axis", -1)
    shape = (call.shape[axis],)
    learned = _learned(call, shape)
    moving = tuple(call.weight(role, len(learned) + k, shape) for k, role in enumerate(("mean", "variance")))
    function = Function.of("batch_norm", epsilon=call.number("epsilon", 1e-3))
    return step(Elementwise(function=function), call.x, weights=(*learned, *moving))


@layer("LayerNormalization", "RMSNormalization", "UnitNormalization")
def layer_norm(call: Call) -> Step:
    """Statistics along axes of the file."""
    axes, epsilon = call.axes("axis", -1), call.number("epsilon", 1e-3)
    shape = tuple(call.shape[axis] for axis in axes)
    if call.layer.kind == "UnitNormalization":
        function = Function.of("unit_norm")
        learned: tuple[Weight, ...] = ()
    elif call.layer.kind == "RMSNormalization" or call.flag("rms_scaling"):
        function, learned = Function.of("rms_norm", epsilon=epsilon), (call.weight("scale", 0, shape),)
    else:
        function, learned = Function.of("layer_norm", epsilon=epsilon), _learned(call, shape)
    return step(Mix(call.places(axes), function=function), call.x, weights=learned)


@layer("GroupNormalization")
def group_norm(call: Call) -> Step:
    """Statistics for each group of channels along all that is neither batch nor channel; -1 groups: each channel."""
    (axis,) = call.axes("axis", -1)
    groups, rank = call.get("groups", 32), call.rank
    if not axis:
        raise ModelError("groups along the batch have no meaning")
    x = arranged(call.x, (0, axis, *(k for k in range(1, rank) if k != axis)))
    count = x.shape[1] if groups == -1 else integer("groups", groups, 1)
    if x.shape[1] % count:
        raise ModelError(f"{x.shape[1]} channels do not divide by {count} groups")
    function = Function.of("group_norm", epsilon=call.number("epsilon", 1e-3))
    made = Mix(tuple(range(2, rank)), count, function=function)
    return step(made, x, weights=_learned(call, (x.shape[1],)))


PASSING = (
    "ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "Identity",
    "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "StochasticDepth", "AugMix", "CutMix", "MixUp",
    "RandAugment", "RandomBrightness", "RandomColorDegeneration", "RandomColorJitter", "RandomContrast", "RandomCrop",
    "RandomElasticTransform", "RandomErasing", "RandomFlip", "RandomGaussianBlur", "RandomGrayscale", "RandomHue",
    "RandomInvert", "RandomPerspective", "RandomPosterization", "RandomRotation", "RandomSaturation",
    "RandomSharpness", "RandomShear", "RandomTranslation", "RandomZoom",
)  # fmt: skip
"""Layers that change something in training alone."""


@layer(*PASSING)
def passing(call: Call) -> Step:
    """At inference the input itself."""
    return step(Elementwise(function=Function.of("identity")), call.x)


@layer("Rescaling")
def rescaling(call: Call) -> Step:
    """A factor and a summand."""
    scale = call.get("scale")
    plain = isinstance(scale, int | float) and isinstance(call.get("offset", 0.0), int | float)
    numbers = {"scale": call.number("scale", 1), "offset": call.number("offset", 0)} if plain else {}
    return step(Elementwise(function=Function.of("rescale", **numbers)), call.x)


@layer("Normalization")
def normalization(call: Call) -> Step:
    """By a mean and a variance that were measured once."""
    axis = call.get("axis", -1)
    axes = call.axes("axis", -1) if axis not in (None, []) else ()
    shape = tuple(call.shape[k] for k in axes)
    kept = [] if call.get("mean") is not None else ["mean", "variance"]
    weights = tuple(call.weight(role, k, shape) for k, role in enumerate(kept))
    return step(Elementwise(function=Function.of("normalize")), call.x, weights=weights)


@layer("LayerScale")
def layer_scale(call: Call) -> Step:
    """A learned factor for each channel, as ConvNeXt has it."""
    kept = call.weight("scale", 0, (call.integer("projection_dim"),))
    return step(Elementwise(function=Function.of("mul")), call.x, weights=(kept,))


@layer("CustomScaleLayer")
def scaled_sum(call: Call) -> Step:
    """A tensor and another one times a number, as InceptionResNetV2 has it."""
    return elementwise(Function.of("add", alpha=call.number("scale", 1)), *call.inputs)


@layer("Masking")
def masking(call: Call) -> Step:
    """A step of time whose features are all the same number becomes zero."""
    return step(Mix((call.x.order.index(call.rank - 1),), function=Function.of("masking")), call.x)
