"""Elementwise operators, reductions, normalisations, scans and sorts."""

from __future__ import annotations

from collections.abc import Sequence

from striate.errors import UnsupportedError
from striate.formats.torch.call import Call, axis_of, handles
from striate.formats.torch.values import Value
from striate.network.operators import Elementwise, Mix, Reduce, Scan, Transform, broadcast_shape


@handles("elementwise", "rsub", "_prelu_kernel", "prelu", "bernoulli", "rrelu_with_noise",
         "log_sigmoid_forward", "_fake_quantize_learnable_per_tensor_affine", "addcmul",
         "quantize_per_tensor", "alpha_dropout", "nan_to_num", "clamp", "isnan", "isfinite",
         "fake_quantize_per_tensor_affine_cachemask", "complex", "polar", "hardswish")
def elementwise(call: Call) -> None:
    """Every element from the elements at its place, with broadcasting."""
    values = call.tensors()
    call.elementwise(values)
    if len(call.outputs) > 1:
        call.emit_rest(Elementwise(), [value for value in values if not value.constant])


@handles("copy", "fill")
def copy(call: Call) -> None:
    """The new elements of a tensor that another one is copied to; none where that is a constant."""
    sources = call.tensors()[1:]
    if sources and not sources[0].constant:
        call.elementwise(sources)


@handles("glu")
def glu(call: Call) -> None:
    """The first half of an axis times the sigmoid of the second."""
    x = call.value("self")
    axis, number = axis_of(call["dim"], len(x.shape)), call.graph.number(x)
    half = call.shape[axis]
    parts = [call.graph.cut(x, number, axis, start, half)[0] for start in (0, half)]
    call.emit(Elementwise(), parts)


@handles("mean", "sum", "max", "min", "amax", "amin", "argmax", "argmin", "prod", "std", "var", "var_mean", "std_mean",
         "norm", "linalg_vector_norm", "logsumexp", "any", "all", "median", "nanmedian", "kthvalue", "mode", "aminmax",
         "nansum", "count_nonzero", "_safe_reduce")
def reduction(call: Call) -> None:
    """A statistic of all elements along some axes; ``max`` and ``min`` of two tensors are elementwise."""
    if call.get("other") is not None:
        return elementwise(call)
    x = call.value("self")
    axes = _axes(call.get("dim"), len(x.shape))
    keepdims = bool(call.get("keepdim", False))
    call.emit(Reduce(axes, keepdims), [x])
    call.emit_rest(Reduce(axes, keepdims), [x])
    return None


@handles("mse_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits",
         "soft_margin_loss", "multilabel_margin_loss_forward")
def loss(call: Call) -> None:
    """A loss of each element, then its mean or sum over all where one is asked for."""
    values = call.tensors()
    if not call.get("reduction", 1):
        return call.elementwise(values)
    data = [value for value in values if not value.constant]
    shape = broadcast_shape(tuple(value.shape for value in data))
    each = call.add(Elementwise(), [call.graph.number(value) for value in data], shape)
    call.emit(Reduce(tuple(range(len(shape))), False), [each], [value for value in values if value.constant])
    return None


@handles("nll_loss_forward", "nll_loss2d_forward", "nll_loss_nd")
def class_loss(call: Call) -> None:
    """The score of the class that a target names, at every place; at most all classes are read."""
    x, target = call.value("self"), call.value("target")
    axis = 1 if len(x.shape) > 1 else 0
    scores = call.graph.number(x) if not x.constant else None
    kept = (*x.shape[:axis], *x.shape[axis + 1 :])
    numbers = [] if scores is None else [call.add(Reduce((axis,), False), [scores], kept)]
    numbers += [] if target.constant else [call.graph.number(target)]
    call.at_most = True
    if call.get("reduction", 1):
        each = call.add(Elementwise(), numbers, kept)
        call.emit(Reduce(tuple(range(len(kept))), False), [each])
    else:
        call.emit(Elementwise(), numbers)
    call.emit_rest(None, numbers)


def _axes(dim: int | Sequence[int] | None, rank: int) -> tuple[int, ...]:
    if dim is None or (not isinstance(dim, int) and not dim):
        return tuple(range(rank))
    return tuple(sorted({axis_of(d, rank) for d in ([dim] if isinstance(dim, int) else dim)})) if rank else ()


@handles("sort", "argsort")
def along_axis(call: Call) -> None:
    """An element and all along one axis."""
    x = call.value("self")
    axes = (axis_of(call["dim"], len(x.shape)),) if x.shape else ()
    call.emit(Mix(axes), [x])
    call.emit_rest(Mix(axes), [x])


@handles("renorm")
def renorm(call: Call) -> None:
    """Every index of an axis scaled by the norm of all else that it holds."""
    rank = len(call.shape)
    axes = tuple(axis for axis in range(rank) if axis != axis_of(call["dim"], rank))
    call.emit(Mix(axes), [call.value("self")])


@handles("topk")
def topk(call: Call) -> None:
    """The largest elements along an axis: each may be any."""
    x = call.value("self")
    axis = axis_of(call["dim"], len(x.shape))
    made = Transform((axis,), (call.shape[axis],))
    call.emit(made, [x])
    call.emit_rest(made, [x])


@handles("_fft_r2c", "_fft_c2c", "_fft_c2r")
def fft(call: Call) -> None:
    """A Fourier transform."""
    x = call.value("self")
    axes = _axes(call["dim"], len(x.shape))
    call.emit(Transform(axes, tuple(call.shape[axis] for axis in axes)), [x])


@handles("cumsum", "cumprod", "cummax", "cummin", "logcumsumexp", "_cummax_helper")
def scan(call: Call) -> None:
    """Every element from those before it along an axis."""
    x = call.value("self")
    axis = axis_of(call["dim"], len(x.shape))
    call.emit(Scan(axis), [x])
    call.emit_rest(Scan(axis), [x])


@handles("native_layer_norm")
def layer_norm(call: Call) -> None:
    """Normalisation over the last axes."""
    x, rank = call.value("input"), len(call["normalized_shape"])
    axes = tuple(range(len(x.shape) - rank, len(x.shape)))
    call.emit(Mix(axes), [x], _learned(call))
    call.emit_rest(Reduce(axes), [x])


@handles("_fused_rms_norm", "rms_norm")
def rms_norm(call: Call) -> None:
    """Division by the root mean square over the last axes."""
    layer_norm(call)


@handles("native_group_norm")
def group_norm(call: Call) -> None:
    """Normalisation over groups of channels and all positions."""
    x = call.value("input")
    call.emit(Mix(tuple(range(2, len(x.shape))), call["group"]), [x], _learned(call))
    call.emit_rest(None, [x])


@handles("native_batch_norm", "_native_batch_norm_legit", "_native_batch_norm_legit_no_training", "batch_norm",
         "cudnn_batch_norm", "_batch_norm_no_update", "_batch_norm_with_update")
def batch_norm(call: Call) -> None:
    """In inference a scale and shift of each channel; in training the batch and all positions mix."""
    x = call.value("input")
    weights = _learned(call)
    if call.get("training", call.op == "_batch_norm_with_update"):
        call.emit(Mix((0, *range(2, len(x.shape)))), [x], weights)
        call.emit_rest(None, [x])
        return
    if any(weight is not None and not weight.constant for weight in weights):
        raise UnsupportedError("the statistics of the normalisation depend on data")
    call.emit(Elementwise(), [x], weights)
    call.emit_rest(None, [x])


def _learned(call: Call) -> list[Value | None]:
    return [call.value_of(call[name]) if call.get(name) is not None else None for name in ("weight", "bias")]
