"""ONNX operators that mix elements: arithmetic, reductions, normalisation, products, recurrence, spectra."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from string import ascii_letters

import numpy as np

from striate.errors import ModelError, UnsupportedError
from striate.formats.onnx.call import Call, Translation, operator, scalar
from striate.formats.onnx.elements import Element
from striate.formats.onnx.masks import Bools, fitted, held, masked, rows, vanishing, weightless, zeros
from striate.network.operators import (
    Attention,
    Einsum,
    Elementwise,
    Everything,
    Linear,
    Mask,
    MatMul,
    Mix,
    Recurrent,
    Reduce,
    Scan,
    Stft,
    Transform,
    broadcast_shape,
)


def pointwise(call: Call, *positions: int, kinds: tuple[int, ...] = ()) -> Translation:
    """Element by element over some inputs, where no constant hides them; one stays only where it widens the shape."""
    shapes = [call.shape(p) for p in positions]
    full = broadcast_shape(tuple(shapes))
    data = [p for p in positions if call.tensor(p).data]
    narrow = not data or broadcast_shape(tuple(call.shape(p) for p in data)) != full
    made = Translation(Elementwise(), inputs=positions if narrow else tuple(data), kinds=kinds)
    return masked(call, made, positions, full)


ACTIVATIONS = (
    "Abs Acos Acosh Asin Asinh Atan Atanh Ceil Celu Cos Cosh Elu Erf Exp Floor Gelu HardSigmoid HardSwish "
    "LeakyRelu Log Mish Neg Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign "
    "Sqrt Swish Tan Tanh ThresholdedRelu BitwiseNot ImageScaler Affine ParametricSoftplus ScaledTanh "
    "com.microsoft:QuickGelu com.microsoft:Gelu Not"
)
ARITHMETIC = (
    "Add Sub Mul Div Pow Mod PRelu Max Min Sum Mean BitShift BitwiseAnd BitwiseOr BitwiseXor Clip "
    "com.microsoft:BiasGelu com.microsoft:FastGelu"
)


@operator(*ACTIVATIONS.split())
def activation(call: Call) -> Translation:
    """One input, element by element."""
    return Translation(Elementwise())


@operator("IsNaN", "IsInf")
def test(call: Call) -> Translation:
    """A truth for each element."""
    return Translation(Elementwise(), kinds=(Element.BOOL,))


@operator("Cast", "CastLike", "BitCast")
def cast(call: Call) -> Translation:
    """Another type."""
    return Translation(Elementwise(), kinds=(int(call.get("to") or call.tensor(1).kind),))


@operator(*ARITHMETIC.split())
def arithmetic(call: Call) -> Translation:
    """Any number of inputs, broadcast together."""
    call.tensor(0)
    return pointwise(call, *(p for p in range(len(call.inputs)) if call.has(p)))


@operator("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "And", "Or", "Xor")
def comparison(call: Call) -> Translation:
    """Truths."""
    return pointwise(call, 0, 1, kinds=(Element.BOOL,))


@operator("Where")
def where(call: Call) -> Translation:
    """A condition and two values."""
    return pointwise(call, 0, 1, 2, kinds=(call.tensor(1).kind,))


@operator("BatchNormalization")
def batch_normalization(call: Call) -> Translation:
    """Inference: a scale and a shift per channel."""
    if call.get("training_mode", 0) or len(call.outputs) > 1:
        raise UnsupportedError("batch normalisation in training mode; export the model for inference")
    return Translation(Elementwise(sum(call.tensor(p).data for p in range(1, 5))))


@operator("InstanceNormalization")
def instance_normalization(call: Call) -> Translation:
    """Statistics per channel over space."""
    return Translation(Mix(tuple(range(2, call.rank))))


@operator("GroupNormalization")
def group_normalization(call: Call) -> Translation:
    """Statistics per group of channels over space."""
    return Translation(Mix(tuple(range(2, call.rank)), int(call.need("num_groups"))))


@operator("LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization")
def layer_normalization(call: Call) -> Translation:
    """Statistics over the trailing axes, which may come out too."""
    axis = call.axis(int(call.get("axis", -1)))
    axes = tuple(range(axis, call.rank))
    statistics = (tuple(1 if k >= axis else n for k, n in enumerate(call.x)),) * (len(call.outputs) - 1)
    return Translation(Mix(axes, statistics=statistics))


@operator("MeanVarianceNormalization")
def mean_variance(call: Call) -> Translation:
    """Statistics over the axes given."""
    return Translation(Mix(call.axes(tuple(call.get("axes") or (0, 2, 3)))))


@operator("LpNormalization")
def lp_normalization(call: Call) -> Translation:
    """A norm along one axis."""
    return Translation(Mix((call.axis(int(call.get("axis", -1))),)))


@operator("RotaryEmbedding")
def rotary_embedding(call: Call) -> Translation:
    """Pairs of features turned together; which ones pair up is told as the whole last axis."""
    return Translation(Mix((call.rank - 1,)))


@operator("Softmax", "LogSoftmax", "Hardmax")
def softmax(call: Call) -> Translation:
    """One axis; before opset 13 all axes from ``axis`` on."""
    axis = call.axis(int(call.get("axis", -1 if call.opset >= 13 else 1)))
    axes = (axis,) if call.opset >= 13 else tuple(range(axis, call.rank))
    nothing = weightless(call, axes)
    if nothing is None or call.op == "Hardmax":
        return Translation(Mix(axes))
    keep = held(fitted(~nothing, call.x))
    return Translation(Mix(axes, keep=keep), at_most=keep is None)


REDUCTIONS = "L1 L2 LogSum LogSumExp Max Mean Min Prod Sum SumSquare"


@operator(*(f"Reduce{name}" for name in REDUCTIONS.split()))
def reduce(call: Call) -> Translation:
    """Axes as an attribute or an input; none means all, unless the node says none."""
    axes = call.option("axes", 1) or ()
    if not axes and call.get("noop_with_empty_axes", 0):
        return Translation(Elementwise())
    axes = call.axes(axes) or tuple(range(call.rank))
    return Translation(Reduce(axes, bool(call.get("keepdims", 1))))


@operator("ArgMax", "ArgMin")
def arg_reduce(call: Call) -> Translation:
    """The index of an extreme along one axis."""
    axes = (call.axis(int(call.get("axis", 0))),)
    return Translation(Reduce(axes, bool(call.get("keepdims", 1))), kinds=(Element.INT64,))


@operator("TopK")
def top_k(call: Call) -> Translation:
    """The k largest along one axis, values and indices."""
    axis = call.axis(int(call.get("axis", -1)))
    k = int(call.get("k") or scalar(call.value(1)))
    kinds = (call.tensor(0).kind, Element.INT64)
    return Translation(Transform((axis,), (k,), 2), kinds=kinds)


@operator("CumSum", "CumProd")
def cumulative(call: Call) -> Translation:
    """A scan along one axis."""
    axis = call.axis(int(scalar(call.value(1))))
    return Translation(Scan(axis, bool(call.get("reverse", 0)), bool(call.get("exclusive", 0))))


def product(call: Call, left: int, right: int, kinds: tuple[int, ...] = ()) -> Translation:
    """A matrix product; a constant matrix on the right makes it a dense layer."""
    x, y = call.shape(left), call.shape(right)
    if not x or not y or x[-1] != y[max(len(y) - 2, 0)]:
        raise ModelError(f"cannot multiply shapes {x} and {y}")
    if not call.tensor(right).data and len(y) == 2:
        return dense(call, right, turned=False, inputs=(left,), kinds=kinds)
    keep, changing = rows(zeros(call.tensor(left)), len(x))
    if keep is None or len(y) < 2:
        return Translation(MatMul(), (left, right), kinds, at_most=changing)
    return Translation(MatMul(left=Mask.of(keep), dead=True), (left, right), kinds)


def dense(
    call: Call, weight: int, *, turned: bool, inputs: tuple[int, ...] = (0,), kinds: tuple[int, ...] = (),
    alpha: float = 1.0, beta: float = 1.0,
) -> Translation:  # fmt: skip
    """A dense layer by a constant matrix: inputs by outputs, or turned."""
    shape = call.shape(weight)
    keep, _ = rows(zeros(call.tensor(weight)), 2)
    wide = None if keep is None else np.broadcast_to(keep, shape)
    wide = wide if turned or wide is None else wide.T
    made = Linear(shape[0 if turned else 1], held(wide), turned=turned, alpha=alpha, beta=beta)
    return Translation(made, inputs, kinds)


@operator("MatMul")
def matmul(call: Call) -> Translation:
    """NumPy's matrix product."""
    return product(call, 0, 1)


