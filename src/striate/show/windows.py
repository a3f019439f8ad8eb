"""Windows over a plane: the five conventions drawn side by side, and a convolution as frames that follow each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from rich.cells import cell_len

from striate.errors import InputError
from striate.geometry import Window, transposed_map
from striate.geometry.conventions import SizeAnswer
from striate.show.letters import fitting, text_width
from striate.show.sketch import FAINT, HUES, INK, SOFT, Line, Rect, Sketch, Text
from striate.show.words import word

MARGIN, GAP, HEAD, FOOT, LETTERS = 20, 44, 50, 64, 17
SIDE, LARGEST_CELL, MOST_DRAWN = 220, 36, 32
MOST_FRAMES = 400
PADDING, UNREAD, READ, TAP = "#e6e9ef", "#fecaca", "#eff6ff", HUES[0]

Pair = tuple[SizeAnswer, SizeAnswer]


def size_texts(answers: Sequence[Pair], width: int, lang: str = "en") -> list[str]:
    """The planes of some conventions in letters, as many side by side as ``width`` has room for.

    A letter says how many windows read a place: ``.`` is padding that none reads, ``o`` padding that is read, ``x`` a
    pixel that is never read, a digit how many windows read a pixel, ``+`` more than nine.
    """
    groups: list[list[list[str]]] = []
    room = 0
    for block in (_lettered(pair, lang) for pair in answers):
        wide = max(map(cell_len, block))
        if not groups or wide > room:
            groups.append([])
            room = width
        groups[-1].append([_padded(line, wide) for line in block])
        room -= wide + 3
    lines: list[str] = []
    for blocks in groups:
        side_by_side = zip_longest(*blocks, fillvalue="")
        widths = [cell_len(block[0]) for block in blocks]
        rows = (
            "   ".join(_padded(cell, n) for cell, n in zip(row, widths, strict=True)).rstrip() for row in side_by_side
        )
        lines += ["", *rows]
    return lines


def _lettered(pair: Pair, lang: str) -> list[str]:
    rows, columns = (_times_read(answer) for answer in pair)
    head = [pair[0].convention, word("output_sized", lang, size=f"{pair[0].output} x {pair[1].output}")]
    return [*head, *(" ".join(_letter(a, b) for b in columns) for a in rows)]


def _padded(text: str, cells: int) -> str:
    return text + " " * (cells - cell_len(text))


def _letter(row: tuple[bool, int], column: tuple[bool, int]) -> str:
    times, inside = row[1] * column[1], row[0] and column[0]
    if not inside:
        return "o" if times else "."
    return "x" if not times else str(times) if times < 10 else "+"


def _times_read(answer: SizeAnswer) -> list[tuple[bool, int]]:
    """For every place of the padded axis whether it is a pixel, and how many windows read it."""
    before, after = answer.pads
    counts = [0] * (before + answer.n + after)
    for unit in range(answer.output):
        for place in answer.window.reads(unit):
            counts[place + before] += 1
    return [(before <= k < before + answer.n, count) for k, count in enumerate(counts)]


def sizes_sketch(answers: Sequence[Pair], lang: str = "en") -> Sketch:
    """The planes of some conventions side by side: padding grey, pixels that nothing reads red, windows outlined.

    Raises InputError for a plane of more than ``MOST_DRAWN`` places along an axis.
    """
    largest = max(answer.n + sum(answer.pads) for pair in answers for answer in pair)
    if largest > MOST_DRAWN:
        raise InputError(
            f"a drawing has at most {MOST_DRAWN} places along an axis, padding included; this one {largest}"
        )
    cell = min(SIDE / largest, LARGEST_CELL)
    tall = cell * max(rows.n + sum(rows.pads) for rows, _ in answers)
    sketch = Sketch(2 * MARGIN + len(answers) * (SIDE + GAP) - GAP, 2 * MARGIN + HEAD + tall + FOOT / 2)
    for k, pair in enumerate(answers):
        left, top = MARGIN + k * (SIDE + GAP), MARGIN + HEAD
        name, size = pair[0].convention, f"{pair[0].output} x {pair[1].output}"
        sketch.add(Text(left, top - 32, name, fitting(name, LETTERS, SIDE + GAP / 2, 11)))
        sketch.add(Text(left, top - 10, word("output_sized", lang, size=size), LETTERS))
        _plane(sketch, left, top, cell, pair)
        unread = [answer.never_read for answer in pair]
        missed = " · ".join(
            f"{word(axis, lang)} {_numbers(pixels)}"
            for axis, pixels in zip(("rows", "columns"), unread, strict=True)
            if pixels
        )
        told = word("unread", lang, pixels=missed) if missed else word("all_read", lang)
        sketch.add(Text(left, top + tall + 30, told, fitting(told, LETTERS, SIDE + GAP / 2, 10), SOFT))
    return sketch


def _numbers(pixels: tuple[int, ...]) -> str:
    return " ".join(map(str, pixels[:4])) + (f" … {pixels[-1]}" if len(pixels) > 4 else "")


def _plane(sketch: Sketch, left: float, top: float, cell: float, pair: Pair) -> None:
    rows, columns = (_times_read(answer) for answer in pair)
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            inside, times = row[0] and column[0], row[1] * column[1]
            fill = PADDING if not inside else READ if times else UNREAD
            sketch.add(Rect(left + j * cell, top + i * cell, cell, cell, fill, FAINT))
    (up, side), (height, width) = ((a.pads[0] for a in pair), (a.n for a in pair))
    sketch.add(Rect(left + side * cell, top + up * cell, width * cell, height * cell, "none", INK, 2))
    for i in range(pair[0].output):
        for j in range(pair[1].output):
            y, x = pair[0].window.reads(i)[0] + up, pair[1].window.reads(j)[0] + side
            high, wide = pair[0].window.extent, pair[1].window.extent
            inset, hue = 2 + 2 * ((i + j) % 3), HUES[(i * pair[1].output + j) % len(HUES)]
            place = (left + x * cell + inset, top + y * cell + inset)
            sketch.add(Rect(*place, wide * cell - 2 * inset, high * cell - 2 * inset, "none", hue, 2))


@dataclass(frozen=True, slots=True)
class Moving:
    """A window moving over a plane of ``large`` pixels, one place for each of ``small``: per axis, rows first.

    ``transposed`` says that the small plane is the input, each of whose pixels the window spreads over the large one.
    """

    windows: tuple[Window, Window]
    large: tuple[int, int]
    small: tuple[int, int]
    transposed: bool = False

    @staticmethod
    def of(windows: tuple[Window, Window], size: tuple[int, int], transposed: bool, more: int = 0) -> Moving:
        """A convolution, or a transposed one with ``more`` pixels of output padding, over an input of a size.

        >>> Moving.of((Window(3, 2), Window(3, 2)), (5, 5), False).small
        (2, 2)
        """
        if transposed:
            pairs = zip(windows, size, strict=True)
            rows, columns = (transposed_map(window, n, more).out_size for window, n in pairs)
            return Moving(windows, (rows, columns), size, True)
        rows, columns = (window.output_size(n) for window, n in zip(windows, size, strict=True))
        if not rows * columns:
            extents = " x ".join(str(window.extent) for window in windows)
            raise InputError(f"a window of {extents} is larger than the padded input: nothing comes out; pad more")
        return Moving(windows, size, (rows, columns))

    def reads(self, unit: tuple[int, int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The rows and columns of the large plane that belong to a place of the small one."""
        return self.windows[0].reads(unit[0]), self.windows[1].reads(unit[1])


