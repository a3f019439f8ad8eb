"""What each axis of a layer is, told by its field tables: along which axes units differ in what they see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

import numpy as np

from striate.fields.flat import flat, plain
from striate.fields.pieces import Ints, Piece, divisors
from striate.fields.shared import Shared, Standing, Standings
from striate.fields.spans import Span
from striate.fields.summary import laid, local_span, units_of
from striate.fields.tables import FieldTable, carried
from striate.fields.unit import Grid, LayerAxes, unit_axes
from striate.frozen import FrozenDict
from striate.geometry import part_map
from striate.network.relation import Along, Relation, Shape, Split


def layer_axes(shape: Shape, tables: Mapping[str, FieldTable], batch: int | None, shared: Shared) -> LayerAxes:
    """The axes of a tensor by its tables, one for each spatial axis of the source; ``batch`` is the source's batch."""
    normal = [table.group.forms for table in tables.values()]
    counts, every = tuple(map(len, normal)), tuple(one for pieces in normal for one in pieces)
    return shared.once(_layer_axes, every, counts, tuple(tables), shape, batch, shared)


def _layer_axes(
    every: Standings, counts: tuple[int, ...], names: tuple[str, ...], shape: Shape, batch: int | None, shared: Shared
) -> LayerAxes:
    """The same of the tables' pieces, wherever they begin and end; ``counts`` are of each axis of the source."""
    rest = iter(every)
    tables = {name: tuple(islice(rest, count)) for name, count in zip(names, counts, strict=True)}
    moving = {name: _moving_axes(shape, pieces, shared) for name, pieces in tables.items()}
    along = {axis: [name for name, axes in moving.items() if axis in axes] for axis in range(len(shape))}
    alike = [axis for axis, names in along.items() if not names]
    first = next((axis for axis in alike if shape[axis] == batch), None)
    tokens = [axis for axis, names in along.items() if len(names) > 1]
    grid = None
    words = {axis: names[0] for axis, names in along.items() if len(names) == 1}
    words |= {axis: "batch" if axis == first else "feature" for axis in alike}
    for axis in tokens:
        read = [tables[name] for name in along[axis]]
        words[axis] = "mixed" if _holds_features(axis, read) else "token"
    if len(tokens) == 1 and words[tokens[0]] == "token":
        grid = _grid(tokens[0], shape, {name: tables[name] for name in along[tokens[0]]}, shared)
    units = _units(shape, moving)
    features = [axis for axis in alike if axis != first and axis not in units]
    looking = frozenset[int]()
    if len(features) > 1:
        looking = looking.union(*(_looking(pieces, shared) for pieces in tables.values()))
    channel = next((axis for axis in features if axis not in looking), next(iter(features), None))
    within = tuple(axis for axis in features if axis in looking and axis != channel)
    words |= dict.fromkeys(within, "inner")
    inner = _grid(within[0], shape, tables, shared) if len(within) == 1 and len(tables) > 1 else None
    return LayerAxes(shape, tuple(words[axis] for axis in range(len(shape))), units, channel, grid, within, inner)


def units_along(shape: Shape, tables: Mapping[str, FieldTable], shared: Shared) -> tuple[int, ...]:
    """The axes of a tensor along which units stand, told by its tables."""
    return _units(shape, {name: _moving_axes(shape, table.group.forms, shared) for name, table in tables.items()})


def _units(shape: Shape, moving: Mapping[str, frozenset[int]]) -> tuple[int, ...]:
    """The axes along which units differ; all behind batch and channel where none lies before and none holds tokens."""
    found, behind = frozenset[int]().union(*moving.values()), frozenset(unit_axes(shape))
    tokens = ("token" in moving and bool(found)) or sum(map(len, moving.values())) > len(found)
    return tuple(sorted(found if tokens or not found <= behind else behind))


def _moving_axes(shape: Shape, pieces: Standings, shared: Shared) -> frozenset[int]:
    """The axes along which units look at different places of one axis of the source.

    They are those that grow with it. Where none does, as of picked elements, channels that differ are left out.
    """
    found, none = [shared.once(_moving, one.form, shared) for one in _told(pieces)], frozenset[int]()
    every, grown = none.union(*(one.every for one in found)), none.union(*(one.grown for one in found))
    if grown or not every:
        return grown
    behind = frozenset(unit_axes(shape))
    return (every & behind) or (every if any(shape[axis] > 1 for axis in behind) else none)