@operator("Gemm", "com.microsoft:FusedGemm")
def gemm(call: Call) -> Translation:
    """A dense layer where the second matrix is constant."""
    turned_a, turned_b = bool(call.get("transA", 0)), bool(call.get("transB", 0))
    a, b = call.shape(0), call.shape(1)
    if len(a) != 2 or len(b) != 2 or a[0 if turned_a else 1] != b[1 if turned_b else 0]:
        raise ModelError(f"cannot multiply shapes {a} and {b}")
    added = call.has(2) and call.tensor(2).data
    alpha, beta = call.number("alpha", 1.0), call.number("beta", 1.0)
    if not (turned_a or added or call.tensor(1).data):
        return dense(call, 1, turned=turned_b, alpha=alpha, beta=beta)
    terms = ["km" if turned_a else "mk", "nk" if turned_b else "kn"]
    if not added:
        return Translation(Einsum(f"{','.join(terms)}->mn", alpha=alpha), (0, 1))
    out = (a[1 if turned_a else 0], b[0 if turned_b else 1])
    c = call.shape(2)
    if broadcast_shape((c, out)) != out:
        raise ModelError(f"cannot add shape {c} to {out}")
    behind = zip("mn"[2 - len(c) :], "zy"[2 - len(c) :], c, out[2 - len(c) :], strict=True)
    terms.append("".join(letter if n == full else spare for letter, spare, n, full in behind))
    return Translation(Einsum(f"{','.join(terms)}->mn", alpha=alpha, beta=beta), (0, 1, 2))


