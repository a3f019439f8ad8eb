"""Fields drawn over a photograph: boxes for hulls, exact covers at full brightness, holes and padding visible."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError, MissingDependencyError
from striate.fields import Region
from striate.geometry import Box, Interval
from striate.photos import Photo
from striate.show.grid import shortened
from striate.show.words import word

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#ff9f1c", "#2ec4ff", "#7ae582", "#ff5d8f", "#c792ff", "#ffe45e")
INK, PAPER = "#1c2330", "#ffffff"
DPI = 100
FONT, SMALL, LARGE = 9.5, 8.0, 15.0
LEGIBLE_AT, LEGIBLE = 500, 6.5
MARGIN, HEAD, GAP, TITLE, NOTE = 20, 58, 24, 52, 30
TALL, WIDE = 512, 900
GRID_FROM = 10
TOO_SMALL = 16
OUTSIDE, PADDED_TOO = "hatched: outside the picture", ", where padding is read"
DIM = 0.42


@dataclass(frozen=True, eq=False, slots=True)
class View:
    """One unit's field on a picture: ``hull`` is clipped, ``mask`` the exact cover over the whole picture.

    ``unclipped`` is None where it is the hull itself or has no end. ``name`` is what the label begins with, and what
    of it may be shortened.
    """

    label: str
    hull: Box
    mask: NDArray[np.bool_]
    unclipped: Box | None = None
    name: str = ""


def view_of(region: Region, label: str = "", lang: str = "en") -> View:
    """A region of a network with a two-dimensional input, ready to draw; other inputs are an InputError.

    The label names the unit and the size of its field: without the image's border, as tables give it, and what of it
    lies inside the picture where that is less.
    """
    if len(region.hull) != 2:
        raise InputError(f"a picture needs two spatial axes; {region.source} has {len(region.hull)}")
    size = inside = "x".join(map(str, region.hull.shape))
    free = region.unclipped
    if free is not None and (free == region.hull or not all(side.bounded for side in free)):
        free = None
    if free is not None:
        size = word("inside_of", lang, size="x".join(map(str, free.shape)), inside=inside)
    return View(
        label or f"{region.unit.name}: {size}",
        region.hull,
        np.asarray(region.mask, dtype=np.bool_),
        free,
        "" if label else region.layer,
    )


def field_picture(
    photo: Photo, views: Sequence[View], tall: int = TALL, notes: Sequence[str] = (), lang: str = "en"
) -> Figure:
    """A figure: the photograph with every hull nested on it, and a zoom on each unit's exact cover.

    The zooms share a window that holds every field; one so small that it could not be seen there has its own.
    Drawn at ``DPI``, the photograph's top left pixel stands at (``MARGIN``, ``HEAD``) and one photograph pixel is
    ``overview_scale(photo, tall)`` figure pixels wide; where that is enough, pixels are told apart by a grid. ``notes``
    stand beneath, with a word on the hatching where a field reaches outside the picture; in Chinese, for which a
    figure has no letters, numbers and names stand alone. Raises InputError where a view is not of the photograph's
    size.
    """
    for view in views:
        if view.mask.shape != photo.shape[:2]:
            raise InputError(f"{view.label}: the field is of {view.mask.shape} pixels, the picture {photo.shape[:2]}")
    scale = overview_scale(photo, tall)
    height, width = (round(n * scale) for n in photo.shape[:2])
    rows = min(len(views), 2)
    columns = -(-len(views) // 2)
    zoom = (tall - (rows - 1) * TITLE) // max(rows, 1)
    window = _window(views, photo)
    beneath = [*notes, *_outside(views, window, photo)] if lang == "en" else []
    full = 2 * MARGIN + width + columns * (GAP + zoom)
    figure = _figure(full, HEAD + (tall if views else height) + MARGIN + NOTE * len(beneath))
    letters = min(max(FONT, LEGIBLE * full / LEGIBLE_AT), LARGE)
    _overview(_axes(figure, MARGIN, HEAD, width, height), photo, views, scale, letters, lang)
    for k, view in enumerate(views):
        column, row = divmod(k, 2)
        left, top = MARGIN + width + GAP + column * (GAP + zoom), HEAD + row * (zoom + TITLE)
        room, hue = zoom + GAP // 2, COLOURS[k % len(COLOURS)]
        shown = window if max(view.hull.shape) * TOO_SMALL >= window[0].size else _window([view], photo)
        _zoom(_axes(figure, left, top, zoom, zoom), photo, view, shown, hue, room, letters)
    for k, text in enumerate(reversed(beneath)):
        size = min(letters, letters * 0.98 * (full - 2 * MARGIN) / _pixels(text, letters))
        figure.text(MARGIN / full, (MARGIN + NOTE * k) / (figure.get_figheight() * DPI), text, fontsize=size, color=INK)
    return figure


def _outside(views: Sequence[View], window: Box, photo: Photo) -> list[str]:
    """What the hatching of the zooms means, where there is any."""
    if not views or Box.whole(photo.shape[:2]).contains(window):
        return []
    return [OUTSIDE + (PADDED_TOO if any(view.unclipped is not None for view in views) else "")]


def overview_scale(photo: Photo, tall: int = TALL) -> float:
    """Figure pixels per photograph pixel: the photograph is made as tall or as wide as there is room."""
    height, width = photo.shape[:2]
    return float(min(tall / height, WIDE * tall / TALL / width))


def strip_picture(photos: Sequence[Photo], labels: Sequence[str]) -> Figure:
    """Photographs of one size side by side, each with its label above."""
    height, width = photos[0].shape[:2]
    figure = _figure(2 * MARGIN + len(photos) * width + (len(photos) - 1) * GAP, HEAD + height + MARGIN)
    for k, (photo, label) in enumerate(zip(photos, labels, strict=True)):
        axes = _axes(figure, MARGIN + k * (width + GAP), HEAD, width, height)
        axes.imshow(photo, interpolation="nearest")
        _title(axes, label, width, FONT)
    return figure


def figure_bytes(figure: Figure, kind: str = "png") -> bytes:
    """The figure as a PNG or SVG file; the same figure gives the same bytes."""
    from matplotlib import rc_context

    stream = io.BytesIO()
    metadata: dict[str, Any] = {"Date": None} if kind == "svg" else {"Software": "striate"}
    with rc_context({"svg.hashsalt": "striate"}):
        figure.savefig(stream, format=kind, dpi=DPI, metadata=metadata)
    return stream.getvalue()


def _figure(width: int, height: int) -> Figure:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError("pictures need matplotlib: pip install 'striate[plot]'") from error
    return Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor=PAPER)


def _axes(figure: Figure, left: int, top: int, width: int, height: int) -> Axes:
    """Axes at whole pixels, counted from the top left."""
    full_width, full_height = (round(inches * DPI) for inches in figure.get_size_inches())
    axes = figure.add_axes(
        (left / full_width, 1 - (top + height) / full_height, width / full_width, height / full_height)
    )
    axes.set_axis_off()
    return axes


def _title(axes: Axes, text: str, room: int, letters: float, name: str = "") -> None:
    """A caption of at most ``room`` pixels, the size of the field on a line of its own.

    A long line is in smaller letters, a longer one has its name shortened.
    """
    first, colon, second = text.partition(": ") if name else (text, "", "")
    rest, widest = first.removeprefix(name), max(_pixels(first, letters), _pixels(second or "x", letters))
    size = max(min(letters, letters * room / widest), min(letters, SMALL + 2))
    fitting = (shortened(name, length) + rest for length in range(len(name), 0, -1))
    shown = next((line for line in fitting if _pixels(line, size) <= room), rest) if name else first
    shown = f"{shown}\n{second}" if colon else shown
    axes.set_title(shown, fontsize=size, color=INK, loc="left", pad=6, linespacing=1.1)


def _pixels(text: str, size: float) -> float:
    from matplotlib.textpath import TextPath

    return float(TextPath((0, 0), text, size=size).get_extents().x1) * DPI / 72


def _overview(axes: Axes, photo: Photo, views: Sequence[View], scale: float, letters: float, lang: str) -> None:
    axes.imshow(photo, interpolation="nearest", aspect="auto")
    _grid(axes, Box.whole(photo.shape[:2]), scale)
    for k, view in enumerate(views):
        _box(axes, view.hull, COLOURS[k % len(COLOURS)])
    axes.set_xlim(-0.5, photo.shape[1] - 0.5)
    axes.set_ylim(photo.shape[0] - 0.5, -0.5)
    size = word("pixels_of", lang, size=f"{photo.shape[0]}x{photo.shape[1]}")
    _title(axes, size, round(photo.shape[1] * scale), letters)


def _grid(axes: Axes, box: Box, scale: float) -> None:
    """Lines between pixels, where they are large enough to be counted."""
    if scale < GRID_FROM:
        return
    rows, columns = box
    style: dict[str, Any] = {"colors": "#ffffff", "linewidth": 0.6}
    for line in (axes.vlines, axes.hlines):
        along, across = (columns, rows) if line == axes.vlines else (rows, columns)
        places = [k - 0.5 for k in range(along.start, along.stop + 1)]
        line(places, across.start - 0.5, across.stop - 0.5, **style)


def _zoom(axes: Axes, photo: Photo, view: View, window: Box, colour: str, room: int, letters: float) -> None:
    from matplotlib.patches import Rectangle

    rows, columns = window
    corner = (columns.start - 0.5, rows.start - 0.5)
    axes.add_patch(
        Rectangle(
            corner,
            columns.size,
            rows.size,
            facecolor="#eef0f4",
            edgecolor="#b7bfcc",
            hatch="///",
            linewidth=0,
            zorder=-1,
        )
    )
    axes.imshow(_lit(photo, view.mask), interpolation="nearest", aspect="auto")
    _grid(axes, Box.whole(photo.shape[:2]), room / columns.size)
    if view.unclipped is not None:
        _box(axes, view.unclipped, colour, dashed=True)
    _box(axes, view.hull, colour)
    axes.set_xlim(columns.start - 0.5, columns.stop - 0.5)
    axes.set_ylim(rows.stop - 0.5, rows.start - 0.5)
    _title(axes, view.label, room, letters, view.name)


def _lit(photo: Photo, mask: NDArray[np.bool_]) -> Photo:
    """The photograph with every pixel outside the mask dimmed."""
    grey = photo.mean(axis=2, keepdims=True) * DIM
    return np.where(mask[:, :, None], photo, grey.astype(np.uint8))


def _box(axes: Axes, box: Box, colour: str, *, dashed: bool = False) -> None:
    from matplotlib.patches import Rectangle

    if box.empty:
        return
    rows, columns = box
    place = (columns.start - 0.5, rows.start - 0.5)
    for width, ink in ((2.0, colour),) if dashed else ((4.0, INK), (2.0, colour)):
        axes.add_patch(
            Rectangle(
                place,
                columns.size,
                rows.size,
                fill=False,
                edgecolor=ink,
                linewidth=width * 72 / DPI,
                linestyle=(0, (4, 3)) if dashed else "-",
                clip_on=True,
                zorder=3,
            )
        )


def _window(views: Sequence[View], photo: Photo) -> Box:
    """A square that holds every field, unclipped where that is not much larger than the picture."""
    image = Box.whole(photo.shape[:2])
    sides = []
    for k in (0, 1):
        seen = Interval(0, 0)
        for view in views:
            free = view.unclipped[k] if view.unclipped else view.hull[k]
            seen = seen.hull(free if free.size <= 2 * image[k].size else view.hull[k])
        sides.append(image[k] if seen.empty else seen)
    side = max(s.size for s in sides) + 2 * max(1, max(s.size for s in sides) // 16)
    first = [s.start - (side - s.size) // 2 for s in sides]
    return Box([Interval(start, start + side) for start in first])
