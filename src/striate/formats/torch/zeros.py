"""Which elements of data are surely zero: kept by some functions, made by pads and writes, carried on by sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from striate.formats.torch.call import Call, each
from striate.formats.torch.fixed import fix, fixed_of, is_zero, viewed, where
from striate.formats.torch.metas import tensors_in
from striate.formats.torch.values import Bools, Fixed, Record, Value, View
from striate.network.operators import Conv, Linear, MatMul, Pool, Reduce, Reshape, Scan, Select, Slice, Transpose
from striate.network.relation import Shape
from striate.network.zeros import LARGEST_LIT, lit_after, narrow

KEEPING = frozenset(
    (
        *("abs", "asin", "asinh", "atan", "ceil", "celu", "clone", "contiguous", "deg2rad", "elu", "erf", "erfinv"),
        *("expm1", "fix", "floor", "frac", "gelu", "hardshrink", "hardswish", "hardtanh", "leaky_relu", "log1p"),
        *("lift_fresh_copy", "mish", "native_dropout", "dropout", "nan_to_num", "neg", "positive", "prelu"),
        *("_prelu_kernel", "rad2deg", "relu", "relu6", "round", "selu", "sgn", "sign", "silu", "sin", "sinh"),
        *("softshrink", "sqrt", "square", "tan", "tanh", "_to_copy", "trunc", "clamp", "pow"),
    )
)
TOGETHER = frozenset(("add", "sub", "rsub", "maximum", "minimum", "fmax", "fmin", "hypot", "lerp"))
SUMS = frozenset(
    (
        *("constant_pad_nd", "circular_pad", "cat", "concat", "concatenate", "stack", "flip", "rot90", "roll"),
        *(f"{way}_pad{rank}d" for way in ("reflection", "replication") for rank in (1, 2, 3)),
        *("repeat", "tile", "index", "_unsafe_index", "index_select", "gather", "take_along_dim"),
        *(f"{way}_pool{rank}d" for way in ("avg", "max") for rank in (1, 2, 3)),
        *("max_pool2d_with_indices", "max_pool3d_with_indices", "pixel_shuffle", "pixel_unshuffle"),
        *(f"{lead}adaptive_{way}_pool{rank}d" for lead in ("", "_") for way in ("avg", "max") for rank in (1, 2, 3)),
        *(f"upsample_nearest{rank}d" for rank in (1, 2, 3)),
        *(f"_upsample_nearest_exact{rank}d" for rank in (1, 2, 3)),
        *("upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d", "upsample_bicubic2d"),
        *("_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa", "channel_shuffle", "native_channel_shuffle"),
        *("im2col", "col2im", "sum", "mean", "amax", "amin", "norm", "linalg_vector_norm", "nansum", "cumsum"),
        *("convolution", "_convolution", "cudnn_convolution", "mkldnn_convolution", "mm", "bmm", "matmul", "linear"),
        *("_unsafe_view", "view_copy", "_reshape_copy", "unsqueeze_copy", "squeeze_copy"),
        *("unsafe_split", "unsafe_split_with_sizes", "unsafe_chunk", "split_copy", "split_with_sizes_copy"),
        *("slice_scatter", "select_scatter", "index_put", "_unsafe_index_put", "_index_put_impl"),
    )
)
JOINING = frozenset(
    (
        *("cat", "concat", "concatenate", "stack", "slice_scatter", "select_scatter"),
        *("index_put", "_unsafe_index_put", "_index_put_impl"),
    )
)
FILLED = frozenset(("zeros", "zeros_like", "new_zeros", "zero"))


# Operators whose outputs sum up several elements: what may be zero somewhere hardly makes all of them zero.
SEVERAL = (MatMul, Linear, Reduce, Conv, Pool, Scan)


def settle(call: Call, first: int) -> None:
    """Say which elements of a call's outputs are zero, where its handler has not: records from ``first`` on are its."""
    if call.outputs[0].fixed is not None:
        return
    if call.op in SUMS:
        _carry(call, first)
    elif call.op in KEEPING:
        found = fixed_of(call.tensors()[0])
        if found is not None and found.fill == 0 and _keeps(call):
            fix(call, found)
    elif call.op in TOGETHER:
        _together(call)
    elif call.op in ("copy", "fill", "zero"):
        fix(call, _written(call))


