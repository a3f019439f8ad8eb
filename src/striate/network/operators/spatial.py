"""Operators that read a neighbourhood: convolution, pooling, resizing, padding."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import prod

from striate.errors import InputError
from striate.geometry import (
    Border,
    Coordinates,
    Groups,
    Interpolation,
    Rounding,
    TapMap,
    Whole,
    Window,
    adaptive_map,
    pad_map,
    picked_map,
    resize_map,
    resize_place,
    transposed_map,
    window_map,
)
from striate.network.operators.base import Operator, Output, Result, through, weighted
from striate.network.operators.function import UNKNOWN, Function
from striate.network.operators.kinds import MOST_TAPS, Axes, Extras, Pads, Positive, Sizes, Taps
from striate.network.relation import Along, Shape, Step, everything

Place = tuple[Fraction, Fraction]

CROPPED = Coordinates.TF_CROP_AND_RESIZE
STILL: Place = (Fraction(1), Fraction(0))


@dataclass(frozen=True, slots=True)
class Windowed(Operator):
    """An operator that slides a window along the trailing axes."""

    kernel: Taps
    """Taps along each of these axes."""
    stride: Taps = ()
    """Steps between neighbouring windows, one for each axis; none given: 1."""
    dilation: Taps = ()
    """Steps between neighbouring taps, one for each axis; none given: 1."""
    padding: Pads = ()
    """Pads before and after, one pair for each axis; negative ones crop; none given: 0."""

    def settle(self) -> None:
        """One stride, dilation and pair of pads for each axis of the kernel."""
        rank = len(self.kernel)
        for name, default in (("stride", 1), ("dilation", 1), ("padding", (0, 0))):
            found = getattr(self, name)
            if not found:
                self.put(name, (default,) * rank)
            elif len(found) != rank:
                kernel = self.kernel
                raise InputError(f"{self.word}: {name} {found} must have one entry for each axis of kernel {kernel}")
        if prod(self.kernel) > MOST_TAPS**2:
            raise InputError(f"{self.word}: kernel {self.kernel} has more than {MOST_TAPS**2} taps")

    def windows(self, ceil: bool = False) -> list[Window]:
        """The window of each axis."""
        rows = zip(self.kernel, self.stride, self.dilation, self.padding, strict=True)
        return [Window(size, stride, dilation, *pads, ceil) for size, stride, dilation, pads in rows]

    def image(self, shapes: tuple[Shape, ...]) -> Shape:
        """The first input's shape; InputError where it is not (N, C, *spatial)."""
        x, rank = self.first(shapes), len(self.kernel)
        if len(x) != rank + 2:
            raise InputError(
                f"{self.word}: kernel {self.kernel} needs an input of {rank + 2} axes (2 and {rank} spatial), "
                f"got shape {x}"
            )
        return x


