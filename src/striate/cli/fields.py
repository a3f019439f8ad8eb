"""striate fields: the receptive field of every layer."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import RenderableType

from striate.cli.options import FILE, Question, lang_option, model_options, pixel_size_option, rate_option
from striate.cli.terminal import deliver, plain_text, progress, say
from striate.errors import InputError
from striate.show import (
    Scale,
    describe,
    fields_table,
    notes,
    scales_for,
    select_layers,
    to_csv,
    to_html,
    to_json,
    to_markdown,
)
from striate.show.report import report_picture

WRITERS = {"json": to_json, "csv": to_csv, "markdown": to_markdown}
FORMATS = ("table", *WRITERS, "html")


@click.command("fields")
@model_options
@click.option("--layer", "layers", multiple=True, metavar="NAME", help="Only this layer; * and ? match; repeatable.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="Form of the answer."
)
@pixel_size_option
@rate_option
@lang_option
@click.option("--image", type=FILE, help="A photograph to draw one unit's field on, in the HTML report.")
@click.option("--out", type=FILE, help="Write to this file instead of stdout.")
def fields_command(
    question: Question,
    layers: tuple[str, ...],
    form: str,
    pixel_size: Scale | None,
    rate: Scale | None,
    lang: str,
    image: Path | None,
    out: Path | None,
) -> None:
    """The receptive field of every layer: size, stride, start, status, shape, costs.

    \b
    Examples:
      striate fields model.onnx --input 1x3x224x224
      striate fields torchvision.models:resnet18 --input 1x3x224x224 --layer 'layer4*' --format json
      striate fields model.onnx --pixel-size 0.25um --format html --image photo.jpg --out report.html
    """
    if image is not None and form != "html":
        raise InputError("--image belongs to --format html; for a picture alone see: striate region --help")
    with progress("reading the model"):
        fields = question.fields()
        scales = scales_for(fields.spatial, pixel_size, rate)
        document = describe(fields, select_layers(fields, layers), question.model, scales)
        page = to_html(document, report_picture(fields, document, image), lang) if form == "html" else None
    if page is not None:
        deliver(page, out)
    elif form == "table":
        parts: tuple[RenderableType, ...] = (fields_table(document, lang), *notes(document, lang))
        if out is None:
            for part in parts:
                say(part)
        else:
            deliver("".join(map(plain_text, parts)), out)
    else:
        deliver(WRITERS[form](document), out)
