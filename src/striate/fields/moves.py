"""Pieces after the steps of a relation that read no axis from end to end."""

from __future__ import annotations

from dataclasses import replace

from striate.fields.flat import isolated, split_dim
from striate.fields.pieces import Piece, finite, on_view, viewed, without
from striate.fields.sliding import through
from striate.fields.views import Digit, Place, cut, joined, span
from striate.geometry import AxisMap, Border, TapMap
from striate.network.relation import Along, Drop, Insert, Merge, Permute, Relation, Split, Step


def after(piece: Piece, steps: Relation, alone: bool) -> Piece:
    """The piece after some steps that read no axis from end to end; it may see nothing any more."""
    for step in steps:
        match step:
            case Along(axis, TapMap() as m) if alone and _shifts(m) and not m.periodic:
                piece = _along(piece, axis, replace(m, periodic=True))
            case Along(axis, m):
                piece = _along(piece, axis, m)
            case _:
                piece = _moved(piece, step)
    return piece


def _shifts(m: AxisMap) -> bool:
    """Whether a map only moves an axis, or cuts or pads it with zeros."""
    return isinstance(m, TapMap) and m.in_step == 1 and list(map(len, m.taps)) == [1] and m.border is Border.ZERO


def _moved(piece: Piece, step: Step) -> Piece:
    """A step that moves elements without reading past any axis."""
    match step:
        case Permute(order):
            return viewed(piece, (piece.view[axis] for axis in order))
        case Insert(axis):
            return viewed(piece, (*piece.view[:axis], Place((), 1), *piece.view[axis:]))
        case Drop(axis):
            return _dropped(piece, axis)
        case Merge(axis):
            return _merged(piece, axis)
        case Split():
            return _split(piece, step)
        case _:
            raise TypeError(f"{type(step).__name__} is no step that moves elements")


def _dropped(piece: Piece, axis: int) -> Piece:
    if piece.view[axis].digits:
        piece, dim = isolated(piece, axis)
        piece = without(finite(piece, dim), dim)
    return viewed(piece, (*piece.view[:axis], *piece.view[axis + 1 :]))


def _merged(piece: Piece, axis: int) -> Piece:
    for one in (axis, axis + 1):
        if piece.view[one].size == 1:
            return _dropped(piece, one)
    for one in (axis, axis + 1):
        if not piece.view[one].full:
            piece, _ = isolated(piece, one)
    left, right = piece.view[axis : axis + 2]
    place = Place(joined(left.digits, right.digits), left.size * right.size)
    return viewed(piece, (*piece.view[:axis], place, *piece.view[axis + 2 :]))


def _split(piece: Piece, s: Split) -> Piece:
    axis, size = s.axis, piece.view[s.axis].size
    reshaped = (s.stride, s.dilation, s.offset, s.outer * s.inner) == (s.inner, 1, 0, size)
    if reshaped and 1 in (s.outer, s.inner):
        at_axis = axis if s.outer == 1 else axis + 1
        return viewed(piece, (*piece.view[:at_axis], Place((), 1), *piece.view[at_axis:]))
    if reshaped and piece.view[axis].full:
        outer, inner = cut(piece.view[axis].digits, s.inner)
    else:
        piece, dim = isolated(piece, axis)
        piece = split_dim(piece, dim, s)
        outer, inner = (Digit(dim, s.outer),), (Digit(len(piece.dims) - 1, s.inner),)
    places = (Place(outer, s.outer), Place(inner, s.inner))
    return viewed(piece, (*piece.view[:axis], *places, *piece.view[axis + 1 :]))


def _along(piece: Piece, axis: int, m: AxisMap) -> Piece:
    place = piece.view[axis]
    if isinstance(m, TapMap) and _shifts(m):
        offset = place.offset - m.taps[0][0]
        if offset >= 0 and offset + span(place.digits) <= m.out_size:
            if len(place.digits) > 1 or not place.full:
                return on_view(piece, axis, Place(place.digits, m.out_size, offset))
            if not m.periodic and _still(piece, place):
                return on_view(_closed(piece, place), axis, Place(place.digits, m.out_size, offset))
    piece, _ = isolated(piece, axis)
    return through(piece, axis, m)


def _closed(piece: Piece, place: Place) -> Piece:
    """The piece with the dimensions of an axis written out."""
    for digit in place.digits:
        if isinstance(digit.root, int):
            piece = finite(piece, digit.root)
    return piece


def _still(piece: Piece, place: Place) -> bool:
    """Whether a full axis runs over one whole dimension that need not be written out to stand beside others."""
    match place.digits:
        case (Digit(int(dim), size),):
            d = piece.dims[dim]
            return size == d.size and not d.grown and (not d.open or piece.uniform(dim))
    return False