def frames(moving: Moving, lang: str = "en") -> list[Sketch]:
    """One drawing for each place of the small plane, row by row; InputError for more than ``MOST_FRAMES``."""
    count = moving.small[0] * moving.small[1]
    if count > MOST_FRAMES:
        raise InputError(f"an animation has at most {MOST_FRAMES} frames, this one {count:,}; take a smaller input")
    return [_frame(moving, (i, j), lang) for i in range(moving.small[0]) for j in range(moving.small[1])]


def _frame(moving: Moving, unit: tuple[int, int], lang: str) -> Sketch:
    edges = [_reach(window, n, m) for window, n, m in zip(moving.windows, moving.large, moving.small, strict=True)]
    sizes = [stop - start for start, stop in edges]
    cell = min(SIDE * 1.5 / max(sizes), LARGEST_CELL)
    wide, words = 2 * MARGIN + (sizes[1] + moving.small[1]) * cell + 2 * GAP, _words(moving, unit, lang)
    widest = max(wide, *(text_width(text, LETTERS) + 2 * MARGIN for text in words))
    sketch = Sketch(widest, MARGIN + HEAD + sizes[0] * cell + FOOT)
    left, top = MARGIN - edges[1][0] * cell, MARGIN + HEAD - edges[0][0] * cell
    large, small = ("output_sized", "input_sized") if moving.transposed else ("input_sized", "output_sized")
    sizes_of = {
        key: word(key, lang, size=f"{plane[0]} x {plane[1]}")
        for key, plane in ((large, moving.large), (small, moving.small))
    }
    sketch.add(Text(MARGIN, MARGIN + HEAD - 14, sizes_of[large], LETTERS))
    rows, columns = moving.reads(unit)
    for i in range(*edges[0]):
        for j in range(*edges[1]):
            inside = 0 <= i < moving.large[0] and 0 <= j < moving.large[1]
            tap = i in rows and j in columns
            fill = TAP if tap and inside else "#f5c98a" if tap else READ if inside else PADDING
            sketch.add(Rect(left + j * cell, top + i * cell, cell, cell, fill, FAINT))
    sketch.add(Rect(left, top, moving.large[1] * cell, moving.large[0] * cell, "none", INK, 2))
    x = MARGIN + sizes[1] * cell + 2 * GAP
    y = MARGIN + HEAD + (sizes[0] - moving.small[0]) * cell / 2
    sketch.add(Text(x, y - 14, sizes_of[small], LETTERS))
    done = (unit[0], unit[1])
    for i in range(moving.small[0]):
        for j in range(moving.small[1]):
            fill = HUES[1] if (i, j) == done else "#bae6fd" if (i, j) < done else READ
            sketch.add(Rect(x + j * cell, y + i * cell, cell, cell, fill, FAINT))
    sketch.add(Rect(x, y, moving.small[1] * cell, moving.small[0] * cell, "none", INK, 2))
    corner = (x + unit[1] * cell, y + unit[0] * cell)
    for dy, row in ((0, rows[0]), (cell, rows[-1] + 1)):
        sketch.add(Line(left + (columns[-1] + 1) * cell, top + row * cell, corner[0], corner[1] + dy, SOFT))
    for k, text in enumerate(words):
        sketch.add(Text(MARGIN, MARGIN + HEAD + sizes[0] * cell + 28 + 24 * k, text, LETTERS))
    return sketch


def _words(moving: Moving, unit: tuple[int, int], lang: str) -> list[str]:
    window = moving.windows[0]
    kernel = " x ".join(str(w.size) for w in moving.windows)
    numbers = {"stride": window.stride, "dilation": window.dilation, "padding": window.pad_before}
    rows, columns = (" ".join(map(str, places)) for places in moving.reads(unit))
    verb = "place_adds" if moving.transposed else "place_reads"
    return [
        word("window_told", lang, kernel=kernel, **numbers),
        word(verb, lang, place=unit, rows=rows, columns=columns),
    ]


def _reach(window: Window, large: int, small: int) -> tuple[int, int]:
    """From where to where a plane and all its windows reach along one axis."""
    return min(0, window.reads(0)[0]), max(large + window.pad_after, window.reads(small - 1)[-1] + 1, large)