class _Moving(NamedTuple):
    """The axes along which units see different things; those whose extent comes from the input's."""

    every: frozenset[int]
    grown: frozenset[int]


def _told(pieces: Standings) -> Standings:
    """The pieces that tell how axes differ: the local ones, where there are some."""
    return _local(pieces) or pieces


def _moving(form: Piece, shared: Shared) -> _Moving:
    every, grown = set[int](), set[int]()
    for piece, axis, dims in _viewed(form, shared):
        if not piece.view[axis].full or not all(map(piece.uniform, dims)):
            every.add(axis)
            if any(piece.dims[dim].grown for dim in dims):
                grown.add(axis)
    return _Moving(frozenset(every), frozenset(grown))


def _looking(pieces: Standings, shared: Shared) -> frozenset[int]:
    """The axes along which units look at other places, whatever the size of what they see."""
    return frozenset[int]().union(*(shared.once(_looking_of, one.form, shared) for one in _told(pieces)))


def _looking_of(form: Piece, shared: Shared) -> frozenset[int]:
    return frozenset(
        axis
        for piece, axis, dims in _viewed(form, shared)
        if any(_looks_elsewhere(piece, dim) for dim in dims if not piece.uniform(dim))
    )


def _viewed(piece: Piece, shared: Shared) -> Iterator[tuple[Piece, int, list[int]]]:
    """A piece with each axis of its tensor and the dimensions that it runs over."""
    if not all(plain(piece, place) for place in piece.view):
        (one,) = shared.each(flat, (Standing(piece),))
        piece = one.piece
    for axis, place in enumerate(piece.view):
        yield piece, axis, [digit.root for digit in place.digits if isinstance(digit.root, int)]


def _looks_elsewhere(piece: Piece, dim: int) -> bool:
    """Whether the middle of what an element sees moves along a dimension."""
    middle = piece.lo + piece.hi
    return piece.dims[dim].step != 0 or bool((middle != middle.take([0], dim)).any())


def _local(pieces: Standings) -> Standings:
    return tuple(one for one in pieces if not one.form.whole)


def _holds_features(axis: int, tables: Sequence[Standings]) -> bool:
    """Whether part of the index along an axis tells nothing of the place: channels that were flattened with it."""
    views = [(one.form, one.form.view[axis]) for pieces in tables for one in _local(pieces)]
    sizes = {tuple(digit.size for digit in place.digits) for _, place in views}
    if len(sizes) != 1 or not all(plain(piece, place) for piece, place in views):
        return False
    roots = [[digit.root for digit in place.digits if isinstance(digit.root, int)] for _, place in views]
    uniform = [list(map(piece.uniform, dims)) for (piece, _), dims in zip(views, roots, strict=True)]
    return any(all(column) for column in zip(*uniform, strict=True))


def _grid(axis: int, shape: Shape, tables: Mapping[str, Standings], shared: Shared) -> Grid | None:
    """The grid that tokens run over, told by what each of them sees along each axis of the source; None for none."""
    found = _laid_out([_local(pieces) for pieces in tables.values()], axis, shape, shared)
    if found is None:
        return None
    first, digits = found
    sizes, strides = (tuple(digit[k] for digit in digits) for k in (0, 1))
    return Grid(axis, tuple(tables), first, sizes, strides)


def _laid_out(
    tables: Iterable[Standings], axis: int, shape: Shape, shared: Shared
) -> tuple[int, tuple[tuple[int, int], ...]] | None:
    """The first token that stands for a place; per axis of the source how many places there are and their stride."""
    columns = []
    for own in tables:
        lo, hi = units_of(laid(own, (axis,), shared), (axis,))
        columns.append(np.stack([np.broadcast_to(values.ravel(), shape[axis]) for values in (lo, hi)], axis=1))
    seen = np.flatnonzero(np.all([column[:, 0] < column[:, 1] for column in columns], axis=0))
    if not seen.size or seen[-1] - seen[0] >= seen.size:
        return None
    first = int(seen[0])
    digits = _digits({k: column[first : first + seen.size] for k, column in enumerate(columns)})
    if digits is None or any(size == 1 for size, _ in digits.values()):
        return None
    return first, tuple(digits[k] for k in range(len(columns)))


