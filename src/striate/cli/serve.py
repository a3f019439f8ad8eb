"""striate serve and export: the page, on one's own network and picture, in a browser or as a file."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import click

from striate.cli.options import black_option, crop_option, level, white_option
from striate.cli.parsing import FILE
from striate.cli.question import Question, Shaped, input_option, named_input, shapes_of
from striate.cli.terminal import deliver, note, progress, say
from striate.demo.demo import sample_photo
from striate.errors import InputError, MissingDependencyError
from striate.explore.photo import photo_size
from striate.formats.model import Model
from striate.photos import read_photo
from striate.serve.desk import Desk
from striate.serve.export import exported
from striate.serve.server import LOOPBACK, serve
from striate.serve.subject import Subject

SHIPPED = "denoiser.onnx"
WITHOUT_PICTURE = (1, 3, 128, 128)


def page_options(function: Callable[..., None]) -> Callable[..., None]:
    """MODEL, IMAGE and how they are taken, handed on as what the page is about."""

    @wraps(function)
    def ask(
        model: str | None,
        image: Path | None,
        inputs: Shaped,
        fit: str,
        black: tuple[float, ...],
        white: tuple[float, ...],
        **rest: Any,
    ) -> None:
        subject = _shipped() if model is None else _subject(model, image, inputs, fit, black, white)
        function(Desk(subject), **rest)

    decorated: Callable[..., None] = ask
    image = click.argument("image", type=FILE, required=False)
    model = click.argument("model", required=False)
    for decorate in (white_option, black_option, crop_option, input_option, image, model):
        decorated = decorate(decorated)
    return decorated


@click.command("serve")
@page_options
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port (default: a free one).")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen on; on another than this machine's own, others can try to get in.",
)
@click.option("--no-browser", is_flag=True, help="Print the address and open nothing.")
def serve_command(desk: Desk, port: int, host: str, no_browser: bool) -> None:
    """The page: convolution, fields and features to move by hand, on MODEL and a picture; without, on those that ship.

    The address that is printed lets one browser in, once; Enter prints another. Ctrl+C ends it.

    \b
    Examples:
      striate serve
      striate serve model.onnx photo.jpg --black -1 --white 1
      striate serve model.onnx photo.jpg --port 8321 --no-browser
    """
    if host not in LOOPBACK:
        note(f"listening on {host}: whoever reaches this machine there can try to get in")
    serve(desk, say, host, port, browser=not no_browser)


@click.command("export")
@page_options
@click.option("--out", type=FILE, default=Path("page.html"), show_default=True, help="The file, .html.")
def export_command(desk: Desk, out: Path) -> None:
    """The page of striate serve as one file that works from disk, without a server and without a network.

    It holds every example of a convolution and of some layers, spread over the depth, the maps, the strongest patches,
    the tuning and a field; the hulls of all units of all layers follow the pointer.

    \b
    Example:
      striate export model.onnx photo.jpg --out page.html
    """
    if out.suffix.lower() != ".html":
        raise InputError(f"{out} ends in {out.suffix or 'nothing'}; the page is written as .html")
    with progress("working out answers") as tell:
        content = exported(desk, tell)
    deliver(content, out)
    say(f"{out}: {len(content.encode()) / 1e6:.1f} MB")


def _subject(
    model: str, image: Path | None, inputs: Shaped, fit: str, black: tuple[float, ...], white: tuple[float, ...]
) -> Subject:
    question = Question(model, shapes_of(inputs), named_input(inputs), None, "refuse")
    opened = question.open() if image is None else question.open_at([image])
    photo = None if image is None else read_photo(image, photo_size(question.fields_of(opened)), fit)
    return Subject(opened, photo, level(black), level(white), picture=str(image), fit=fit)


def _shipped() -> Subject:
    """The shipped denoiser, on a picture where scikit-image brings one."""
    try:
        photo = sample_photo()
    except MissingDependencyError:
        photo = None
    with as_file(files("striate").joinpath(f"data/{SHIPPED}")) as path:
        model = Model(path, WITHOUT_PICTURE if photo is None else (1, 3, *photo.shape[:2]))
        return Subject(model.read(), photo, picture="")
