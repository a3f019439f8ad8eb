"""striate fields: the receptive field of every layer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import RenderableType

from striate.cli.options import lang_option, pixel_size_option, rate_option
from striate.cli.parsing import COLUMNS, FILE
from striate.cli.question import Question, model_options
from striate.cli.terminal import deliver, plain_text, progress, say
from striate.errors import InputError
from striate.fields import Fields
from striate.show import (
    Document,
    Scale,
    describe,
    fields_table,
    notes,
    scales_for,
    select_layers,
    summary,
    to_csv,
    to_html,
    to_json,
    to_markdown,
)
from striate.show.chart import chart_sketch
from striate.show.report import report_picture, row_pictures
from striate.show.sketch import to_svg

FORMATS = ("summary", "table", "json", "csv", "markdown", "html", "svg")
WITH_COLUMNS = ("table", "csv", "markdown")
IN_WORDS = ("summary", "table", "markdown", "html", "svg")


@click.command("fields")
@model_options
@click.option("--all", "everything", is_flag=True, help="Every layer as a table: --format table.")
@click.option("--layer", "layers", multiple=True, metavar="NAME", help="Only this layer; * and ? match; repeatable.")
@click.option("--depth", type=click.IntRange(1), metavar="N", help="Stages: names of at most N parts, costs summed.")
@click.option(
    "--only", multiple=True, metavar="OP", help="Only operators with OP in their name, such as conv; repeatable."
)
@click.option("--columns", type=COLUMNS, metavar="A,B", help="Only these columns, in this order.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="Form of the answer (default: a summary; a table where layers are chosen).",
)
@pixel_size_option
@rate_option
@lang_option
@click.option("--image", type=FILE, help="A photograph to draw one unit's field on, in the HTML report.")
@click.option("--out", type=FILE, help="Write to this file instead of stdout.")
def fields_command(
    question: Question,
    everything: bool,
    layers: tuple[str, ...],
    depth: int | None,
    only: tuple[str, ...],
    columns: tuple[str, ...] | None,
    form: str | None,
    pixel_size: Scale | None,
    rate: Scale | None,
    lang: str,
    image: Path | None,
    out: Path | None,
) -> None:
    """Where the receptive field grows, on one screen; every layer's size, stride, start, status, shape, costs.

    \b
    Examples:
      striate fields model.onnx --input 1x3x224x224
      striate fields torchvision.models:resnet18 --input 1x3x224x224 --depth 1
      striate fields model.onnx --all --only conv --columns layer,size,stride,start
      striate fields model.onnx --format svg --out chart.svg
      striate fields model.onnx --pixel-size 0.25um --format html --image photo.jpg --out report.html
    """
    chosen = columns or ()
    part = bool(everything or layers or depth or only or chosen)
    form = form or ("table" if part else "summary")
    if form == "summary" and part:
        raise InputError("--format summary speaks of the whole network; layers are chosen for the other formats")
    if everything and (layers or depth or form != "table"):
        raise InputError("--all is every layer as a table; leave it out to choose layers or another format")
    if chosen and form not in WITH_COLUMNS:
        raise InputError(f"--columns belongs to --format {', '.join(WITH_COLUMNS)}")
    if image is not None and form != "html":
        raise InputError("--image belongs to --format html; for a picture alone see: striate region --help")
    if lang != "en" and form not in IN_WORDS:
        worded = ", ".join(IN_WORDS)
        raise InputError(f"--lang {lang} belongs to --format {worded}; {form} is the same in every language")
    with progress("reading the model"):
        fields = question.fields()
        scales = scales_for(fields.spatial, pixel_size, rate)
        if form == "summary":
            parts: Sequence[RenderableType] = summary(fields, Path(question.model).name, scales, lang)
        else:
            document = describe(fields, select_layers(fields, layers, depth, only), question.model, scales)
            parts = _parts(form, fields, document, chosen, lang, image)
    if form in ("summary", "table") and out is None:
        for text in parts:
            say(text)
    else:
        deliver("".join(plain_text(text) if form in ("summary", "table") else str(text) for text in parts), out)


def _parts(
    form: str, fields: Fields, document: Document, columns: Sequence[str], lang: str, image: Path | None
) -> Sequence[RenderableType]:
    match form:
        case "table":
            return (fields_table(document, lang, columns), *notes(document, lang))
        case "html":
            picture = report_picture(fields, document, image, lang)
            return (to_html(document, picture, lang, row_pictures(fields, document, image, lang)),)
        case "csv":
            return (to_csv(document, columns),)
        case "markdown":
            return (to_markdown(document, lang, columns),)
        case "svg":
            chart = chart_sketch(document, lang)
            if chart is None:
                raise InputError("no layer has a field of a size: there is no chart")
            return (to_svg(chart),)
        case _:
            return (to_json(document),)
