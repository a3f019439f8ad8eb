"""A table that is never cut: where the terminal is narrow, counts are rounded and whole columns left out, by name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import zip_longest

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.text import Text

from striate.show.words import WORDS, word

GAP = 2
SHORTEST_NAME = 12
LONGEST_NAME = 60
PROSE_WIDTH = 16
LATE = 10
UNITS = ((10**3, "k"), (10**6, "M"), (10**9, "G"), (10**12, "T"), (10**15, "P"), (10**18, "E"))
STYLES = {"whole": "magenta", "misaligned": "yellow", "irregular": "yellow", "periodic": "cyan", "exact": "green"}

# A bracket or an interval stays whole; wide characters part without a space, but not before what closes.
_WIDE = "\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60"
_CLOSING = "，。：；、）"
_PIECE = re.compile(rf"\s+|(?:\[[^\[\])]*[\])]|[{_WIDE}]|[^\s{_WIDE}]+)[{_CLOSING}]*")


class Kind(Enum):
    """What may be done to a column's cells where there is no room for them."""

    NAME = "shortened in the middle, after everything else"
    WHOLE = "nothing"
    COUNT = "rounded to three digits and a unit"
    LIST = "wrapped between words, once no column is left to leave out"
    PROSE = "wrapped between words, before anything else"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its head, what its cells may suffer, on which side they stand.

    ``leaves`` orders the columns that a narrow terminal leaves out, 1 first; 0 stays. Those from ``LATE`` on go
    only after lists are wrapped and names shortened.
    """

    head: str
    kind: Kind = Kind.WHOLE
    leaves: int = 0
    right: bool = False


@dataclass(frozen=True)
class Grid:
    """Rows of cells under heads, printed by rich at the width it has.

    In a pipe everything stands in full. ``elsewhere`` names further ways to see what a terminal has no room for;
    ``tight`` leaves out the empty lines around the rows.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    lang: str = "en"
    elsewhere: tuple[str, ...] = ()
    tight: bool = False

    def fitted(self, width: int) -> Fitted:
        """The most of this table that stands in ``width`` cells without a cut number.

        >>> grid = Grid((Column("layer"), Column("MACs", Kind.COUNT, 1)), (("conv", "99,532,800"),))
        >>> [grid.fitted(width).grid.rows[0] for width in (20, 15, 8)]
        [('conv', '99,532,800'), ('conv', '99.5 M'), ('conv',)]
        """
        for attempt in self._attempts():
            if attempt.least <= width:
                return replace(attempt, widths=attempt.spread(width))
        return replace(attempt, widths=attempt.floors)

    def _attempts(self) -> Iterator[Fitted]:
        order = sorted((c.leaves, k) for k, c in enumerate(self.columns) if c.leaves)
        early = sum(leaves < LATE for leaves, _ in order)
        for count in range(len(order) + 1):
            left_out = sorted(k for _, k in order[:count])
            part = self._without(left_out)
            rounded = part.rounded()
            names = tuple(self.columns[k].head for k in left_out)
            if count <= early:
                yield Fitted(part, names)
                yield Fitted(rounded, names, rounded=rounded != part)
            if count >= early:
                yield Fitted(rounded, names, rounded=rounded != part, lists=True)
                yield Fitted(rounded, names, rounded=rounded != part, lists=True, names=True)

    def _without(self, left_out: Sequence[int]) -> Grid:
        kept = [k for k in range(len(self.columns)) if k not in left_out]
        rows = tuple(tuple(row[k] for k in kept) for row in self.rows)
        return replace(self, columns=tuple(self.columns[k] for k in kept), rows=rows)

    def rounded(self) -> Grid:
        """This table with its counts rounded."""
        counts = [column.kind is Kind.COUNT for column in self.columns]
        rows = tuple(
            tuple(short_count(cell) if is_count else cell for cell, is_count in zip(row, counts, strict=True))
            for row in self.rows
        )
        return replace(self, rows=rows)

    def head(self, column: Column) -> str:
        """A column's head in the table's language."""
        return word(column.head, self.lang) if column.head in WORDS else column.head

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        fit = self.fitted(options.max_width)
        if self.title:
            yield from (_line(line, "bold") for line in wrapped(self.title, options.max_width))
        yield from fit.lines()
        yield from (_line(line, "italic") for line in wrapped(fit.note(), options.max_width) if line)