@dataclass(frozen=True, slots=True)
class Conv(Windowed):
    """Convolution of (N, C, *spatial); further inputs are weights."""

    word = "conv"
    out_channels: Positive = field(kw_only=True)
    """Channels that come out."""
    groups: Positive = field(default=1, kw_only=True)
    """Groups of channels that do not mix."""
    border: Border = field(default=Border.ZERO, kw_only=True)
    """What stands in the padding."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """A sum over the window and the channels of a group."""
        x = _grouped(self.word, self.image(shapes), self.groups, self.out_channels)
        steps: list[Step] = [Along(1, _channels(x[1], self.out_channels, self.groups))]
        for axis, window in enumerate(self.windows(), start=2):
            steps.append(Along(axis, window_map(window, x[axis], self.border)))
        result = weighted(tuple(steps), shapes)
        return Result(result.outputs, prod(result.outputs[0].shape) * x[1] // self.groups * prod(self.kernel))


def _grouped(word: str, x: Shape, groups: int, out_channels: int) -> Shape:
    if x[1] % groups or out_channels % groups:
        raise InputError(f"{word}: {x[1]} channels in and {out_channels} out do not both divide by {groups} groups")
    return x


def _channels(n: int, count: int, groups: int) -> Groups | Whole:
    return Whole(n, count) if groups == 1 else Groups(n, count, groups)


@dataclass(frozen=True, slots=True)
class ConvTranspose(Windowed):
    """Transposed convolution of (N, C, *spatial); further inputs are weights."""

    word = "conv_transpose"
    out_channels: Positive = field(kw_only=True)
    """Channels that come out."""
    groups: Positive = field(default=1, kw_only=True)
    """Groups of channels that do not mix."""
    output_padding: Extras = field(default=(), kw_only=True)
    """Units more at the end of each axis; none given: 0."""

    def settle(self) -> None:
        """One entry for each axis of the kernel."""
        Windowed.settle(self)
        if not self.output_padding:
            self.put("output_padding", (0,) * len(self.kernel))
        elif len(self.output_padding) != len(self.kernel):
            found = self.output_padding
            raise InputError(f"{self.word}: output_padding {found} must have one entry for each axis of {self.kernel}")

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """Every unit's window, added up."""
        x = _grouped(self.word, self.image(shapes), self.groups, self.out_channels)
        steps: list[Step] = [Along(1, Groups(x[1], self.out_channels, self.groups))]
        for axis, (window, more) in enumerate(zip(self.windows(), self.output_padding, strict=True), start=2):
            steps.append(Along(axis, transposed_map(window, x[axis], more)))
        result = weighted(tuple(steps), shapes)
        return Result(result.outputs, prod(x) * self.out_channels // self.groups * prod(self.kernel))


def _pooled(window: Window, n: int, count: int | None) -> TapMap | Whole:
    """The map of a pool along an axis; a single window from end to end is global pooling."""
    alone = window.pad_before == window.pad_after == 0 and window.dilation == 1 and count in (None, 1)
    return Whole(n) if 1 < window.size == n and alone else window_map(window, n, out_size=count)


@dataclass(frozen=True, slots=True)
class Pool(Windowed):
    """Max, average or Lp pooling over the trailing axes.

    A single window over all of an axis sees it whole, as global pooling does.
    """

    word = "pool"
    ceil: bool = field(default=False, kw_only=True)
    """Whether the last window may hang over the end by less than a stride."""
    count: tuple[int, ...] = field(default=(), kw_only=True)
    """The units of each axis where the model's runtime makes more or fewer than fit; none given: those that fit."""
    outputs: Positive = field(default=1, kw_only=True)
    """2 where the indices of the maxima come out too."""
    function: Function = field(default=UNKNOWN, kw_only=True)
    """Which pool: max, average (include_pad), lp (p)."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """One unit for each window."""
        x, rank = self.first(shapes), len(self.kernel)
        first = len(x) - rank
        counts = self.count or (None,) * rank
        if first < 0 or len(counts) != rank:
            raise InputError(f"pool: kernel {self.kernel} needs an input of as many axes or more, got shape {x}")
        steps = tuple(
            Along(axis, _pooled(window, x[axis], count))
            for axis, (window, count) in enumerate(zip(self.windows(self.ceil), counts, strict=True), start=first)
        )
        return Result(through(steps, shapes).outputs * self.outputs)


@dataclass(frozen=True, slots=True)
class AdaptivePool(Operator):
    """Adaptive pooling of the trailing axes; size 1 sees the whole axis."""

    word = "adaptive_pool"
    size: Sizes
    """Units along each of these axes."""
    outputs: Positive = 1
    """2 where the indices of the maxima come out too."""
    function: Function = UNKNOWN
    """Which pool: max, average."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """Each axis cut into as many windows as there are units."""
        x = self.first(shapes)
        first = len(x) - len(self.size)
        if first < 0:
            raise InputError(f"adaptive_pool: size {self.size} needs an input of as many axes or more, got shape {x}")
        steps = tuple(
            Along(axis, Whole(x[axis]) if count == 1 else adaptive_map(x[axis], count))
            for axis, count in enumerate(self.size, start=first)
        )
        return Result(through(steps, shapes).outputs * self.outputs)


@dataclass(frozen=True, slots=True)
class Resize(Operator):
    """Interpolation along some axes."""

    word = "resize"
    axes: Axes
    """The axes that are resized."""
    size: Sizes
    """The size of each after."""
    mode: Interpolation = Interpolation.NEAREST
    """How a unit is made of the pixels around its place."""
    coordinates: Coordinates = Coordinates.HALF_PIXEL
    """Where a unit stands on the input's axis."""
    nearest: tuple[Rounding, ...] = ()
    """For each axis which pixel is nearest; none given: the middle goes to the lower one."""
    scale: tuple[Fraction, ...] | None = None
    """For each axis units per pixel; None: the ratio of the sizes."""
    roi: tuple[tuple[Fraction, Fraction], ...] | None = None
    """For each axis the part that is resized, as fractions of it; None: all."""
    picks: tuple[tuple[int | None, ...], ...] | None = None
    """For each axis the pixel that the model's runtime reads for each unit (None: none); nearest alone."""
    beside: tuple[bool, ...] = ()
    """For each axis whether the runtime may put a unit on a pixel a little beside it; none given: nowhere."""
    antialias: bool = False
    """Whether the filter widens where an axis shrinks."""
    exclude_outside: bool = False
    """Whether pixels outside the image are left out, not repeated."""
    cubic: float = -0.75
    """The coefficient of cubic interpolation."""
    outside: float = 0.0
    """What a unit beyond the part that is resized becomes."""
    at: tuple[tuple[Fraction, Fraction], ...] | None = None
    """For each axis how far units stand apart in pixels and where the first one stands; None: as coordinates say."""

    def settle(self) -> None:
        """One entry for each axis."""
        if not self.nearest:
            self.put("nearest", (Rounding.ROUND_PREFER_FLOOR,) * len(self.axes))
        if not self.beside:
            self.put("beside", (False,) * len(self.axes))
        for name in ("size", "nearest", "scale", "roi", "picks", "beside", "at"):
            found = getattr(self, name)
            if found is not None and len(found) != len(self.axes):
                raise InputError(f"resize: {name} must have one entry for each of axes {self.axes}, got {len(found)}")

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """Each axis on its own."""
        x = self.first(shapes, *self.axes)
        return through(tuple(Along(axis, resized) for axis, resized in self.maps(x).items()), shapes)

    def maps(self, shape: Shape) -> dict[int, TapMap]:
        """Every axis of an input of some shape that changes, and how it is read."""
        found = {}
        for k, (axis, count) in enumerate(zip(self.axes, self.size, strict=True)):
            if self._changes(k, shape[axis]):
                resized = resize_map(
                    shape[axis], count, self.mode, self.coordinates, scale=self._scale(k), nearest=self.nearest[k],
                    antialias=self.antialias, exclude_outside=self.exclude_outside, roi=self._roi(k),
                    at=None if self.at is None else self.at[k], beside=self.beside[k],
                )  # fmt: skip
                found[axis] = resized if self.picks is None else picked_map(resized, self.picks[k])
        return found

    def places(self, shape: Shape) -> tuple[Place, ...]:
        """For each axis of an input of some shape how far units stand apart and where the first one stands."""
        if self.at is not None:
            return self.at
        return tuple(
            resize_place(
                shape[axis], count, self.coordinates, scale=self._scale(k) or Fraction(count, shape[axis]),
                roi=self._roi(k),
            )
            if self._changes(k, shape[axis])
            else STILL
            for k, (axis, count) in enumerate(zip(self.axes, self.size, strict=True))
        )  # fmt: skip

    def _changes(self, k: int, n: int) -> bool:
        if self.at is not None:
            return self.size[k] != n or self.at[k] != STILL
        return self.size[k] != n or self._scale(k) not in (None, 1) or self.coordinates is CROPPED

    def _scale(self, k: int) -> Fraction | None:
        return None if self.scale is None else self.scale[k]

    def _roi(self, k: int) -> tuple[Fraction, Fraction]:
        return (Fraction(0), Fraction(1)) if self.roi is None else self.roi[k]


@dataclass(frozen=True, slots=True)
class Pad(Operator):
    """Padding, or with negative pads cropping; a circular border goes round what cropping leaves."""

    word = "pad"
    pads: Pads
    """Pads before and after, one pair for each axis."""
    border: Border = Border.ZERO
    """What stands in the padding."""
    value: float = 0.0
    """The constant, where the border is one."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """Each axis on its own."""
        x = self.first(shapes, len(self.pads) - 1)
        steps: list[Step] = []
        for axis, (before, after) in enumerate(self.pads):
            n = x[axis]
            if self.border is Border.CIRCULAR and min(before, after) < 0:
                cut = min(before, 0), min(after, 0)
                steps.append(Along(axis, pad_map(n, *cut)))
                before, after, n = max(before, 0), max(after, 0), n + sum(cut)
                if n < 1:
                    raise InputError(f"circular padding of axis {axis}: cropping by {cut} leaves none of its pixels")
            if before or after:
                steps.append(Along(axis, pad_map(n, before, after, self.border)))
        return through(tuple(steps), shapes)


@dataclass(frozen=True, slots=True)
class Sample(Operator):
    """An operator whose positions depend on data (grid_sample, deformable convolution, RoI): sees everything."""

    word = "sample"
    shapes: tuple[Sizes, ...]
    """The shape of each output."""
    channelwise: bool = False
    """Whether channel c reads only channel c, and axis 1 is kept."""
    function: Function = UNKNOWN
    """How it samples: grid_sample, roi_align, max_unpool."""

    def result(self, shapes: tuple[Shape, ...]) -> Result:
        """Everything, or all of the same batch element and channel."""
        x, kept = self.first(shapes), 2 if self.channelwise else 0
        outputs = []
        for shape in self.shapes:
            first = everything(x, shape, kept)
            outputs.append(Output(shape, ((first,), *((everything(s, shape),) for s in shapes[1:]))))
        return Result(tuple(outputs))