def filled(key: str, value: Value) -> None:
    """Note a constant that is zero everywhere, however large it is."""
    if key in FILLED:
        value.fixed, value.fixed_at = Fixed(np.zeros((1,) * len(value.shape), np.bool_), 0.0), value.root.version


def _keeps(call: Call) -> bool:
    """Whether the call's numbers let zero be zero."""
    match call.op:
        case "pow":
            exponent = call["exponent"]
            return isinstance(call["self"], Tensor) and isinstance(exponent, int | float) and exponent > 0
        case "clamp" | "hardtanh":
            names = ("min", "max") if call.op == "clamp" else ("min_val", "max_val")
            low, high = (call.get(name) for name in names)
            if isinstance(low, Tensor) or isinstance(high, Tensor):
                return False
            return (low is None or low <= 0) and (high is None or high >= 0)
    return True


def _together(call: Call) -> None:
    """Zero where every operand is."""
    lit = [lit_of(call, item) for item in (call["self"], call["other"] if "other" in call.arguments else call["end"])]
    known = [one for one in lit if one is not None and not one.all()]
    if len(known) == len(lit):
        keep = narrow(np.logical_or(*known))
        fix(call, None if keep.all() else Fixed(keep, 0.0))


def lit_of(call: Call, item: Any) -> Bools | None:
    """Which elements of an argument may differ from zero; None where nobody knows."""
    found = where(call, item, is_zero, 0.0)
    return np.ones((), np.bool_) if found is None else found.keep


def lit_by(fixed: Fixed | None) -> Bools | None:
    """Which elements may differ from zero by what is known of a tensor; None where nobody knows."""
    return fixed.keep if fixed is not None and fixed.fill == 0 else np.ones((), np.bool_)


def _carry(call: Call, first: int) -> None:
    """An output all of whose reads are zero is zero; a product's, where those of either factor are."""
    if not (_makes(call) or any(map(_marked, call.tensors()))) or not _adds_nothing(call):
        return
    tensors = {id(call.value_of(tensor)): tensor for tensor in tensors_in(call.arguments.values())}
    graph = call.graph
    known: dict[int, Bools | None] = {}
    for tensor in tensors.values():
        number = graph.read(call.value_of(tensor))
        if number is not None:
            known[number] = lit_of(call, tensor)
    for record in graph.records[first:]:
        for number in record.inputs:
            value = graph.constants.get(number)
            if value is not None and number not in known:
                known[number] = lit_of(call, tensors[id(value)]) if id(value) in tensors else lit_by(fixed_of(value))
        _follow(record, graph.shapes, known)
    if call.op == "constant_pad_nd" and call.get("value", 0) != 0:
        _ring(graph.records[-1], graph.shapes, known)
    for output in call.outputs if "split" in call.op or "chunk" in call.op else call.outputs[:1]:
        if output.source in known:
            lit = known[output.source]
            output.fixed = None if lit is not None and lit.all() else Fixed(lit, 0.0)


def _marked(value: Value) -> bool:
    """Whether some elements of data are known to be zero."""
    fixed = None if value.constant else fixed_of(value)
    return fixed is not None and fixed.fill == 0


def _makes(call: Call) -> bool:
    """Whether zeros may come out where none went in: from a pad, from holes, or from constants beside data."""
    if call.op.endswith("convolution"):
        return bool(call.get("transposed")) or _reads_pads_alone(call)
    return call.op == "constant_pad_nd" or (call.op in JOINING and any(value.constant for value in call.tensors()))


def _reads_pads_alone(call: Call) -> bool:
    """Whether some windows of a convolution lie in its pads: these are wider than all that a window spans before it."""
    kernel = call["weight"].shape[2:]
    dilation, padding = (each(call[name], len(kernel)) for name in ("dilation", "padding"))
    return any(pad > (n - 1) * step for n, step, pad in zip(kernel, dilation, padding, strict=True))


def _adds_nothing(call: Call) -> bool:
    """Whether nothing but what is read goes into the outputs."""
    if call.op in ("slice_scatter", "select_scatter", "index_put", "_unsafe_index_put", "_index_put_impl"):
        values = call.value("values" if "index" in call.op else "src")
        below = lit_of(call, call["self"])
        return not values.constant and (not call.value("self").constant or (below is not None and not below.any()))
    return call.get("bias") is None


