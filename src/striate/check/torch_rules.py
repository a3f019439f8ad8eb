"""How each aten operator becomes a positive linear one whose gradient reaches exactly what the operator reads.

Only reach matters: a value is 0 where nothing is read, and every sum's gradient is cut back to 0 or 1 on its way
down, so nothing underflows at any depth. An attention mask counts as absent. An operator outside these tables that
meets the source's values is refused by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from striate.check.torch_call import Call, Rewrite, cut_back, gathered, level, nowhere_zero, ones
from striate.check.torch_masks import attended, hidden, masked_mix


def rewrite(call: Call) -> Sequence[Tensor]:
    """The twins of a call's outputs; further outputs read what the first does, or all of it."""
    made = _rule(call)(call)
    if not isinstance(made, Tensor):
        return made
    rest = [made if out.shape == made.shape else made.sum().expand(out.shape) for out in call.outputs[1:]]
    return [made, *rest]


def _rule(call: Call) -> Rewrite:
    if call.name in RULES:
        return RULES[call.name]
    if torch.Tag.pointwise in call.func.tags or call.name in POINTWISE.split():
        return _union
    raise call.refusal("there is no rule for it")


def nonzero(call: Call, name: str) -> Tensor:
    """Which elements of an argument that carries data may be other than zero: those that read, and other constants."""
    value, twin = call.real[name], call.arguments[name]
    found: Tensor = (value != 0) | (twin.detach() != 0).expand(value.shape)
    return found


def _union(call: Call) -> Tensor:
    real = {name: nonzero(call, name) if call.data(name) is not None else value for name, value in call.real.items()}
    if call.name == "where" and call.data("condition") is not None:
        masks: dict[str, Tensor] = {}
    else:
        masks = hidden(call.name, real, call.learned)
    seen = {id(twin): twin for twin in call.tainted}
    for name, mask in masks.items():
        twin = call.data(name)
        if twin is not None and sum(part is twin for part in call.tainted) == 1:
            seen[id(twin)] = twin * ~mask
    total, *rest = seen.values()
    for part in rest:
        total = total + part
    if call.name in ("add", "sub", "rsub"):
        total = call.with_trained(total, *call.real)
    return total.expand(call.shape)


def _same(call: Call) -> Tensor | Sequence[Tensor]:
    """The operator itself, on the twin: it only moves elements, or mixes them with positive weights."""
    call.first()
    arguments = {name: value for name, value in call.arguments.items() if name not in ("dtype", "value")}
    made: Tensor | Sequence[Tensor] = functional_form(call)(**arguments)
    if isinstance(made, Tensor) and made.requires_grad:
        made.register_hook(cut_back)
    return made


def functional_form(call: Call) -> Any:
    """The overload that writes nothing."""
    return getattr(getattr(torch.ops.aten, call.name), call.func._overloadname)


def _identity(call: Call) -> Tensor:
    return call.first()


def _reshape(call: Call) -> Tensor:
    return call.first().reshape(call.shape)


def _restride(call: Call) -> Tensor:
    """The form torch's own dense layer uses on its fresh result."""
    return call.first().contiguous().as_strided(call.arguments["size"], call.arguments["stride"])


def _concat(call: Call) -> Tensor:
    tensors = call.arguments["tensors"]
    parts = [t if id(t) in call.twins else torch.zeros(t.shape, dtype=torch.float64) for t in tensors]
    join = torch.cat if call.name == "cat" else torch.stack
    return join(parts, call.arguments.get("dim", 0))


