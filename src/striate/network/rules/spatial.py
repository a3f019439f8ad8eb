"""Operators that read a neighbourhood: convolution, pooling, resizing, padding, unfolding."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TypeVar

from striate.errors import InputError
from striate.geometry import (
    Border,
    Convention,
    Coordinates,
    Groups,
    Interpolation,
    Padding,
    Rounding,
    TapMap,
    Whole,
    Window,
    adaptive_map,
    gather_map,
    pad_map,
    picked_map,
    resize_map,
    resolve_padding,
    transposed_map,
    window_map,
)
from striate.network.relation import Along, Drop, Merge, Permute, Shape, Split, Step, everything, reshape
from striate.network.rules.base import Attributes, Output, Result, rule, through, weighted

Word = TypeVar("Word", Coordinates, Interpolation, Rounding)


def _windows(a: Attributes, spatial: Shape) -> list[Window]:
    """The window of each spatial axis; ``padding`` is a convention or a pair of pads for each."""
    rank = len(spatial)
    stride, dilation = a.get("stride", (1,) * rank), a.get("dilation", (1,) * rank)
    padding: tuple[Padding | tuple[int, int], ...] = a.get("padding", (Convention.VALID,) * rank)
    windows = []
    for n, size, s, d, pad in zip(spatial, a["kernel"], stride, dilation, padding, strict=True):
        before, after = pad if isinstance(pad, tuple) else resolve_padding(pad, n, size, s, d)
        windows.append(Window(size, s, d, before, after, a.get("ceil", False)))
    return windows


@rule("conv")
def conv(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """Convolution of (N, C, *spatial); further inputs are weights.

    Attributes: out_channels, kernel, stride, dilation, padding (per axis), groups, padding_mode (Border).
    """
    x, groups = shapes[0], a.get("groups", 1)
    border = a.get("padding_mode", Border.ZERO)
    steps: list[Step] = [Along(1, Groups(x[1], a["out_channels"], groups))]
    if groups == 1:
        steps = [Along(1, Whole(x[1], a["out_channels"]))]
    for axis, window in enumerate(_windows(a, x[2:]), start=2):
        steps.append(Along(axis, window_map(window, x[axis], border)))
    result = weighted(tuple(steps), shapes)
    return Result(result.outputs, prod(result.outputs[0].shape) * x[1] // groups * prod(a["kernel"]))


@rule("conv_transpose")
def conv_transpose(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """Transposed convolution of (N, C, *spatial); further inputs are weights.

    Attributes as conv, with padding as pairs, and output_padding per axis.
    """
    x, groups = shapes[0], a.get("groups", 1)
    steps: list[Step] = [Along(1, Groups(x[1], a["out_channels"], groups))]
    extra = a.get("output_padding", (0,) * (len(x) - 2))
    for axis, (window, more) in enumerate(zip(_windows(a, x[2:]), extra, strict=True), start=2):
        steps.append(Along(axis, transposed_map(window, x[axis], more)))
    result = weighted(tuple(steps), shapes)
    return Result(result.outputs, prod(x) * a["out_channels"] // groups * prod(a["kernel"]))


def _pooled(window: Window, n: int, count: int | None) -> TapMap | Whole:
    """The map of a pool along an axis; a single window from end to end is global pooling."""
    alone = window.pad_before == window.pad_after == 0 and window.dilation == 1 and count in (None, 1)
    return Whole(n) if 1 < window.size == n and alone else window_map(window, n, out_size=count)


@rule("pool")
def pool(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """Max, average or Lp pooling over the trailing axes. Attributes: kernel, stride, dilation, padding, ceil, outputs.

    A single window over all of an axis sees it whole, as global pooling does.
    ``outputs`` is 2 where the indices of the maxima come out too; ``count`` states the units of each axis where the
    model's runtime makes more or fewer than fit.
    """
    x, first = shapes[0], len(shapes[0]) - len(a["kernel"])
    windows = _windows(a, x[first:])
    counts = a.get("count", (None,) * len(windows))
    steps = tuple(
        Along(axis, _pooled(window, x[axis], count))
        for axis, (window, count) in enumerate(zip(windows, counts, strict=True), start=first)
    )
    result = through(steps, shapes)
    return Result(result.outputs * a.get("outputs", 1))


@rule("adaptive_pool")
def adaptive_pool(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """Adaptive pooling of the trailing axes to ``size``; size 1 sees the whole axis. Attributes: size, outputs."""
    x, first = shapes[0], len(shapes[0]) - len(a["size"])
    steps = tuple(
        Along(axis, Whole(x[axis]) if count == 1 else adaptive_map(x[axis], count))
        for axis, count in enumerate(a["size"], start=first)
    )
    return Result(through(steps, shapes).outputs * a.get("outputs", 1))


@rule("resize")
def resize(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """Interpolation. Attributes: axes, size per axis, and the keyword arguments of ``geometry.resize_map``.

    ``scale``, ``roi`` and ``nearest`` may hold one entry per axis; ``picks`` holds, for each axis, the pixel that the
    model's runtime reads for each unit (nearest only; None where it reads none).
    """
    x = shapes[0]
    steps = []
    for k, (axis, count) in enumerate(zip(a["axes"], a["size"], strict=True)):
        same = {name: a[name] for name in ("antialias", "exclude_outside") if name in a}
        each = {name: a[name][k] for name in ("scale", "roi") if a.get(name) is not None}
        coordinates = _member(Coordinates, a.get("coordinates", Coordinates.HALF_PIXEL))
        picks, nearest = a.get("picks"), a.get("nearest", Rounding.ROUND_PREFER_FLOOR)
        rounding = _member(Rounding, nearest if isinstance(nearest, str) else nearest[k])
        if count != x[axis] or each.get("scale") not in (None, 1) or coordinates is Coordinates.TF_CROP_AND_RESIZE:
            mode = _member(Interpolation, a.get("mode", Interpolation.NEAREST))
            resized = resize_map(x[axis], count, mode, coordinates, nearest=rounding, **same, **each)
            steps.append(Along(axis, resized if picks is None else picked_map(resized, picks[k])))
    return through(tuple(steps), shapes)


def _member(kind: type[Word], word: str) -> Word:
    if word not in list(kind):
        raise InputError(f"resize: unknown {kind.__name__.lower()} {word!r}; known: {', '.join(kind)}")
    return kind(word)


@rule("pad")
def pad(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """Padding, or with negative pads cropping. Attributes: pads ((before, after) per axis), border (Border).

    A circular border goes round what cropping leaves.
    """
    border = a.get("border", Border.ZERO)
    steps: list[Step] = []
    for axis, (before, after) in enumerate(a["pads"]):
        n = shapes[0][axis]
        if border is Border.CIRCULAR and min(before, after) < 0:
            cut = min(before, 0), min(after, 0)
            steps.append(Along(axis, pad_map(n, *cut)))
            before, after, n = max(before, 0), max(after, 0), n + sum(cut)
            if n < 1:
                raise InputError(f"circular padding of axis {axis}: cropping by {cut} leaves none of its pixels")
        if before or after:
            steps.append(Along(axis, pad_map(n, before, after, border)))
    return through(tuple(steps), shapes)


@rule("depth_to_space")
def depth_to_space(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """Pixel shuffle of (N, C*b*b, H, W), any number of spatial axes.

    Attributes: block, column_major (ONNX DCR: the block offsets stand before the channel).
    """
    x, block = shapes[0], a["block"]
    rank, channels = len(x) - 2, x[1] // block ** (len(x) - 2)
    sizes = (block,) * rank + (channels,) if a.get("column_major") else (channels,) + (block,) * rank
    steps: list[Step] = []
    for k in range(rank):
        inner = prod(sizes[k + 1 :])
        steps.append(Split(1 + k, sizes[k], inner, inner))
    channel, offsets = (1 + rank, 1) if a.get("column_major") else (1, 2)
    pairs = [axis for k in range(rank) for axis in (2 + rank + k, offsets + k)]
    steps.append(Permute((0, channel, *pairs)))
    steps += [Merge(2 + k) for k in range(rank)]
    return through(tuple(steps), shapes)


@rule("space_to_depth")
def space_to_depth(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """The inverse of pixel shuffle on (N, C, *spatial). Attributes: block, column_major as depth_to_space."""
    x, block = shapes[0], a["block"]
    rank = len(x) - 2
    steps: list[Step] = [Split(2 + 2 * k, x[2 + k] // block, block, block) for k in range(rank)]
    blocks, offsets = [2 + 2 * k for k in range(rank)], [3 + 2 * k for k in range(rank)]
    channels = (*offsets, 1) if a.get("column_major") else (1, *offsets)
    steps.append(Permute((0, *channels, *blocks)))
    steps += [Merge(1)] * rank
    return through(tuple(steps), shapes)


@rule("unfold")
def unfold(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """im2col: (N, C, *spatial) to (N, C*taps, positions). Attributes: kernel, stride, dilation, padding."""
    x = shapes[0]
    rank = len(x) - 2
    steps: list[Step] = []
    for k, window in enumerate(_windows(a, x[2:])):
        count = window.output_size(x[2 + k])
        steps.append(Split(2 + 2 * k, count, window.size, window.stride, window.dilation, -window.pad_before))
    taps, positions = [3 + 2 * k for k in range(rank)], [2 + 2 * k for k in range(rank)]
    steps.append(Permute((0, 1, *taps, *positions)))
    steps += [Merge(1)] * rank + [Merge(2)] * (rank - 1)
    return through(tuple(steps), shapes)


@rule("fold")
def fold(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """col2im: (N, C*taps, positions) added back to (N, C, *size). Attributes as unfold, and size."""
    x, rank = shapes[0], len(a["size"])
    windows = _windows(a, tuple(a["size"]))
    counts = tuple(w.output_size(n) for w, n in zip(windows, a["size"], strict=True))
    after = (x[0], x[1] // prod(a["kernel"]), *a["size"])
    open_axes = reshape(x, (*after[:2], *a["kernel"], *counts))
    reads = []
    for tap in product(*map(range, a["kernel"])):
        steps: list[Step] = list(open_axes)
        for index, size in zip(tap, a["kernel"], strict=True):
            steps += [Along(2, gather_map(size, (index,))), Drop(2)]
        for axis, (index, window, count, n) in enumerate(zip(tap, windows, counts, a["size"], strict=True), start=2):
            placed = Window(1, window.stride, 1, window.pad_before - index * window.dilation)
            extra = n - (count - 1) * window.stride - 1 + placed.pad_before
            steps.append(Along(axis, transposed_map(placed, count, extra)))
        reads.append(tuple(steps))
    return Result((Output(after[: 2 + rank], (tuple(reads),)),))


@rule("sliding")
def sliding(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """``torch.Tensor.unfold``: windows of an axis as a new last axis. Attributes: axis, size, step."""
    x, axis = shapes[0], a["axis"]
    count = Window(a["size"], a["step"]).output_size(x[axis])
    order = (*range(axis + 1), *range(axis + 2, len(x) + 1), axis + 1)
    return through((Split(axis, count, a["size"], a["step"]), Permute(order)), shapes)


@rule("sample")
def sample(a: Attributes, shapes: tuple[Shape, ...]) -> Result:
    """An operator whose positions depend on data (grid_sample, deformable convolution, RoI): sees everything.

    Attributes: shapes (of the outputs), channelwise (True where channel c reads only channel c and axis 1 is kept).
    """
    outputs = []
    for shape in a["shapes"]:
        kept = 2 if a.get("channelwise") else 0
        first = everything(shapes[0], shape, kept)
        outputs.append(Output(shape, ((first,), *((everything(x, shape),) for x in shapes[1:]))))
    return Result(tuple(outputs))
