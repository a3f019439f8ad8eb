"""Keras layers that read a neighbourhood: convolutions, pools, padding, cropping, resizing."""

from __future__ import annotations

from dataclasses import replace

from striate.errors import ModelError, UnsupportedError
from striate.formats.keras.activations import activated
from striate.formats.keras.call import Call, integer, layer, operation
from striate.formats.steps import Part, Step, step
from striate.geometry import Convention, Coordinates, Interpolation, Rounding, resolve_padding
from striate.network import Weight
from striate.network.operators import (
    AdaptivePool,
    Conv,
    ConvTranspose,
    Function,
    Pad,
    Pool,
    Reduce,
    Reshape,
    Resize,
    Transpose,
)
from striate.network.relation import Shape

Pads = tuple[tuple[int, int], ...]
PADDINGS = ("valid", "same")


def _axes(call: Call) -> int:
    """How many axes a layer slides over, by the digit in its class's name."""
    return next(int(letter) for letter in call.layer.kind if letter.isdigit())


def _pads(word: str, sizes: Shape, kernel: Shape, stride: Shape, dilation: Shape) -> Pads:
    """The pads along each axis; ``causal`` ones all stand before."""
    rows = zip(sizes, kernel, stride, dilation, strict=True)
    if word == "causal":
        return tuple((d * (k - 1), 0) for _, k, _, d in rows)
    rule = Convention.SAME_UPPER if word == "same" else Convention.VALID
    return tuple(resolve_padding(rule, *row) for row in rows)


def _convolved(
    call: Call, x: Part, out_channels: int, groups: int, weights: tuple[Weight, ...], word: str = ""
) -> Step:
    """A convolution by the settings of a layer."""
    axes = len(x.shape) - 2
    kernel, stride = call.integers("kernel_size", axes), call.integers("strides", axes, 1)
    dilation = call.integers("dilation_rate", axes, 1)
    padding = call.word("padding", (*PADDINGS, "causal") if axes == 1 else PADDINGS, "valid")
    pads = _pads(padding, x.shape[2:], kernel, stride, dilation)
    made = Conv(kernel, stride, dilation, pads, out_channels=out_channels, groups=groups)
    return step(made, x, weights=weights, word=word)


def _last_to_first(axes: int) -> Transpose:
    """From a kernel of (taps, in, out) to one of (out, in, taps)."""
    return Transpose((axes + 1, axes, *range(axes)))


def _bias(call: Call, k: int, channels: int) -> tuple[Weight, ...]:
    return (call.weight("bias", k, (channels,)),) if call.flag("use_bias", True) else ()