@operator("Einsum")
def einsum(call: Call) -> Translation:
    """Ellipses written out, the implicit output made explicit."""
    terms, arrow, output = call.text("equation", "").replace(" ", "").partition("->")
    operands = terms.split(",")
    if len(operands) != len(call.inputs) or any(t.count("...") > 1 for t in (*operands, output)):
        found = call.text("equation", "")
        raise ModelError(f"equation {found!r} has {len(operands)} operands, the node {len(call.inputs)} inputs")
    extra = [len(call.shape(k)) - len(t.replace("...", "")) if "..." in t else 0 for k, t in enumerate(operands)]
    spare = [c for c in ascii_letters if c not in terms][: max(extra, default=0)]
    if not arrow:
        letters = sorted({c for c in terms if c.isalpha()})
        output = "..." * ("..." in terms) + "".join(c for c in letters if terms.count(c) == 1)
    written = [t.replace("...", "".join(spare[len(spare) - n :])) for t, n in zip(operands, extra, strict=True)]
    output = output.replace("...", "".join(spare))
    if any(len(set(t)) < len(t) for t in written):
        raise UnsupportedError(f"a letter twice in one operand of {call.text('equation', '')!r}")
    for k, term in enumerate(written):
        if len(term) != len(call.shape(k)):
            raise ModelError(f"operand {term!r} names {len(term)} axes, input {k} has shape {call.shape(k)}")
    made, rough = _hidden(call, Einsum(f"{','.join(written)}->{output}"), written, output)
    return Translation(made, tuple(range(len(written))), at_most=rough)


def _hidden(call: Call, found: Einsum, terms: list[str], output: str) -> tuple[Einsum, bool]:
    """Where one operand of a sum is known to be zero over a letter that stays and one that goes; whether more is."""
    rough = False
    for k, term in enumerate(terms):
        zero = zeros(call.tensor(k))
        keep = None if zero is None else fitted(~zero, call.shape(k))
        if keep is None:
            continue
        letters = [c for c, n in zip(term, keep.shape, strict=True) if n > 1]
        pair = sorted(letters, key=lambda c: c not in output)
        if found.keep is not None or len(pair) != 2 or pair[0] not in output or pair[1] in output:
            rough = True
            continue
        flat = keep.reshape([n for n in keep.shape if n > 1])
        kept = Mask.of(flat if letters == pair else flat.T)
        found = replace(found, keep=kept, masked=k, rows=pair[0], columns=pair[1])
        rough |= any(pair[0] in other and pair[1] in other for j, other in enumerate(terms) if j != k)
    return found, rough


