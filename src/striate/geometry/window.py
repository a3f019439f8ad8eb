"""The sliding window of one axis: size, stride, dilation, padding."""

from __future__ import annotations

from dataclasses import dataclass

from striate.geometry.interval import INFINITE, Interval
from striate.values import instance, integer


@dataclass(frozen=True, slots=True)
class Window:
    """A window of ``size`` taps, ``dilation`` apart, moved by ``stride`` over a padded axis.

    Negative pads crop. ``ceil`` rounds the output size up by PyTorch's rule: the last window may hang over the end
    by less than a stride, and may not start in the right padding.

    >>> Window(3, stride=2, pad_before=1, pad_after=1).output_size(4)
    2
    >>> Window(3, stride=2, pad_before=1).reads(1)
    (1, 2, 3)
    """

    size: int
    stride: int = 1
    dilation: int = 1
    pad_before: int = 0
    pad_after: int = 0
    ceil: bool = False

    def __post_init__(self) -> None:
        for name, least in (("size", 1), ("stride", 1), ("dilation", 1), ("pad_before", None), ("pad_after", None)):
            object.__setattr__(self, name, integer(f"Window: {name}", getattr(self, name), least))
        instance("Window: ceil", self.ceil, bool)

    @property
    def extent(self) -> int:
        """Distance from the first tap to one past the last: ``dilation * (size - 1) + 1``."""
        return self.dilation * (self.size - 1) + 1

    def output_size(self, n: int) -> int:
        """Output units over ``n`` input pixels; zero where no window fits the padded input.

        ``floor((n + pad_before + pad_after - dilation*(size-1) - 1) / stride) + 1``; source:
        ``torch.nn.Conv2d`` and, for ``ceil``, ``torch.nn.MaxPool2d``.
        """
        n = integer("Window.output_size: n", n)
        room = n + self.pad_before + self.pad_after - self.extent
        if not self.ceil:
            return room // self.stride + 1 if room >= 0 else 0
        count = max(-(-room // self.stride) + 1, 0)
        starts_in_padding = (count - 1) * self.stride >= n + self.pad_before
        return count - 1 if starts_in_padding else count

    def reads(self, i: int) -> tuple[int, ...]:
        """The exact taps of output unit ``i``, unclipped: negative ones lie in the padding."""
        first = integer("Window.reads: i", i) * self.stride - self.pad_before
        return tuple(range(first, first + self.extent, self.dilation))

    def needs(self, units: Interval) -> Interval:
        """The hull of all taps of an interval of output units, unclipped."""
        start, stop = instance("Window.needs: units", units, Interval).start, units.stop
        if start > -INFINITE:
            start = start * self.stride - self.pad_before
        if stop < INFINITE:
            stop = (stop - 1) * self.stride - self.pad_before + self.extent
        return Interval(start, start if units.empty else stop)

    def never_read(self, n: int) -> tuple[int, ...]:
        """Input pixels that no output unit reads, in order."""
        units, read = self.output_size(n), bytearray(max(n, 0))
        for tap in self.reads(0) if units else ():
            first = tap if tap >= 0 else tap % self.stride
            places = slice(first, max(tap + (units - 1) * self.stride + 1, 0), self.stride)
            read[places] = b"\1" * len(read[places])
        return tuple(pixel for pixel, seen in enumerate(read) if not seen)