def _digits(columns: Mapping[int, Ints]) -> dict[int, tuple[int, int]] | None:
    """The size and stride of each column, where each moves with a digit of its own of the row; None elsewhere.

    >>> rows, columns = np.divmod(np.arange(6), 3)
    >>> _digits({0: rows[:, None], 1: columns[:, None]})
    {1: (3, 1), 0: (2, 3)}
    """
    for k in list(columns)[::-1]:
        n, period = len(columns[k]), _period(columns[k])
        if _repeated(columns[k][:period]):
            continue
        others = {j: column for j, column in columns.items() if j != k}
        if not others:
            return {k: (n, 1)} if period == n else None
        blocks = [column.reshape(n // period, period, -1) for column in others.values()]
        if all((block == block[:, :1]).all() for block in blocks):
            outer = _digits({j: column[::period] for j, column in others.items()})
            if outer is not None:
                return {k: (period, 1), **{j: (size, stride * period) for j, (size, stride) in outer.items()}}
    return None


def _period(rows: Ints) -> int:
    """The fewest rows that repeat to make all of them."""
    n = len(rows)
    repeats = (k for k in divisors(n) if (rows.reshape(n // k, k, -1) == rows[:k]).all())
    return next(repeats, n)


def _repeated(rows: Ints) -> bool:
    """Whether every row stands there several times, one behind another: channels that were flattened with places."""
    n = len(rows)
    blocks = (rows.reshape(n // k, k, -1) for k in divisors(n) if k > 1)
    return n > 1 and any((block == block[:, :1]).all() for block in blocks)


@dataclass(frozen=True, slots=True)
class OnGrid:
    """The ``shape`` and ``units`` of a layer once its tokens stand on their grid, and the relation that leads there.

    ``axes`` names for each source axis of the grid the axis that counts along it.
    """

    relation: Relation
    shape: Shape
    units: tuple[int, ...]
    axes: Mapping[str, int]
    grid: Grid | None

    def span(self, table: FieldTable, shared: Shared) -> Span | None:
        """What the local pieces of a table say of every unit along one axis of the source.

        It is counted along the layer's own axis.
        """
        found = local_span(table, self.relation, self.units, shared)
        if found is None or found.along is None or self.grid is None:
            return found
        start, more = self.grid.axis, len(self.grid.sizes) - 1
        return replace(found, along=min(found.along, max(start, found.along - more)))

    def moved(self, table: FieldTable, shared: Shared) -> FieldTable:
        """The table of the layer on its grid."""
        return carried(table, (self.relation,), "", alone=True, shared=shared)[0]

    def counted(self, name: str, along: int) -> int:
        """The axis of ``shape`` for an axis of the layer that units count along for one axis of the source."""
        if self.grid is None or along < self.grid.axis:
            return along
        return self.axes[name] if along == self.grid.axis else along + len(self.grid.sizes) - 1


@lru_cache(maxsize=256)
def on_grid(axes: LayerAxes) -> OnGrid:
    """Where a layer's tokens stand on their grid: along one axis for each that it runs over; others are left out."""
    grid = axes.grid
    if grid is None:
        return OnGrid((), axes.shape, axes.units, FrozenDict(), None)
    order = sorted(range(len(grid.sizes)), key=lambda k: -grid.strides[k])
    sizes, count, more = [grid.sizes[k] for k in order], grid.count, len(grid.sizes) - 1
    relation: Relation = (Along(grid.axis, part_map(axes.shape[grid.axis], -grid.first, count)),)
    for position, size in enumerate(sizes[:-1]):
        count //= size
        relation += (Split(grid.axis + position, size, count, count),)
    shape = (*axes.shape[: grid.axis], *sizes, *axes.shape[grid.axis + 1 :])
    units = sorted({*range(grid.axis, grid.axis + more + 1), *(k if k < grid.axis else k + more for k in axes.units)})
    moved = {grid.names[k]: grid.axis + position for position, k in enumerate(order)}
    return OnGrid(relation, shape, tuple(units), FrozenDict(moved), grid)
