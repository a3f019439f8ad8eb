"""What one cell of a table says of a layer: sizes, strides, starts, phases and facts, axis by axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TypeVar

from striate.show.document import AxisDocument, LayerDocument, LocalDocument, Ratio
from striate.show.words import word

T = TypeVar("T")


def by_axis(axes: Sequence[T], text: Callable[[T], str]) -> str:
    """One text per axis, joined by ``x``; a dash where there is no axis."""
    return " x ".join(text(axis) for axis in axes) or "-"


def once(axes: Sequence[T], text: Callable[[T], str]) -> str:
    """As ``by_axis``, but one text where all axes agree."""
    texts = [text(axis) for axis in axes]
    return texts[0] if len(set(texts)) == 1 else by_axis(axes, text)


def fraction_text(value: Ratio | None) -> str:
    """``[3, 2]`` as ``3/2``, ``[4, 1]`` as ``4``, None as ``-``."""
    if value is None:
        return "-"
    return str(value[0]) if value[1] == 1 else f"{value[0]}/{value[1]}"


def number(value: int | None) -> str:
    """An integer, or ``-`` for None."""
    return "-" if value is None else str(value)


def axes_text(layer: LayerDocument, lang: str = "en") -> str:
    """What each axis of a layer's shape is; the sides of the grid that tokens run over, and how many stand beside it.

    >>> grid = {"axis": 1, "first": 1, "names": ["height", "width"], "sizes": [14, 14], "strides": [14, 1]}
    >>> axes_text({"shape": [1, 197, 768], "shape_axes": ["batch", "token", "feature"], "grid": grid})
    'batch x token 1+14x14 x feature'
    """
    texts, grid = [word(axis, lang) for axis in layer["shape_axes"]], layer["grid"]
    if grid is not None:
        placed = prod(grid["sizes"])
        behind = layer["shape"][grid["axis"]] - placed - grid["first"]
        sides = "x".join(str(n) for _, n in sorted(zip(grid["strides"], grid["sizes"], strict=True), reverse=True))
        parts = [str(grid["first"])] * bool(grid["first"]) + [sides] + [str(behind)] * bool(behind)
        texts[grid["axis"]] += f" {'+'.join(parts)}"
    return " x ".join(texts)


def local_of(axis: AxisDocument) -> AxisDocument | LocalDocument:
    """The field without global paths along one axis: ``local`` behind a global operator, else the axis itself."""
    return axis["local"] or axis


def size_range(axis: AxisDocument) -> tuple[int | None, int | None]:
    """The least and the largest size of the local field over its phases; the same number where all agree."""
    span = local_of(axis)
    sizes = [stop - start for start, stop in span.get("phases") or ()]
    return (min(sizes), max(sizes)) if sizes else (span["size"], span["size"])


def local_size(axis: AxisDocument) -> str:
    """The local size: ``83``, ``79-83`` where units differ by phase, ``≤83`` where it is only a bound."""
    least, largest = size_range(axis)
    if largest is None:
        return "-"
    bound = "≤" if {"irregular", "at most"} & set(axis["facts"]) else ""
    return f"{bound}{largest}" if least == largest else f"{bound}{least}-{largest}"


def size_text(axes: Sequence[AxisDocument]) -> str:
    """The field's size per axis; behind a global operator ``all``, with the local field in parentheses.

    >>> axis = {"status": "periodic", "facts": ["periodic"], "size": 5, "phases": [[0, 3], [0, 5]], "local": None}
    >>> size_text([axis, axis])
    '3-5 x 3-5'
    """
    if axes and all(axis["status"] == "whole" for axis in axes):
        sizes = "all"
    else:
        sizes = by_axis(axes, lambda a: "all" if a["status"] == "whole" else local_size(a))
    return f"{sizes} (local {by_axis(axes, local_size)})" if any(axis["local"] for axis in axes) else sizes


def start_text(axis: AxisDocument) -> str:
    """The local field's start: one number, or the least and the largest where units differ by phase.

    >>> start_text({"local": None, "start": -1, "phases": [[-1, 2], [-1, 2], [0, 3]]})
    '-1..0'
    """
    span = local_of(axis)
    starts = [start for start, _ in span.get("phases") or ()]
    return f"{min(starts)}..{max(starts)}" if starts else number(span["start"])


def field_cells(axes: Sequence[AxisDocument]) -> tuple[str, str, str]:
    """Size, stride and start of a layer's field, stride and start once where all axes agree."""
    stride = once(axes, lambda a: fraction_text(local_of(a)["stride"]))
    return size_text(axes), stride, once(axes, start_text)


def status_text(axes: Sequence[AxisDocument], lang: str = "en") -> str:
    """All that holds of the axes, once where they agree."""
    return once(axes, lambda a: word("joined", lang).join(word(fact, lang) for fact in a["facts"]))


def physical_text(axis: AxisDocument) -> str:
    """The local size in a physical unit."""
    measured, (least, largest) = axis.get("physical"), size_range(axis)
    if not measured or measured["size"] is None or not largest or least is None:
        return "-"
    if least == largest:
        return f"{measured['size']:g} {measured['unit']}"
    return f"{measured['size'] * least / largest:g}-{measured['size']:g} {measured['unit']}"