def _convolution(call: Call) -> Tensor:
    """A convolution by ones: channels of a group are one sum, and its outputs are alike."""
    a, x, weight = call.arguments, call.data("input"), call.arguments["weight"]
    parts = []
    if x is not None:
        groups, out_channels = a["groups"], call.shape[1]
        batch, spatial = x.shape[0], x.shape[2:]
        gathered = x.reshape(batch, groups, x.shape[1] // groups, *spatial).sum(2)
        kernel = ones(groups, 1, *weight.shape[2:])
        places = a["stride"], a["padding"], a["dilation"], a["transposed"], a["output_padding"]
        one = call.with_trained(level(torch.ops.aten.convolution(gathered, kernel, None, *places, groups)), "bias")
        wide = one.unsqueeze(2).expand(batch, groups, out_channels // groups, *one.shape[2:])
        parts.append(wide.reshape(batch, out_channels, *one.shape[2:]))
    if call.data("weight") is not None:
        parts.append(level(weight.sum()).expand(call.shape))
    return parts[0] if len(parts) == 1 else parts[0] + parts[1]


def _product(left: str, right: str) -> Rewrite:
    """A matrix product, and what is added to it."""

    def rule(call: Call) -> Tensor:
        total = torch.zeros((), dtype=torch.float64)
        x, y = call.data(left), call.data(right)
        if x is not None and y is not None and y.dim() > 1:
            total = total + level(x @ nonzero(call, right).to(x.dtype))
        elif x is not None:
            total = total + level(x.sum(-1, keepdim=len(call.shape) > 1 or call.name == "mm"))
        weights = call.real[left]
        if y is not None and weights in call.sparse and call.arguments[right].dim() > 1:
            total = total + level((weights != 0).to(y.dtype) @ y)
        elif y is not None and x is not None and call.arguments[right].dim() > 1:
            total = total + level(nonzero(call, left).to(y.dtype) @ y)
        elif y is not None:
            vector = call.arguments[right].dim() == 1
            total = total + level(y.sum() if vector else y.sum(-2, keepdim=True))
        if left != "self" and (more := call.data("self")) is not None:
            total = total + more
        return (total if left == "self" else call.with_trained(total, "self")).expand(call.shape)

    return rule


def _attention(call: Call) -> Tensor:
    query, key, value = call.data("query"), call.data("key"), call.data("value")
    total, keep = torch.zeros((), dtype=torch.float64), attended(call.real)
    if query is not None:
        total = total + query.sum(-1, keepdim=True)
    for part, features in ((key, True), (value, False)):
        if part is None:
            continue
        if part.shape[:-2] != call.shape[:-2]:
            raise call.refusal("its heads are shared")
        read = part.sum(-2, keepdim=True) if keep is None else keep @ part
        total = total + (read.sum(-1, keepdim=True) if features else read)
    return level(total).expand(call.shape)


def mixed(x: Tensor, axes: Sequence[int]) -> Tensor:
    """Each element, and all along ``axes``."""
    return x + gathered(x, axes)


def _batch_norm(call: Call) -> Tensor:
    x = call.first()
    if not call.arguments.get("training", False):
        return nowhere_zero(x)
    return mixed(x, [axis for axis in range(x.dim()) if axis != 1])


def _layer_norm(call: Call) -> Tensor:
    x = call.first()
    made = mixed(x, range(x.dim() - len(call.arguments["normalized_shape"]), x.dim()))
    return call.with_trained(made, "bias")


def _group_norm(call: Call) -> Tensor:
    x, groups = call.first(), call.arguments["group"]
    return call.with_trained(mixed(x.reshape(x.shape[0], groups, -1), [2]).reshape(x.shape), "bias")


def _softmax(call: Call) -> Tensor:
    made = masked_mix(call.first(), call.outputs[0], call.arguments["dim"], level)
    return mixed(call.first(), [call.arguments["dim"]]) if made is None else made


def _reduce(call: Call) -> Tensor:
    if "other" in call.arguments:
        return _union(call)
    x, axes = call.first(), call.arguments.get("dim")
    axes = [axes] if isinstance(axes, int) else list(axes or range(x.dim()))
    return gathered(x, axes).reshape(call.shape)


def _scan(call: Call) -> Tensor:
    return level(call.first().cumsum(call.arguments["dim"]))


def _max_pool(call: Call) -> Tensor:
    """An average over the same windows; by a convolution where they are dilated."""
    x, a = call.first(), call.arguments
    kernel, rank = list(a["kernel_size"]), len(a["kernel_size"])
    stride, padding = (list(a.get(name) or default) for name, default in (("stride", kernel), ("padding", [0] * rank)))
    dilation = list(a.get("dilation") or [1] * rank)
    if set(dilation) == {1}:
        average = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}[rank]
        return level(average(x, kernel, stride, padding, bool(a.get("ceil_mode", False))))
    spatial, out = x.shape[-rank:], call.shape[-rank:]
    pads: list[int] = []
    for n, count, k, s, p, d in zip(spatial, out, kernel, stride, padding, dilation, strict=True):
        pads = [p, max(0, (count - 1) * s + d * (k - 1) + 1 - n - p), *pads]
    flat = functional.pad(x.reshape(prod(x.shape[:-rank]), 1, *spatial), pads)
    convolve = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}[rank]
    y = convolve(flat, ones(1, 1, *kernel), None, stride, 0, dilation)
    for axis, count in enumerate(out, start=2):
        y = y.narrow(axis, 0, count)
    return level(y).reshape(call.shape)