def _follow(record: Record, shapes: Sequence[Shape], known: dict[int, Bools | None]) -> None:
    """Enter which outputs of a record may differ from zero."""
    if all(number in known for number in record.outputs):
        return
    before = [shapes[number] for number in record.inputs]
    unlit = [known.get(number, np.ones((), np.bool_)) for number in record.inputs]
    lit = [np.ones((), np.bool_) if one is None and isinstance(record.op, SEVERAL) else one for one in unlit]
    result = record.op.result(tuple(before))
    for number, output in zip(record.outputs, result.outputs, strict=False):
        if number in known:
            continue
        if any(one is None for one in lit):
            known[number] = None
            continue
        parts = [(reads, shape, ranked(one, len(shape))) for reads, shape, one in zip(
            output.reads, before, lit, strict=True) if one is not None]  # fmt: skip
        if isinstance(record.op, MatMul):
            each = [lit_after([part], output.shape) for part in parts]
            sides = [one for one in each if one is not None]
            known[number] = narrow(np.logical_and(*sides)) if len(sides) == 2 else None
        else:
            known[number] = lit_after(parts, output.shape)


def _ring(record: Record, shapes: Sequence[Shape], known: dict[int, Bools | None]) -> None:
    """Light what a pad with something else than zero has written."""
    (number,) = record.outputs
    bare: dict[int, Bools | None] = {}
    _follow(record, shapes, bare)
    lit, inner = known[number], bare[number]
    known[number] = None if lit is None or inner is None else narrow(lit | ~inner)


def ranked(lit: Bools, rank: int) -> Bools:
    """The same places with axes of length 1 in front."""
    return lit.reshape((1,) * (rank - lit.ndim) + lit.shape)


def root_after(value: Value, lit: Bools | None, below: Bools | None) -> Fixed | None:
    """What is known of the tensor ``value`` is a view of, once that view's elements are lit as ``lit`` says.

    ``below`` are the lit elements of the whole before.
    """
    if lit is None or below is None:
        return Fixed(None, 0.0)
    if lit.all() and below.all():
        return None
    chain = [value]
    while chain[-1].parent is not None:
        chain.append(chain[-1].parent)
    down: list[Bools | None] = [ranked(below, len(value.root.shape))]
    for inner in reversed(chain[1:-1]):
        down.append(_looked_at(down[-1], inner))
    found: Bools | None = lit
    for inner, outer, old in zip(chain, chain[1:], reversed(down), strict=False):
        found = None if found is None or old is None else _put(old, inner.view, found, outer.shape, inner.shape)
    if found is None:
        return Fixed(None, 0.0)
    return None if found.all() else Fixed(narrow(found), 0.0)


def _looked_at(lit: Bools | None, value: Value) -> Bools | None:
    """The lit elements that a view shows."""
    assert value.parent is not None
    return None if lit is None else viewed(lit, value.view, value.parent.shape, value.shape)


def _put(old: Bools, view: View, lit: Bools, outer: Shape, inner: Shape) -> Bools | None:
    """The lit elements of a whole after those of a view of it have changed."""
    lit = ranked(lit, len(inner))
    match view.op:
        case None:
            return None if view.unseen else lit
        case Transpose(order):
            return lit.transpose(np.argsort(order))
        case Reshape():
            full = narrow(lit)
            if int(np.prod(inner)) > LARGEST_LIT:
                return full.reshape((1,) * len(outer)) if full.size == 1 else None
            return narrow(np.broadcast_to(full, inner).reshape(outer))
        case Slice((axis,), (start,), (count,), (step,)):
            return _exchanged(old, lit, axis, range(start, start + count * step, step), outer)
        case Select(axis, index):
            return _exchanged(old, np.expand_dims(lit, axis), axis, range(index, index + 1), outer)
    return None


def _exchanged(old: Bools, lit: Bools, axis: int, places: range, shape: Shape) -> Bools | None:
    sizes = [max(n, m) for n, m in zip(old.shape, lit.shape, strict=True)]
    sizes[axis] = shape[axis]
    if int(np.prod(sizes)) > LARGEST_LIT:
        return None
    found = np.broadcast_to(old, sizes).copy()
    found[(slice(None),) * axis + (list(places),)] = lit
    return found


def _written(call: Call) -> Fixed | None:
    """What is known of the elements that a write brings."""
    if call.op == "zero":
        return Fixed(np.zeros((), np.bool_), 0.0)
    return where(call, call["src" if call.op == "copy" else "value"], is_zero, 0.0)
