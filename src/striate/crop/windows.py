"""One axis of a sliding window, forwards or transposed, over part of its pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace

from striate.geometry import Border, Interval, Window, transposed_map


@dataclass(frozen=True, slots=True)
class Held:
    """A window over the pixels ``held``, with its own pads, gives the units ``made``.

    ``count`` states their number where the window's own rule would give another.
    """

    held: Interval
    window: Window
    made: Interval
    count: int | None = None
    output_padding: int = 0


def slid(window: Window, n: int, units: Interval, border: Border = Border.ZERO) -> Held:
    """A window over ``n`` pixels, cropped to ``units``: the true border's padding where it is reached, else none.

    Where all that ``units`` read lies in the padding, neighbouring units come along that reach a pixel.

    >>> slid(Window(3, 2, 1, 1, 1), 9, Interval(1, 3))
    Held(held=Interval(1, 6), window=Window(size=3, stride=2, dilation=1, pad_before=0, pad_after=0, ceil=False), \
made=Interval(1, 3), count=None, output_padding=0)
    """
    if border is not Border.ZERO:
        return _mirrored(window, n, units, border)
    first = min(units.start, max((n - 1 + window.pad_before) // window.stride, 0))
    span = window.needs(Interval(first, units.stop))
    start, stop = min(max(span.start, 0), n - 1), min(max(span.stop, 1), n)
    return _over(window, Interval(start, max(stop, start + 1)), first, span, n)


def _over(window: Window, held: Interval, first: int, span: Interval, n: int) -> Held:
    """The window over ``held`` from unit ``first`` on, so that it spans ``span``."""
    after, hangs = max(span.stop - held.stop, 0), span.stop > n + window.pad_after
    before, after = held.start - span.start, window.pad_after if hangs else after
    own = Window(window.size, window.stride, window.dilation, before, after, hangs and window.ceil)
    wanted = (max(span.stop, held.stop) - span.start - window.extent) // window.stride + 1
    return Held(held, own, Interval(first, first + wanted), None if own.output_size(held.size) == wanted else wanted)


def _mirrored(window: Window, n: int, units: Interval, border: Border) -> Held:
    """As ``slid`` where real pixels stand in the padding: what is held must reach as far inside as the pads outside."""
    span = window.needs(units)
    before, after = max(-span.start, 0), max(span.stop - n, 0)
    if not before and not after:
        return _over(window, span, units.start, span, n)
    deep = {Border.REFLECT: 1, Border.SYMMETRIC: 0}.get(border, 1 - max(before, after))
    whole = Held(Interval(0, n), window, Interval(0, window.output_size(n)))
    if border is Border.CIRCULAR or (before and after) or before + after + deep > n:
        return whole
    if before:
        return _over(window, Interval(0, max(span.stop, before + deep)), units.start, span, n)
    first = (min(span.start, n - after - deep) + window.pad_before) // window.stride
    start = first * window.stride - window.pad_before
    if first < 0 or start < 0:
        return whole
    return _over(window, Interval(start, n), first, Interval(start, span.stop), n)


def scattered(window: Window, n: int, units: Interval, output_padding: int) -> Held:
    """A transposed window over ``n`` pixels, cropped to ``units``; units that read nothing may be among them.

    >>> scattered(Window(2, 2), 8, Interval(3, 6), 0).held
    Interval(1, 3)
    """
    stride, extent = window.stride, window.extent
    needed = transposed_map(window, n, output_padding).needs(units)
    start = min(max((units.start + window.pad_before) // stride, 0), n - 1)
    stop = min(-(-(units.stop + window.pad_before - extent) // stride) + 1, n)
    if not needed.empty:
        start, stop = min(start, needed.start), max(stop, needed.stop)
    held = Interval(start, max(stop, start + 1))
    end = (held.stop - 1) * stride - window.pad_before + extent
    own = replace(
        window, pad_before=units.start - (start * stride - window.pad_before), pad_after=max(end - units.stop, 0)
    )
    return Held(held, own, units, output_padding=max(units.stop - end, 0))
