"""Masks: which elements a constant lets through, and which are then known to be zero or to vanish.

Data that is known to be zero hides what it is multiplied with, as a constant does. A constant counts as a mask where
its elements are known and no weights: computed from shapes, of integers or truths, a single number, or floats of
which one is zero and all others are alike. Weights that happen to be zero are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import reduce
from math import prod

import numpy as np
from numpy.typing import NDArray

from striate.formats.onnx.call import Call, Tensor, Translation, operator, scalar
from striate.formats.onnx.elements import Element
from striate.formats.onnx.folding import FOLDS, TooLargeError
from striate.network.operators import Elementwise, Mask, Masked
from striate.network.relation import Reads, Shape, factors
from striate.network.zeros import TooManyError, lit_after, narrow

Bools = NDArray[np.bool_]

LARGEST_MASK = 1 << 16
VANISHING = -1e4  # what a softmax turns to zero beside anything ordinary
ABSORBING = -1e30  # what a sum with anything ordinary leaves as it is
MOVES = ("Reshape", "Transpose", "Unsqueeze", "Squeeze", "Expand", "Slice", "Identity", "Tile")
SAME = ("Cast", "Dropout", "CastLike")
KEEPING = (
    *("Abs", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Celu", "Clip", "Div", "Elu", "Erf", "Floor", "Gelu"),
    *("HardSwish", "LeakyRelu", "Mish", "Mod", "Neg", "PRelu", "Relu", "Round", "Selu", "Shrink", "Sign", "Sin"),
    *("Sinh", "Softsign", "Sqrt", "Swish", "Tan", "Tanh", "ThresholdedRelu"),
    *("com.microsoft:Gelu", "com.microsoft:QuickGelu"),
)
TOGETHER = ("Add", "Max", "Mean", "Min", "Sub", "Sum")
SEVERAL = (
    *("AveragePool", "Conv", "ConvTranspose", "CumSum", "GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool"),
    *("LpPool", "MaxPool"),
    *(f"Reduce{name}" for name in ("L1", "L2", "Max", "Mean", "Min", "Sum", "SumSquare")),
)
SUMS = (
    *MOVES,
    *SEVERAL,
    *("Concat", "DepthToSpace", "Flatten", "Gather", "GatherElements", "GatherND", "Pad", "Resize"),
    *("ReverseSequence", "SpaceToDepth", "Split", "Upsample"),
)
MAKING = ("Concat", "ConvTranspose", "CumSum", "Pad", "ScatterElements", "ScatterND", "Trilu")


def zeros(tensor: Tensor) -> Bools | None:
    """Where a tensor is zero whatever the weights and the data."""
    value = tensor.value
    if tensor.data or value is None:
        return tensor.zero
    if value.dtype.kind not in "biuf" or not value.size:
        return None
    found = value == 0
    rest = value[~found]
    if tensor.learned and value.size > 1 and (not rest.size or (rest != rest[0]).any()):
        return None
    return found if found.any() else None


def vanishing(tensor: Tensor, limit: float = VANISHING) -> Bools | None:
    """Where a tensor is so low that a softmax makes nothing of it."""
    value = tensor.value
    if tensor.data or value is None:
        return tensor.low
    if value.dtype.kind != "f" or not value.size:
        return None
    found = value <= limit
    return found if found.any() else None


def hidden(call: Call, positions: tuple[int, ...]) -> tuple[dict[int, Bools], bool]:
    """For each input that data makes, where the inputs beside it hide it; and whether one is not known."""
    found: dict[int, Bools] = {}
    unknown = False
    for position in positions:
        for other in positions:
            beside = call.tensor(other)
            if other == position or not call.tensor(position).data or (beside.data and call.op not in PRODUCTS):
                continue
            blind = beside.obscure if beside.data else beside.value is None and not beside.learned
            unknown |= blind and _may_hide(call.op, other)
            hides = HIDES.get(call.op, _nowhere)(call, beside, other)
            if hides is not None:
                found[position] = found[position] | hides if position in found else hides
    return found, unknown


def _nowhere(call: Call, constant: Tensor, position: int) -> Bools | None:
    return None


def _zero(call: Call, constant: Tensor, position: int) -> Bools | None:
    return zeros(constant)


def _numerator(call: Call, constant: Tensor, position: int) -> Bools | None:
    return zeros(constant) if position == 0 else None


def _absorbed(call: Call, constant: Tensor, position: int) -> Bools | None:
    return vanishing(constant, ABSORBING)


def _true(call: Call, constant: Tensor, position: int) -> Bools | None:
    return None if constant.value is None else constant.value.astype(np.bool_)


HIDES: dict[str, Callable[[Call, Tensor, int], Bools | None]] = {
    "Mul": _zero,
    "And": _zero,
    "BitwiseAnd": _zero,
    "Div": _numerator,
    "Add": _absorbed,
    "Or": _true,
}


PRODUCTS = ("Mul", "And", "BitwiseAnd", "Div")


def _may_hide(op: str, position: int) -> bool:
    """Whether a constant that is not known could hide what stands beside it; nobody adds one that absorbs all."""
    return position == 0 if op in ("Where", "Div") else op in HIDES and op != "Add"


def masked(call: Call, made: Translation, positions: tuple[int, ...], shape: Shape) -> Translation:
    """An elementwise translation of ``shape`` whose inputs are read where no constant hides them."""
    found, unknown = hidden(call, positions)
    if call.op == "Where" and call.constant(0):
        chosen = call.value(0).astype(np.bool_)
        found |= {1: ~chosen, 2: chosen}
    keep, rough = [], unknown
    for position in made.inputs:
        mask = found.get(position)
        kept = None if mask is None else _kept(~mask, shape)
        rough |= mask is not None and bool(mask.any()) and kept is None
        keep.append(held(kept))
    op = made.op if all(k is None for k in keep) else Elementwise(keep=tuple(keep))
    return replace(made, op=op, at_most=made.at_most or rough)


def fitted(keep: Bools, shape: Shape) -> Bools | None:
    """A mask of the rank of ``shape``, of size 1 where it does not change; None where it keeps all or is too large."""
    if keep.all() or not shape:
        return None
    keep = narrow(_of_rank(keep, len(shape)))
    return keep if keep.size <= LARGEST_MASK else None


def held(keep: Bools | None) -> Mask | None:
    """A mask as an operator holds it."""
    return None if keep is None else Mask.of(keep)


def _kept(keep: Bools, shape: Shape) -> Bools | None:
    """As ``fitted``, for elements one by one: of any size where each axis keeps or hides by itself."""
    if keep.all() or not shape:
        return None
    keep = narrow(_of_rank(keep, len(shape)))
    return keep if keep.size <= LARGEST_MASK or factors(keep) is not None else None


@operator("Trilu")
def trilu(call: Call) -> Translation:
    """Elements on one side of a diagonal of the last two axes."""
    if not call.constant(1) and call.has(1):
        return Translation(Elementwise(), at_most=True)
    keep = fitted(_triangle(call), call.x)
    if keep is None:
        return Translation(Elementwise(), at_most=not _triangle(call).all())
    return Translation(Masked(Mask.of(keep)))


def _triangle(call: Call) -> Bools:
    k = int(scalar(call.value(1))) if call.has(1) else 0
    ones = np.ones(call.x[-2:], np.bool_)
    return np.triu(ones, k) if call.get("upper", 1) else np.tril(ones, k)


def weightless(call: Call, axes: tuple[int, ...]) -> Bools | None:
    """Where a softmax over some axes gives zero; rows in which everything is low weigh all of it."""
    low = None if not call.tensor(0).data else call.tensor(0).low
    if low is None or not low.any():
        return None
    wide = np.broadcast_to(low, [n if axis in axes or m > 1 else 1 for axis, (n, m) in enumerate(zip(
        call.x, low.shape, strict=True))])  # fmt: skip
    found = wide & ~wide.all(axis=axes, keepdims=True)
    return found if found.any() else None


def rows(mask: Bools | None, rank: int) -> tuple[Bools | None, bool]:
    """A mask of zeros as rows by columns of elements kept, and whether it changes over the other axes."""
    if mask is None or rank < 2:
        return None, mask is not None
    keep = fitted(~mask, (1,) * rank)
    if keep is None:
        return None, not (~mask).all() and bool(mask.any())
    if any(n > 1 for n in keep.shape[:-2]):
        return None, True
    return keep.reshape(keep.shape[-2:]), False


def carried(call: Call, shape: Shape, inputs: Sequence[Tensor], reads: Sequence[Reads]) -> Known:
    """What is known of an output of ``shape``, which reads the ``inputs`` of a node as ``reads`` say."""
    tensors = [t for t in call.inputs if t is not None]
    marked = any(_marked(t) for t in tensors)
    makes = call.op in MAKING or _reads_pads_alone(call)
    if not marked and not makes:
        return None, None, False
    if _sums(call):
        lit = lit_after(_lit(inputs, reads, call.op in SEVERAL), shape)
        if lit is not None and call.op == "Pad" and _filled(call) != 0:
            lit = _with_ring(lit, inputs, reads, shape)
        low = _moved(call, vanishing(tensors[0])) if call.op in MOVES else None
        return None if lit is None else _ranked(~lit, shape), _ranked(low, shape), lit is None
    zero, low = _carried(call) if marked or makes else (None, None)
    blind = any(t.obscure for t in tensors) and call.op in ("Where", *SAME, *KEEPING, *PRODUCTS)
    blind |= call.op in TOGETHER and zero is None and all(t.obscure or zeros(t) is not None for t in tensors)
    return _ranked(zero, shape), _ranked(low, shape), blind


Known = tuple["Bools | None", "Bools | None", bool]


def _lit(inputs: Sequence[Tensor], reads: Sequence[Reads], several: bool) -> Iterator[tuple[Reads, Shape, Bools]]:
    """What is read of each input, and where it may differ from zero.

    Where ``several`` elements are summed, what may be zero somewhere hardly makes all of them zero.
    """
    for tensor, read in zip(inputs, reads, strict=True):
        if not several and (tensor.obscure or _stated_zeros(tensor)):
            raise TooManyError
        zero = zeros(tensor)
        rank = len(tensor.shape)
        yield read, tensor.shape, np.ones((1,) * rank, np.bool_) if zero is None else ~_of_rank(zero, rank)


def _stated_zeros(tensor: Tensor) -> bool:
    """Whether a tensor is nothing but zeros that a file states: of a model that was not trained, or for ever."""
    value = tensor.value
    return not tensor.data and tensor.learned and value is not None and value.size > 1 and not value.any()


def _of_rank(mask: Bools, rank: int) -> Bools:
    return mask.reshape((1,) * (rank - mask.ndim) + mask.shape)


def _ranked(mask: Bools | None, shape: Shape) -> Bools | None:
    return None if mask is None or not mask.any() else _of_rank(mask, len(shape))


def _marked(tensor: Tensor) -> bool:
    return tensor.obscure or zeros(tensor) is not None or vanishing(tensor) is not None


def _sums(call: Call) -> bool:
    """Whether the first output, and every other one, is made of what it reads so that zeros alone make a zero."""
    if call.op in ("Conv", "ConvTranspose"):
        return not call.has(2)
    if call.op in ("ScatterND", "ScatterElements"):
        return call.text("reduction", "none") in ("none", "add")
    return call.op in SUMS


def _reads_pads_alone(call: Call) -> bool:
    """Whether some windows of a convolution lie in its pads: these are wider than all that a window spans before it."""
    if call.op != "Conv":
        return False
    kernel, pads = call.shape(1)[2:], call.get("pads") or ()
    spans = [(n - 1) * d for n, d in zip(kernel, call.get("dilations") or (1,) * len(kernel), strict=True)]
    return any(pad > span for pad, span in zip(pads, spans * 2, strict=False))


def _with_ring(lit: Bools, inputs: Sequence[Tensor], reads: Sequence[Reads], shape: Shape) -> Bools | None:
    """The elements that may differ from zero, those that read nothing among them."""
    inner = lit_after([(reads[0], inputs[0].shape, np.ones((1,) * len(inputs[0].shape), np.bool_))], shape)
    return None if inner is None else lit | ~inner


def _filled(call: Call) -> float | None:
    """What a Pad writes, None where it is not known."""
    if call.opset < 11:
        return float(call.get("value", 0.0))
    if not call.has(2):
        return 0.0
    return float(scalar(call.value(2))) if call.constant(2) else None


def _carried(call: Call) -> tuple[Bools | None, Bools | None]:
    x = call.inputs[0]
    if x is None:
        return None, None
    if call.op in SAME:
        return zeros(x), vanishing(x)
    if call.op in KEEPING and (call.op != "Clip" or _holds_zero(call)):
        return zeros(x), None
    if call.op == "Trilu":
        outside = ~_triangle(call) if not call.has(1) or call.constant(1) else None
        return _either(zeros(x), outside), None
    if call.op in ("Mul", "And", "BitwiseAnd"):
        return _either(*(zeros(t) for t in call.inputs if t is not None)), None
    if call.op in TOGETHER:
        low = _either(vanishing(x), vanishing(call.tensor(1)) if call.op == "Add" else None)
        return _all(zeros(t) for t in call.inputs if t is not None), low if call.op in ("Add", "Sub") else None
    if call.op == "Exp":
        return vanishing(x), None
    if call.op == "Where" and call.constant(0):
        chosen = call.value(0).astype(np.bool_)
        pair = call.tensor(1), call.tensor(2)
        return _chosen(chosen, *map(zeros, pair)), _chosen(chosen, *map(vanishing, pair))
    if call.op == "Where":
        return _all(zeros(call.tensor(k)) for k in (1, 2)), None
    if call.op in ("Softmax", "LogSoftmax") and call.opset >= 13:
        found = weightless(call, (call.axis(int(call.get("axis", -1))),))
        return (found, None) if call.op == "Softmax" else (None, found)
    return None, None


def _holds_zero(call: Call) -> bool:
    """Whether zero lies between known bounds of a Clip."""
    bounds = [call.get("min"), call.get("max")]
    for k in (1, 2):
        if call.has(k):
            if not call.constant(k):
                return False
            bounds[k - 1] = scalar(call.value(k))
    return (bounds[0] is None or bounds[0] <= 0) and (bounds[1] is None or bounds[1] >= 0)


def _either(*masks: Bools | None) -> Bools | None:
    found = None
    for mask in masks:
        if mask is not None:
            found = mask if found is None else found | mask
    return found


def _all(masks: Iterable[Bools | None]) -> Bools | None:
    found = list(masks)
    known = [mask for mask in found if mask is not None]
    return reduce(np.logical_and, known) if known and len(known) == len(found) else None


def _chosen(condition: Bools, yes: Bools | None, no: Bools | None) -> Bools | None:
    if yes is None and no is None:
        return None
    return np.where(condition, False if yes is None else yes, False if no is None else no)


def _moved(call: Call, mask: Bools | None) -> Bools | None:
    """A mask carried through an operator that only moves elements."""
    if mask is None or prod(call.x) > LARGEST_MASK:
        return None
    wide = Tensor("", call.x, Element.BOOL, False, np.broadcast_to(mask, call.x))
    try:
        return FOLDS[call.op](replace(call, inputs=(wide, *call.inputs[1:])))
    except TooLargeError:
        return None
