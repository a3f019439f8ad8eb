"""Options that several commands share: units, photographs, languages."""

from __future__ import annotations

from collections.abc import Callable

import click
from click.decorators import FC

from striate.cli.parsing import PIXEL_SIZE, RATE
from striate.errors import InputError
from striate.photos import FITS
from striate.show.words import LANGUAGES

pixel_size_option = click.option(
    "--pixel-size", type=PIXEL_SIZE, metavar="SIZE", help="Size of a pixel, such as 0.25um: adds fields in that unit."
)
rate_option = click.option(
    "--rate", type=RATE, metavar="RATE", help="Samples per second, such as 16kHz: adds fields in milliseconds."
)


def _fit_option(default: str) -> Callable[[FC], FC]:
    return click.option(
        "--fit",
        type=click.Choice(FITS),
        default=default,
        show_default=True,
        help="A photograph of another shape than the input is refused, cropped, or padded with grey; never stretched.",
    )


fit_option, crop_option = _fit_option("refuse"), _fit_option("crop")
black_option = click.option(
    "--black", type=float, multiple=True, default=(0.0,), show_default=True, help="Black in the input."
)
white_option = click.option(
    "--white", type=float, multiple=True, default=(1.0,), show_default=True, help="White in the input."
)
lang_option = click.option(
    "--lang", type=click.Choice(LANGUAGES), default="en", show_default=True, help="English or Chinese."
)


def level(given: tuple[float, ...]) -> float | tuple[float, ...]:
    """``--black`` or ``--white``: given once, the number for all channels."""
    return given if len(given) > 1 else given[0]


def plain_json(as_json: bool, lang: str) -> None:
    """InputError where JSON is asked for in a language: it holds names and numbers alone."""
    if as_json and lang != "en":
        raise InputError(f"--json is the same in every language; leave out --lang {lang}")