@layer("Conv1D", "Conv2D", "Conv3D")
def convolution(call: Call) -> Step:
    """The kernel lies as (taps, in, out); SAME pads by the size, an odd pixel after."""
    axes, filters, groups = _axes(call), call.integer("filters"), call.integers("groups", 1, 1)[0]
    x, kernel = call.image(axes), call.integers("kernel_size", axes)
    kept = call.weight("weight", 0, (*kernel, x.shape[1] // groups, filters), _last_to_first(axes))
    return activated(call, _convolved(call, x, filters, groups, (kept, *_bias(call, 1, filters))))


def _depthwise(call: Call, axes: int, word: str = "", more: tuple[Weight, ...] = ()) -> Step:
    """Each channel by kernels of its own, of which it has ``depth_multiplier``."""
    x, kernel = call.image(axes), call.integers("kernel_size", axes)
    channels, multiplier = x.shape[1], call.integers("depth_multiplier", 1, 1)[0]
    views = Reshape((*kernel, 1, channels * multiplier)), _last_to_first(axes)
    kept = call.weight("weight", 0, (*kernel, channels, multiplier), *views)
    return _convolved(call, x, channels * multiplier, channels, (kept, *more), word)


@layer("DepthwiseConv1D", "DepthwiseConv2D")
def depthwise(call: Call) -> Step:
    """The kernel lies as (taps, in, multiplier)."""
    made = _depthwise(call, _axes(call))
    return activated(call, replace(made, weights=(*made.weights, *_bias(call, 1, made.shape[1]))))


@layer("SeparableConv1D", "SeparableConv2D")
def separable(call: Call) -> Step:
    """A depthwise convolution and one of a single tap that mixes its channels."""
    axes, filters = _axes(call), call.integer("filters")
    first = _depthwise(call, axes, "depthwise")
    one = (1,) * axes
    kept = call.weight("weight", 1, (*one, first.shape[1], filters), _last_to_first(axes))
    mixed = step(Conv(one, out_channels=filters), first, weights=(kept, *_bias(call, 2, filters)))
    return activated(call, mixed)


@layer("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
def transposed(call: Call) -> Step:
    """The kernel lies as (taps, out, in); SAME makes a stride of units for each pixel."""
    axes, filters = _axes(call), call.integer("filters")
    x, kernel, stride = call.image(axes), call.integers("kernel_size", axes), call.integers("strides", axes, 1)
    dilation, same = call.integers("dilation_rate", axes, 1), call.word("padding", PADDINGS, "valid") == "same"
    more = None if call.get("output_padding") is None else call.integers("output_padding", axes, least=0)
    padding, beyond = [], []
    for axis, (k, s, d) in enumerate(zip(kernel, stride, dilation, strict=True)):
        before, after = _crops((k - 1) * d + 1, s, same, None if more is None else more[axis])
        padding.append((before, max(after, 0)))
        beyond.append(max(-after, 0))
    made = ConvTranspose(kernel, stride, dilation, tuple(padding), out_channels=filters, output_padding=tuple(beyond))
    kept = call.weight("weight", 0, (*kernel, filters, x.shape[1]), _last_to_first(axes))
    return activated(call, step(made, x, weights=(kept, *_bias(call, 1, filters))))


def _crops(extent: int, stride: int, same: bool, more: int | None) -> tuple[int, int]:
    """What a transposed convolution cuts off all that its windows make; a negative number puts zeros there.

    Source: Keras's own arithmetic, by which ``added`` zeros stand around the input spread by its stride; without any
    the whole is (n - 1) * stride + extent units long, as if extent - 1 of them stood on either side.
    """
    if not same:
        return 0, -(max(stride - extent, 0) if more is None else more)
    added = stride + extent - 2 if more is None else extent + extent % 2 - 2 + more
    before = max(extent - 1 - (added + 1) // 2, 0)
    return before, 2 * (extent - 1) - added - before


POOLS = {"Max": Function.of("max"), "Average": Function.of("average", include_pad=False)}


def _function(call: Call) -> Function:
    return POOLS["Max" if "Max" in call.layer.kind else "Average"]


@layer(*(f"{kind}{axes}D" for kind in ("MaxPooling", "AveragePooling") for axes in (1, 2, 3)))
def pool(call: Call) -> Step:
    """What lies in the padding of SAME does not count."""
    axes = _axes(call)
    x, kernel = call.image(axes), call.integers("pool_size", axes, 2)
    stride = call.integers("strides", axes, list(kernel))
    pads = _pads(call.word("padding", PADDINGS, "valid"), x.shape[2:], kernel, stride, (1,) * axes)
    return step(Pool(kernel, stride, padding=pads, function=_function(call)), x)


@layer(*(f"Global{kind}{axes}D" for kind in ("MaxPooling", "AveragePooling") for axes in (1, 2, 3)))
def global_pool(call: Call) -> Step:
    """The largest or the mean of all positions."""
    axes = _axes(call)
    function = Function.of("max" if "Max" in call.layer.kind else "mean")
    places, kept = tuple(range(2, axes + 2)), call.flag("keepdims")
    x = call.image(axes)
    made = Reduce(places, kept, function=function)
    return step(made, x, order=x.order if kept else (0, 1))


@layer(*(f"Adaptive{kind}Pooling{axes}D" for kind in ("Max", "Average") for axes in (1, 2, 3)))
def adaptive_pool(call: Call) -> Step:
    """Each axis cut into as many windows as there are units."""
    axes = _axes(call)
    return step(AdaptivePool(call.integers("output_size", axes), function=_function(call)), call.image(axes))


def _pairs(call: Call, name: str, axes: int) -> Pads:
    """Two numbers for each axis: one for all, one for each, or a pair for each; of one axis also just a pair."""
    found = call.get(name)
    if axes == 1 and isinstance(found, list) and len(found) == 2 and not isinstance(found[0], list):
        found = [found]
    row = found if isinstance(found, list) else [found] * axes
    if len(row) != axes:
        raise ModelError(f"{name} should have {axes} entries, has {len(row)}")
    pairs = [pair if isinstance(pair, list) else [pair, pair] for pair in row]
    if any(len(pair) != 2 for pair in pairs):
        raise ModelError(f"{name} should be pairs of integers, is {str(found)[:60]}")
    return tuple((integer(name, before, 0), integer(name, after, 0)) for before, after in pairs)


@layer("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D")
def zero_padding(call: Call) -> Step:
    """Zeros around each axis."""
    axes = _axes(call)
    return step(Pad(((0, 0), (0, 0), *_pairs(call, "padding", axes))), call.image(axes))


@layer("Cropping1D", "Cropping2D", "Cropping3D")
def cropping(call: Call) -> Step:
    """Pixels cut off each axis."""
    axes = _axes(call)
    x, pairs = call.image(axes), _pairs(call, "cropping", axes)
    if any(sum(pair) >= n for pair, n in zip(pairs, x.shape[2:], strict=True)):
        raise ModelError(f"cropping {pairs} leaves nothing of an input of shape {call.shape}")
    return step(Pad(((0, 0), (0, 0), *((-before, -after) for before, after in pairs))), x)


MODES = {"nearest": Interpolation.NEAREST, "bilinear": Interpolation.LINEAR, "bicubic": Interpolation.CUBIC}


def _resized(x: Part, size: Shape, mode: str, antialias: bool = False) -> Step:
    """Two axes or more of another size, by the middles of pixels."""
    if mode not in MODES:
        raise UnsupportedError(f"the interpolation {mode} has no rule; known: {', '.join(MODES)}")
    axes = tuple(range(2, len(x.shape)))
    coordinates = Coordinates.TF_HALF_PIXEL_FOR_NN if mode == "nearest" else Coordinates.HALF_PIXEL
    nearest = (Rounding.FLOOR,) * len(axes) if mode == "nearest" else ()
    return step(Resize(axes, size, MODES[mode], coordinates, nearest, antialias=antialias and mode != "nearest"), x)


@layer("UpSampling1D", "UpSampling2D", "UpSampling3D")
def up_sampling(call: Call) -> Step:
    """Each pixel some times in a row, or what lies between them."""
    axes = _axes(call)
    x, factors = call.image(axes), call.integers("size", axes, 2)
    mode = call.word("interpolation", (*MODES, "lanczos3", "lanczos5"), "nearest") if axes == 2 else "nearest"
    return _resized(x, tuple(n * by for n, by in zip(x.shape[2:], factors, strict=True)), mode)


@operation("Resize")
def resize(call: Call) -> Step:
    """As the layer does."""
    return _to_size(call, call.integers("size", 2))


@layer("Resizing")
def resizing(call: Call) -> Step:
    """To a size, the shape of the picture kept by cropping or padding where that is asked for."""
    return _to_size(call, (call.integer("height"), call.integer("width")))


def _to_size(call: Call, size: Shape) -> Step:
    x = call.image(2)
    mode = call.word("interpolation", (*MODES, "lanczos3", "lanczos5"), "bilinear")
    if call.flag("crop_to_aspect_ratio"):
        x = _cropped_alike(x, size)
    elif call.flag("pad_to_aspect_ratio"):
        call.word("fill_mode", ("constant",), "constant")
        wanted = (max(n, m) for n, m in zip(x.shape[2:], _alike(x.shape[2:], size), strict=True))
        before = [(m - n) // 2 for n, m in zip(x.shape[2:], wanted, strict=True)]
        x = step(Pad(((0, 0), (0, 0), *((n, n) for n in before)), value=call.number("fill_value", 0)), x, word="padded")
    return _resized(x, size, mode, call.flag("antialias"))


@layer("CenterCrop")
def center_crop(call: Call) -> Step:
    """The middle of a picture; one that is too small is cut to the shape of the size and made larger."""
    x, size = call.image(2), (call.integer("height"), call.integer("width"))
    if any(n < wanted for n, wanted in zip(x.shape[2:], size, strict=True)):
        return _resized(_cropped_alike(x, size), size, "bilinear")
    return _middle(x, size)


def _alike(sizes: Shape, wanted: Shape) -> Shape:
    """For each axis its size where the other one stays and the picture has the shape that is wanted."""
    (height, width), (rows, columns) = sizes, wanted
    return int(float(width * rows) / columns), int(float(height * columns) / rows)


def _cropped_alike(x: Part, size: Shape) -> Step:
    """The largest middle part of a picture that has the shape of a size."""
    sizes = x.shape[2:]
    return _middle(x, tuple(max(min(n, m), 1) for n, m in zip(sizes, _alike(sizes, size), strict=True)), "cropped")


def _middle(x: Part, size: Shape, word: str = "") -> Step:
    """The middle part of a picture; of an odd rest the smaller half is cut off before it."""
    pads = [(-((n - m) // 2), -((n - m) - (n - m) // 2)) for n, m in zip(x.shape[2:], size, strict=True)]
    return step(Pad(((0, 0), (0, 0), *pads)), x, word=word)
