"""Flat drawings of boxes, lines, letters and pixels, written as SVG, PNG, or as frames that follow each other."""

from __future__ import annotations

import io
import struct
import zlib
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from striate.errors import MissingDependencyError
from striate.show.letters import letters_wide

if TYPE_CHECKING:
    from PIL.Image import Image

INK, SOFT, PAPER, FAINT = "#1c2330", "#667085", "#ffffff", "#d5dae3"
HUES = ("#d97706", "#0284c7", "#15803d", "#be185d", "#7e22ce", "#a16207")
FAMILY = "system-ui, 'Noto Sans CJK SC', sans-serif"

Pixels = NDArray[np.uint8]
Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Rect:
    """A box of pixels, filled, outlined, or both."""

    x: float
    y: float
    width: float
    height: float
    fill: str = "none"
    stroke: str = "none"
    line: float = 1
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A line from one point to another."""

    x1: float
    y1: float
    x2: float
    y2: float
    stroke: str = INK
    line: float = 1


@dataclass(frozen=True, slots=True)
class Circle:
    """An outlined circle."""

    x: float
    y: float
    radius: float
    stroke: str = INK
    line: float = 2


@dataclass(frozen=True, slots=True)
class Text:
    """Letters of ``size`` pixels; ``y`` is their base line."""

    x: float
    y: float
    text: str
    size: float = 14
    fill: str = INK
    anchor: Anchor = "start"


@dataclass(frozen=True, eq=False, slots=True)
class Raster:
    """An image of (rows, columns, 3), each of its pixels a box, between two corners."""

    x: float
    y: float
    width: float
    height: float
    pixels: Pixels


Shape = Rect | Line | Circle | Text | Raster


@dataclass(slots=True)
class Sketch:
    """A drawing of a size, in the order in which its shapes were added."""

    width: float
    height: float
    shapes: list[Shape] = field(default_factory=list)

    def add(self, *shapes: Shape) -> None:
        """Draw over what is there."""
        self.shapes += shapes

    def put(self, other: Sketch, x: float, y: float) -> None:
        """Draw another sketch with its corner at a point."""
        self.shapes += [_moved(shape, x, y) for shape in other.shapes]


def to_svg(sketch: Sketch) -> str:
    """A sketch as an SVG file."""
    return _document(sketch.width, sketch.height, _marks(sketch))


def inline_svg(sketch: Sketch) -> str:
    """A sketch as an SVG element of an HTML page, which scales it to the room there is."""
    size = f"0 0 {sketch.width:g} {sketch.height:g}"
    return f'<svg viewBox="{size}" role="img" font-family="{FAMILY}">{_marks(sketch)}</svg>'


def to_png(sketch: Sketch) -> bytes:
    """A sketch as a PNG file; MissingDependencyError without Pillow."""
    stream = io.BytesIO()
    _painted(sketch).save(stream, format="PNG")
    return stream.getvalue()


def to_animated_svg(frames: Sequence[Sketch], seconds: float) -> str:
    """Frames, each shown for some seconds, again and again, as one SVG file that needs no script."""
    count = len(frames)
    parts = []
    for k, frame in enumerate(frames):
        times = "0;" + f"{k / count:.6f};{(k + 1) / count:.6f}"
        shown = "hidden;visible;hidden" if k else "visible;visible;hidden"
        animate = (
            f'<animate attributeName="visibility" calcMode="discrete" repeatCount="indefinite" '
            f'dur="{count * seconds:g}s" keyTimes="{times}" values="{shown}"/>'
        )
        first = "visible" if k == 0 else "hidden"
        parts.append(f'<g visibility="{first}">{animate if count > 1 else ""}{_marks(frame)}</g>')
    return _document(max(f.width for f in frames), max(f.height for f in frames), "\n".join(parts))


def to_gif(frames: Sequence[Sketch], seconds: float) -> bytes:
    """Frames as an animated GIF; MissingDependencyError without Pillow."""
    pictures = [_painted(frame) for frame in frames]
    stream = io.BytesIO()
    rest = pictures[1:]
    duration = round(1000 * seconds)
    pictures[0].save(stream, format="GIF", save_all=True, append_images=rest, duration=duration, loop=0, disposal=2)
    return stream.getvalue()


def png_of(pixels: Pixels) -> bytes:
    """An image of (rows, columns, 3) as a PNG file.

    >>> png_of(np.zeros((1, 2, 3), np.uint8))[:4]
    b'\\x89PNG'
    """
    height, width = pixels.shape[:2]
    lines = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, width * 3)], axis=1)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(np.ascontiguousarray(lines).tobytes(), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def _moved(shape: Shape, x: float, y: float) -> Shape:
    if isinstance(shape, Line):
        return replace(shape, x1=shape.x1 + x, y1=shape.y1 + y, x2=shape.x2 + x, y2=shape.y2 + y)
    return replace(shape, x=shape.x + x, y=shape.y + y)


def _document(width: float, height: float, body: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" font-family="{FAMILY}">'
        f'<rect width="100%" height="100%" fill="{PAPER}"/>\n{body}\n</svg>\n'
    )


def _marks(sketch: Sketch) -> str:
    return "\n".join(map(_mark, sketch.shapes))


def _mark(shape: Shape) -> str:
    match shape:
        case Rect(x, y, width, height, fill, stroke, line, dashed):
            outline = f' stroke="{stroke}" stroke-width="{line:g}"' if stroke != "none" else ""
            dashes = ' stroke-dasharray="5 4"' if dashed else ""
            place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'
            return f'<rect {place} fill="{fill}"{outline}{dashes}/>'
        case Line(x1, y1, x2, y2, stroke, line):
            ends = f'x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"'
            return f'<line {ends} stroke="{stroke}" stroke-width="{line:g}"/>'
        case Circle(x, y, radius, stroke, line):
            place = f'cx="{x:g}" cy="{y:g}" r="{radius:g}"'
            return f'<circle {place} fill="none" stroke="{stroke}" stroke-width="{line:g}"/>'
        case Text(x, y, text, size, fill, anchor):
            side = f' text-anchor="{anchor}"' if anchor != "start" else ""
            return f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" fill="{fill}"{side}>{escape(text)}</text>'
        case Raster(x, y, width, height, pixels):
            place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" preserveAspectRatio="none"'
            data = b64encode(png_of(pixels)).decode()
            return f'<image {place} style="image-rendering:pixelated" href="data:image/png;base64,{data}"/>'


def _painted(sketch: Sketch) -> Image:
    try:
        from PIL import Image, ImageDraw
    except ImportError as error:
        raise MissingDependencyError("pictures need Pillow: pip install 'striate[plot]'") from error
    image = Image.new("RGB", (round(sketch.width), round(sketch.height)), PAPER)
    brush = ImageDraw.Draw(image)
    for shape in sketch.shapes:
        _paint(image, brush, shape)
    return image


def _paint(image: Image, brush: Any, shape: Shape) -> None:
    from PIL import Image as Images

    match shape:
        case Rect(x, y, width, height, fill, stroke, line, dashed):
            corners = (round(x), round(y), round(x + width), round(y + height))
            if fill != "none":
                brush.rectangle(corners, fill=fill)
            if stroke != "none" and not dashed:
                brush.rectangle(corners, outline=stroke, width=max(round(line), 1))
            elif stroke != "none":
                _dashes(brush, corners, stroke, max(round(line), 1))
        case Line(x1, y1, x2, y2, stroke, line):
            brush.line((x1, y1, x2, y2), fill=stroke, width=max(round(line), 1))
        case Circle(x, y, radius, stroke, line):
            brush.ellipse((x - radius, y - radius, x + radius, y + radius), outline=stroke, width=max(round(line), 1))
        case Text(x, y, text, size, fill, anchor):
            place = {"start": "ls", "middle": "ms", "end": "rs"}[anchor]
            brush.text((x, y), text, fill=fill, font=_font(size, text), anchor=place)
        case Raster(x, y, width, height, pixels):
            scaled = (max(round(width), 1), max(round(height), 1))
            image.paste(Images.fromarray(pixels).resize(scaled, Images.Resampling.NEAREST), (round(x), round(y)))


def _dashes(brush: Any, corners: tuple[int, int, int, int], stroke: str, line: int) -> None:
    left, top, right, bottom = corners
    for a in range(left, right, 9):
        for y in (top, bottom):
            brush.line((a, y, min(a + 5, right), y), fill=stroke, width=line)
    for b in range(top, bottom, 9):
        for x in (left, right):
            brush.line((x, b, x, min(b + 5, bottom)), fill=stroke, width=line)


def _font(size: float, text: str) -> Any:
    from PIL import ImageFont

    if letters_wide(text):
        raise MissingDependencyError("a PNG or GIF has no Chinese letters: write an .svg, or use --lang en")
    return ImageFont.load_default(size)
