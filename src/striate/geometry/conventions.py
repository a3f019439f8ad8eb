"""What each framework makes of one window: output size, pads, pixels never read, and the formula with its numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace

from striate.errors import InputError
from striate.geometry.padding import CaffeCeil, Convention, Explicit, Padding, resolve_padding
from striate.geometry.window import Window
from striate.values import integer

SHOWN_WINDOWS = 4
LARGEST = 20_000


@dataclass(frozen=True, slots=True)
class SizeAnswer:
    """One convention's answer: the resolved window, what comes out, and why."""

    convention: str
    window: Window
    n: int
    output: int
    never_read: tuple[int, ...]
    unused_padding: tuple[int, int]
    why: str

    @property
    def pads(self) -> tuple[int, int]:
        """Pixels of padding before and after."""
        return self.window.pad_before, self.window.pad_after

    @property
    def drawing(self) -> str:
        """The taps of the windows, ``.`` for padding: ``[. 0 1] [1 2 3]``."""
        taps = [f"[{' '.join(str(t) if 0 <= t < self.n else '.' for t in self.window.reads(i))}]" for i in self._shown]
        if self.output > SHOWN_WINDOWS:
            taps.insert(SHOWN_WINDOWS - 1, "...")
        return " ".join(taps) or "none"

    @property
    def _shown(self) -> list[int]:
        if self.output <= SHOWN_WINDOWS:
            return list(range(self.output))
        return [*range(SHOWN_WINDOWS - 1), self.output - 1]


def output_sizes(n: int, kernel: int, stride: int = 1, dilation: int = 1, padding: int = 0) -> list[SizeAnswer]:
    """The answers of PyTorch, TensorFlow and Caffe for one axis of ``n`` pixels, in that order.

    ``padding`` is what PyTorch and Caffe are given, the same on both sides. Raises InputError for numbers
    that make no window.

    >>> [(a.convention, a.output, a.pads) for a in output_sizes(4, 3, 2)][:2]
    [('PyTorch, padding=0', 1, (0, 0)), ('PyTorch, padding=kernel//2', 2, (1, 1))]
    """
    n, padding, kernel = integer("the axis", n, 1), integer("padding", padding, 0), integer("kernel", kernel, 1)
    stride, dilation = integer("stride", stride, 1), integer("dilation", dilation, 1)
    if max(n + 2 * padding, kernel, (kernel - 1) * dilation, stride) > LARGEST:
        raise InputError(f"sizes are drawn for at most {LARGEST:,} pixels, padding, window and stride included")
    half = kernel // 2
    cases: list[tuple[str, Padding, bool]] = [
        (f"PyTorch, padding={padding}", Explicit(padding, padding), False),
        ("PyTorch, padding=kernel//2", Explicit(half, half), False),
        ("TensorFlow VALID", Convention.VALID, False),
        ("TensorFlow SAME", Convention.SAME_UPPER, True),
        (f"Caffe pooling (ceil), pad={padding}", CaffeCeil(padding), True),
    ]
    answers = []
    for name, convention, resolved in cases:
        before, after = resolve_padding(convention, n, kernel, stride, dilation)
        window = Window(kernel, stride, dilation, before, after)
        why = _resolved_why(convention, n, window) if resolved else _floor_why(n, window)
        answers.append(_answer(name, n, window, why))
    return answers


def _answer(name: str, n: int, window: Window, why: str) -> SizeAnswer:
    output = window.output_size(n)
    padded = replace(window, pad_before=0, pad_after=0).never_read(window.pad_before + n + window.pad_after)
    never = [pixel - window.pad_before for pixel in padded]
    before, after = sum(pixel < 0 for pixel in never), sum(pixel >= n for pixel in never)
    return SizeAnswer(name, window, n, output, tuple(p for p in never if 0 <= p < n), (before, after), why)


def _floor_why(n: int, w: Window) -> str:
    room = n + w.pad_before + w.pad_after - w.extent
    formula = (
        f"floor(({n} + {w.pad_before} + {w.pad_after} - {w.dilation}*({w.size}-1) - 1)/{w.stride}) + 1"
        f" = floor({room}/{w.stride}) + 1 = {w.output_size(n)}"
    )
    if room < 0:
        return f"{formula.rsplit(' = ', 1)[0]}: the window is larger than the padded input, nothing comes out"
    return f"{formula}; {room % w.stride} over" if room % w.stride else formula


def _resolved_why(convention: Padding, n: int, w: Window) -> str:
    count, pads = w.output_size(n), f"{w.pad_before} before, {w.pad_after} after"
    if not isinstance(convention, CaffeCeil):
        total = w.pad_before + w.pad_after
        return (
            f"ceil({n}/{w.stride}) = {count}; pads max(({count}-1)*{w.stride} + {w.extent} - {n}, 0) = {total}: {pads}"
        )
    room = n + 2 * convention.pad - w.extent
    clipped = "" if -(-room // w.stride) + 1 == count else ", less the window that would start in the padding"
    return f"ceil(({n} + 2*{convention.pad} - {w.extent})/{w.stride}) + 1 = {count}{clipped}; reads {pads}"