@operator("Attention")
def attention(call: Call) -> Translation:
    """softmax(Q Kᵀ) V over (batch, heads, tokens, features)."""
    q, k, v = call.shape(0), call.shape(1), call.shape(2)
    if len(q) not in (3, 4) or not len(q) == len(k) == len(v):
        raise ModelError(f"query, key and value of shapes {q}, {k} and {v} must have 3 axes each, or 4")
    if len(call.outputs) > 1 or call.has(4) or call.has(5):
        raise UnsupportedError("attention with a cache or more than one output")
    if len(q) == 4 and not (call.has(3) and call.tensor(3).data):
        keep, changing = _attended(call, q[-2], k[-2])
        return Translation(Attention(held(keep), scale=call.get("scale")), (0, 1, 2), at_most=changing)
    heads, shared = (1, 1) if len(q) == 4 else (int(call.need("q_num_heads")), int(call.need("kv_num_heads")))
    if min(heads, shared) < 1 or v[-1] % shared:
        raise ModelError(f"{heads} query heads and {shared} key heads do not divide {v[-1]} features")
    shape = (*q[:-1], v[-1] // shared * heads)
    return Translation(Everything((shape,)), (0, 1, 2), at_most=True)


def _attended(call: Call, queries: int, keys: int) -> tuple[Bools | None, bool]:
    """Which keys each query reads, where a constant mask takes some away; and whether there is more than that."""
    keep = np.ones((queries, keys), np.bool_)
    if call.get("is_causal", 0):
        keep = np.tril(keep)
    changing = False
    if call.has(3):
        mask = call.tensor(3)
        if mask.value is None:
            changing = not mask.learned
        else:
            taken = ~mask.value if mask.value.dtype == np.bool_ else vanishing(mask)
            given, changing = rows(taken, mask.value.ndim)
            if given is not None and any(n not in (1, m) for n, m in zip(given.shape, keep.shape, strict=True)):
                raise ModelError(f"a mask of shape {mask.shape} should end in {queries} queries and {keys} keys, or 1")
            if given is not None:
                keep &= np.broadcast_to(given, keep.shape)
    rest = keep.any(axis=1)
    keep[~rest] = True
    return (None if keep.all() else keep), changing


@operator("RNN", "GRU", "LSTM")
def recurrent(call: Call) -> Translation:
    """Outputs are all states, the last state and, for LSTM, the last cell."""
    direction = call.text("direction", "forward")
    ways = 2 if direction == "bidirectional" else 1
    w = call.shape(1)
    hidden = int(call.get("hidden_size") or call.shape(2)[-1])
    time, batch = (1, 0) if call.get("layout", 0) else (0, 1)
    if call.rank != 3 or len(w) != 3 or w[0] != ways or w[2] != call.x[2]:
        shape = f"({ways}, gates, {call.x[2] if call.rank == 3 else 'features'})"
        raise ModelError(
            f"a weight of shape {w} should be {shape} for direction {direction!r} and an input of shape {call.x}"
        )
    steps, n = call.x[time], call.x[batch]
    states, last = ((n, steps, ways, hidden), (n, ways, hidden)) if batch == 0 else (
        (steps, ways, n, hidden), (ways, n, hidden))  # fmt: skip
    places = ((time, batch), (None, batch)) if batch == 0 else ((0, 2), (None, 1))
    wanted = tuple(k for k, name in enumerate(call.outputs) if name)
    made = Recurrent(
        time,
        batch,
        shapes=tuple(last if k else states for k in wanted),
        axes=tuple(places[min(k, 1)] for k in wanted),
        both_ways=ways == 2,
        reverse=direction == "reverse",
        macs=steps * n * (prod(w) + prod(call.shape(2))),
    )
    return Translation(made, outputs=wanted)


@operator("DFT")
def dft(call: Call) -> Translation:
    """One axis becomes frequencies; the last axis holds real and imaginary parts."""
    axis = int(call.get("axis", 1)) if call.opset < 20 else int(scalar(call.value(2))) if call.has(2) else -2
    axis = call.axis(axis)
    one_sided, inverse = bool(call.get("onesided", 0)), bool(call.get("inverse", 0))
    halved = one_sided and inverse
    n = int(scalar(call.value(1))) if call.has(1) else 2 * (call.x[axis] - 1) if halved else call.x[axis]
    count = n // 2 + 1 if one_sided and not inverse else n
    return Translation(Transform((axis, call.rank - 1), (count, 1 if halved else 2)))


@operator("STFT")
def stft(call: Call) -> Translation:
    """(batch, signal[, parts]) to (batch, frames, bins, 2); what the window weighs with zero is not read."""
    step = int(scalar(call.value(1)))
    if call.rank not in (2, 3):
        raise ModelError(f"an input of shape {call.x} should be (batch, signal) or (batch, signal, parts)")
    length = int(scalar(call.value(3))) if call.has(3) else prod(call.shape(2))
    if step < 1 or not 1 <= length <= call.x[1]:
        raise ModelError(f"frame_step {step} must be at least 1 and frame_length {length} at most {call.x[1]}")
    bins = length // 2 + 1 if call.get("onesided", 1) else length
    keep = fitted(call.value(2).reshape(-1) != 0, (length,)) if call.constant(2) else None
    return Translation(Stft(length, step, bins, held(keep)))


@operator("Det")
def determinant(call: Call) -> Translation:
    """One number for each matrix."""
    axes = (call.rank - 2, call.rank - 1)
    return Translation(Reduce(axes, False))