def _adaptive_max_pool(call: Call) -> Tensor:
    x, size = call.first(), call.arguments["output_size"]
    average = {2: torch.ops.aten._adaptive_avg_pool2d, 3: torch.ops.aten._adaptive_avg_pool3d}[len(size)]
    return level(average(x, size))


def _cubic(call: Call) -> Tensor:
    """Negative weights are kept from cancelling by random magnitudes of what comes down."""
    made = _same(call)
    assert isinstance(made, Tensor)
    scaled: Tensor = made * (torch.rand(made.shape, dtype=torch.float64) + 0.5)
    return scaled


def _copy(call: Call) -> Tensor:
    source = call.data("src")
    if source is None:
        raise call.refusal("it writes over image data")
    return source.expand(call.shape)


def _gated(call: Call) -> Tensor:
    left, right = call.first().chunk(2, call.arguments.get("dim", -1))
    return left + right


POINTWISE = (
    "celu elu gelu hardshrink hardsigmoid hardswish hardtanh leaky_relu log_sigmoid_forward masked_fill mish "
    "native_dropout relu6 rrelu_with_noise selu silu softplus softshrink threshold where _prelu_kernel"
)
_SAME = (
    "permute transpose t expand slice select split split_with_sizes chunk unbind squeeze "
    "unsqueeze flip roll repeat pixel_shuffle pixel_unshuffle channel_shuffle native_channel_shuffle "
    "constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d "
    "replication_pad3d im2col col2im unfold index index_select gather diagonal tril triu movedim narrow "
    "avg_pool1d avg_pool2d avg_pool3d _adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_avg_pool1d "
    "upsample_nearest1d upsample_nearest2d upsample_nearest3d _upsample_nearest_exact1d _upsample_nearest_exact2d "
    "_upsample_nearest_exact3d upsample_linear1d upsample_bilinear2d upsample_trilinear3d _upsample_bilinear2d_aa"
)
_REDUCTIONS = (
    "mean sum amax amin max min prod var std var_mean std_mean logsumexp linalg_vector_norm norm argmax argmin any "
    "all median nansum count_nonzero"
)

RULES: dict[str, Rewrite] = {
    **dict.fromkeys(_SAME.split(), _same),
    **dict.fromkeys(_REDUCTIONS.split(), _reduce),
    **dict.fromkeys(("detach", "alias", "clone", "_to_copy", "contiguous", "lift_fresh", "native_dropout"), _identity),
    **dict.fromkeys(("view", "_unsafe_view", "reshape", "_reshape_alias"), _reshape),
    **dict.fromkeys(("cat", "stack"), _concat),
    **dict.fromkeys(("convolution", "_convolution", "mkldnn_convolution"), _convolution),
    **dict.fromkeys(("mm", "bmm", "mv", "dot"), _product("self", "mat2")),
    **dict.fromkeys(("mv", "dot"), _product("self", "vec")),
    "as_strided": _restride,
    "addmm": _product("mat1", "mat2"),
    "baddbmm": _product("batch1", "batch2"),
    "addmv": _product("mat", "vec"),
    **dict.fromkeys(("_softmax", "_log_softmax", "_safe_softmax"), _softmax),
    **dict.fromkeys(("cumsum", "cumprod"), _scan),
    **dict.fromkeys(("max_pool2d_with_indices", "max_pool3d_with_indices", "max_pool2d", "max_pool1d"), _max_pool),
    **dict.fromkeys(("adaptive_max_pool2d", "adaptive_max_pool3d"), _adaptive_max_pool),
    **dict.fromkeys(("upsample_bicubic2d", "_upsample_bicubic2d_aa", "upsample_cubic1d"), _cubic),
    **dict.fromkeys(
        ("native_batch_norm", "_native_batch_norm_legit", "_native_batch_norm_legit_no_training", "cudnn_batch_norm"),
        _batch_norm,
    ),
    "native_layer_norm": _layer_norm,
    "native_group_norm": _group_norm,
    "copy": _copy,
    "glu": _gated,
    **dict.fromkeys(
        (
            "_scaled_dot_product_flash_attention_for_cpu",
            "_scaled_dot_product_flash_attention",
            "_scaled_dot_product_efficient_attention",
            "_scaled_dot_product_attention_math",
        ),
        _attention,
    ),
}
