"""The page in a notebook: live, or the exported file in a frame, which stays where the notebook is kept."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

import numpy as np

from striate.errors import MissingDependencyError
from striate.explore.photo import photo_size
from striate.explore.running import Source, opened
from striate.explore.screen import Level
from striate.fields import Fields
from striate.files import write_atomically
from striate.formats.shapes import InputShape
from striate.photos import Photo, as_photo, read_photo
from striate.serve.desk import Desk
from striate.serve.export import exported
from striate.serve.subject import Subject
from striate.values import instance, integer

if TYPE_CHECKING:
    from striate.serve.widget import LivePage


@dataclass(frozen=True, eq=False)
class Page:
    """The page as one HTML file; a notebook shows it in a frame of ``height`` pixels."""

    html: str = field(repr=False)
    height: int = 800

    def __post_init__(self) -> None:
        integer("Page: height", self.height, 100)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the file; its path. Raises InputError where it cannot be written."""
        return write_atomically(path, self.html)

    def _repr_html_(self) -> str:
        # Scripts run in a frame of no origin: they reach neither the notebook nor its server.
        shown = escape(self.html, quote=True)
        style = f"width:100%;height:{self.height}px;border:0"
        return f'<iframe sandbox="allow-scripts" style="{style}" srcdoc="{shown}"></iframe>'


@overload
def page(
    model: Source,
    photo: Photo | str | os.PathLike[str] | None = None,
    input_shape: InputShape = None,
    *,
    black: Level = 0.0,
    white: Level = 1.0,
    height: int = 800,
    static: Literal[False] = False,
) -> LivePage: ...


@overload
def page(
    model: Source,
    photo: Photo | str | os.PathLike[str] | None = None,
    input_shape: InputShape = None,
    *,
    black: Level = 0.0,
    white: Level = 1.0,
    height: int = 800,
    static: Literal[True],
) -> Page: ...


def page(
    model: Source,
    photo: Photo | str | os.PathLike[str] | None = None,
    input_shape: InputShape = None,
    *,
    black: Level = 0.0,
    white: Level = 1.0,
    height: int = 800,
    static: bool = False,
) -> LivePage | Page:
    """The page of ``striate serve`` on a model and a photograph, in a notebook.

    It is live, a widget that the notebook's kernel answers; ``static`` is the page as one HTML file, which holds a
    part of the answers and stays where the notebook is kept, turned into HTML or sent. ``photo`` is a file or
    (height, width, 3) bytes, cropped where its shape is another. ``black`` and ``white`` are the numbers that the input
    has there. Raises InputError for what is no photograph, MissingDependencyError where a live page lacks anywidget,
    and as ``striate.load`` does.

    >>> from importlib.resources import files
    >>> found = page(files("striate") / "data" / "denoiser.onnx", None, (1, 3, 32, 48), static=True)
    >>> found
    Page(height=800)
    >>> found.html.startswith("<!doctype html>")
    True
    """
    held = opened(model, input_shape)
    fields = Fields(held)
    size, name = photo_size(fields), ""
    if isinstance(photo, str | os.PathLike):
        name, photo = os.fspath(photo), read_photo(photo, size, "crop")
    elif photo is not None:
        photo = as_photo(instance("photo", photo, np.ndarray), size, "crop")
    desk = Desk(Subject(held, photo, black, white, picture=name))
    return Page(exported(desk), height) if static else _live(desk, height)


def _live(desk: Desk, height: int) -> LivePage:
    try:
        from striate.serve.widget import LivePage
    except ImportError as error:
        raise MissingDependencyError(
            "a live page needs anywidget: pip install 'striate[notebook]'; static=True gives one that needs none"
        ) from error
    return LivePage(desk, height)