@dataclass(frozen=True)
class Fitted:
    """A table as a terminal of some width shows it: which columns are left out, and what else was done."""

    grid: Grid
    left_out: tuple[str, ...] = ()
    rounded: bool = False
    lists: bool = False
    names: bool = False
    widths: tuple[int, ...] = ()

    @property
    def floors(self) -> tuple[int, ...]:
        """The least width of each column."""
        return tuple(self._floor(k, column) for k, column in enumerate(self.grid.columns))

    @property
    def least(self) -> int:
        """The least width of the whole table."""
        floors = self.floors
        return sum(floors) + GAP * (len(floors) - 1) + 2

    def spread(self, width: int) -> tuple[int, ...]:
        """The columns' widths where the table has ``width``: what is over goes where cells are wrapped or shortened."""
        floors, over = self.floors, width - self.least
        wanted = [max(self._natural(k) - floor, 0) for k, floor in enumerate(floors)]
        total = max(sum(wanted), 1)
        return tuple(floor + min(want, over * want // total) for floor, want in zip(floors, wanted, strict=True))

    def lines(self) -> Iterator[Text]:
        """The table, line by line."""
        heads = tuple(self.grid.head(column) for column in self.grid.columns)
        if not self.grid.tight:
            yield Text()
        yield from self._row(heads, "bold")
        yield _line(" " + "─" * (sum(self.widths) + GAP * (len(self.widths) - 1)))
        for cells in self.grid.rows:
            yield from self._row(cells)
        if not self.grid.tight:
            yield Text()

    def note(self) -> str:
        """What was done for want of room, and where everything is to be seen; empty where nothing was."""
        lang, done = self.grid.lang, []
        if self.left_out:
            heads = (self.grid.head(Column(name)) for name in self.left_out)
            done.append(word("left_out", lang, names=", ".join(heads)))
        if self.rounded:
            done.append(word("counts_rounded", lang))
        if self._cut_names:
            done.append(word("names_shortened", lang))
        if not done:
            return ""
        elsewhere = "".join(f", {way}" for way in self.grid.elsewhere)
        return word("no_room", lang, what=word("joined", lang).join(done), elsewhere=elsewhere)

    @property
    def _cut_names(self) -> bool:
        columns = enumerate(zip(self.grid.columns, self.widths, strict=True))
        return any(column.kind is Kind.NAME and width < self._natural(k) for k, (column, width) in columns)

    def _natural(self, k: int) -> int:
        cells = (cell_len(row[k]) for row in self.grid.rows)
        return max((*cells, cell_len(self.grid.head(self.grid.columns[k]))))

    def _head_width(self, column: Column) -> int:
        return max(map(cell_len, self.grid.head(column).split()), default=0)

    def _floor(self, k: int, column: Column) -> int:
        natural, head = self._natural(k), self._head_width(column)
        if column.kind is Kind.NAME and self.names:
            return max(min(natural, SHORTEST_NAME), head)
        if column.kind is Kind.PROSE or (column.kind is Kind.LIST and self.lists):
            longest = max((_longest(row[k]) for row in self.grid.rows), default=0)
            return max(longest, min(natural, PROSE_WIDTH) if column.kind is Kind.PROSE else 0, head)
        return natural

    def _row(self, cells: Sequence[str], style: str = "") -> Iterator[Text]:
        columns = list(zip(self.grid.columns, self.widths, cells, strict=True))
        blocks = [
            [shortened(cell, width)] if column.kind is Kind.NAME and not style else wrapped(cell, width)
            for column, width, cell in columns
        ]
        for parts in zip_longest(*blocks, fillvalue=""):
            line = Text(" ")
            for (column, width, cell), part in zip(columns, parts, strict=True):
                room = " " * (width - cell_len(part))
                gap = " " * GAP if len(line) > 1 else ""
                line.append(f"{gap}{room}" if column.right else gap)
                line.append(part, style or (_style(cell) if column.head == "status" else ""))
                line.append("" if column.right else room)
            line.rstrip()
            yield _whole(line)


def short_count(text: str) -> str:
    """An integer with separators as three digits and a unit, where it has more than three.

    >>> [short_count(text) for text in ("99,532,800", "1,584", "999,950", "512", "-")]
    ['99.5 M', '1.58 k', '1.00 M', '512', '-']
    """
    digits = text.replace(",", "")
    if not digits.isdecimal() or int(digits) < 1000:
        return text
    for unit, letter in UNITS:
        for places in (2, 1, 0):
            scaled = round(int(digits) * 10**places / unit)
            if scaled < 1000:
                whole, part = divmod(scaled, 10**places)
                return f"{whole}.{part:0{places}} {letter}" if places else f"{whole} {letter}"
    return text


def shortened(name: str, width: int) -> str:
    """A name with its middle left out where it is longer than ``width``; a number in it stands whole or not at all.

    >>> shortened("stages.2.blocks.1024.conv", 14), shortened("conv1", 14)
    ('stag…1024.conv', 'conv1')
    """
    if cell_len(name) <= width:
        return name
    stop, start = _chars(name, (width - 1) // 3), len(name) - _chars(name[::-1], width - 1 - (width - 1) // 3)
    while stop > 0 and name[stop - 1 : stop + 1].isdigit() and name[stop].isdigit():
        stop -= 1
    while start < len(name) and name[start - 1 : start + 1].isdigit():
        start += 1
    return f"{name[:stop]}…{name[start:]}"


def short_name(name: str) -> str:
    """A name in a line of text: one of hundreds of letters has its middle left out."""
    return shortened(name, LONGEST_NAME)


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most ``width`` cells, parted at spaces and between wide characters.

    A word longer than that stands whole on a line of its own; so does what stands in square brackets.

    >>> wrapped("reads [0 1 2] [3 4 5] of 12", 8)
    ['reads', '[0 1 2]', '[3 4 5]', 'of 12']
    """
    lines, line = [], ""
    for piece in _PIECE.findall(text):
        if line.strip() and cell_len(f"{line}{piece}".rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line += piece if line or not piece.isspace() or not lines else ""
    return [*lines, line.rstrip()]


def _chars(text: str, width: int) -> int:
    """How many characters of a text stand in ``width`` cells."""
    used = 0
    for count, char in enumerate(text):
        used += cell_len(char)
        if used > width:
            return count
    return len(text)


def _style(facts: str) -> str:
    """The colour of the weightiest fact."""
    return next((style for fact, style in STYLES.items() if any(name in facts for name in WORDS[fact])), "")


def _longest(text: str) -> int:
    return max((cell_len(piece) for piece in _PIECE.findall(text)), default=0)


def _line(text: str, style: str = "") -> Text:
    return _whole(Text(text, style))


def _whole(line: Text) -> Text:
    line.no_wrap, line.overflow = True, "ignore"
    return line
