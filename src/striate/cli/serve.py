"""striate serve: the page, in a browser, on one's own network and picture."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

import click

from striate.cli.options import black_option, crop_option, level, white_option
from striate.cli.parsing import FILE
from striate.cli.question import Question, Shaped, input_option, named_input, shapes_of
from striate.cli.terminal import note, say
from striate.demo.demo import sample_photo
from striate.errors import MissingDependencyError
from striate.explore.photo import photo_size
from striate.formats.model import Model
from striate.photos import read_photo
from striate.serve.desk import Desk
from striate.serve.server import LOOPBACK, serve
from striate.serve.subject import Subject

SHIPPED = "denoiser.onnx"
WITHOUT_PICTURE = (1, 3, 128, 128)


@click.command("serve")
@click.argument("model", required=False)
@click.argument("image", type=FILE, required=False)
@input_option
@crop_option
@black_option
@white_option
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port (default: a free one).")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen on; on another than this machine's own, others can try to get in.",
)
@click.option("--no-browser", is_flag=True, help="Print the address and open nothing.")
def serve_command(
    model: str | None,
    image: Path | None,
    inputs: Shaped,
    fit: str,
    black: tuple[float, ...],
    white: tuple[float, ...],
    port: int,
    host: str,
    no_browser: bool,
) -> None:
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
    subject = _shipped() if model is None else _subject(model, image, inputs, fit, black, white)
    serve(Desk(subject), say, host, port, browser=not no_browser)


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
