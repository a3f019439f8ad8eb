"""Commands that ask a network: fields, region, reach, sweep, compare."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
import numpy as np
from rich.console import RenderableType

from striate.cli.app import DISAGREED
from striate.cli.models import open_for_photo, open_model
from striate.cli.options import (
    FILE,
    POSITION,
    SHAPE,
    SIZES,
    Question,
    lang_option,
    model_options,
    named_input,
    pixel_size_option,
    rate_option,
    shapes_of,
)
from striate.cli.terminal import deliver, plain_text, progress, say
from striate.errors import InputError
from striate.fields import Fields, Region, compare, reach, region, sweep
from striate.progress import ticking
from striate.show import (
    Document,
    Scale,
    describe,
    field_picture,
    fields_table,
    figure_bytes,
    notes,
    read_photo,
    scales_for,
    select_layers,
    to_csv,
    to_html,
    to_json,
    to_markdown,
    view_of,
)
from striate.show.answers import (
    SWEEP_COLUMNS,
    compare_columns,
    compare_rows,
    reach_document,
    reach_lines,
    region_document,
    region_lines,
    sweep_rows,
)
from striate.show.picture import Photo, unit_under
from striate.show.tables import grid

WRITERS = {"json": to_json, "csv": to_csv, "markdown": to_markdown}
FORMATS = ("table", *WRITERS, "html")
PICTURED_DEPTHS = 4


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
        page = to_html(document, _report_picture(fields, document, image), lang) if form == "html" else None
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


@click.command("region")
@model_options
@click.argument("layer")
@click.argument("at", type=POSITION, metavar="Y,X")
@click.option("--channel", type=click.IntRange(0), help="One channel of the layer (default: all together).")
@click.option("--json", "as_json", is_flag=True, help="JSON, with the exact cover where it has holes.")
@click.option("--counts", is_flag=True, help="Count the paths from every pixel.")
@click.option(
    "--with", "others", multiple=True, metavar="LAYER", help="Also draw this layer's unit over the same place."
)
@click.option("--image", type=FILE, help="The photograph to draw on.")
@click.option("--out", type=FILE, help="Where the picture goes: .png or .svg.")
def region_command(
    question: Question,
    layer: str,
    at: tuple[int, ...],
    channel: int | None,
    as_json: bool,
    counts: bool,
    others: tuple[str, ...],
    image: Path | None,
    out: Path | None,
) -> None:
    """The input pixels that one unit reads: hull, exact cover with its holes, channels.

    Y,X is the unit's place in LAYER, one index per spatial axis. Without --image the picture is drawn on grey.

    \b
    Examples:
      striate region model.onnx layer4 3,3 --input 1x3x224x224
      striate region model.onnx layer4 3,3 --image photo.jpg --out field.png --with layer1 --with layer2
    """
    if (image is not None or others) and out is None:
        raise InputError("a picture needs --out, such as --out field.png")
    if out is not None and out.suffix.lower() not in (".png", ".svg"):
        raise InputError(f"{out}: the picture is a .png or .svg file")
    with progress("reading the model"):
        fields = _fields_for(question, image)
        found = region(fields, layer, at, channel)
        if out is not None:
            figure = field_picture(_sheet(fields, image), [view_of(part) for part in (*_over(found, others), found)])
            deliver(figure_bytes(figure, out.suffix[1:].lower()), out)
    if as_json:
        deliver(to_json(region_document(question.model, found, counts)), None)
        return
    for line in region_lines(found, counts):
        say(line)


@click.command("reach")
@model_options
@click.argument("layer")
@click.argument("at", type=POSITION, metavar="Y,X")
@click.option("--channel", type=click.IntRange(0), help="One channel of the input (default: all together).")
@click.option("--json", "as_json", is_flag=True, help="JSON, with the exact cover where it has holes.")
def reach_command(question: Question, layer: str, at: tuple[int, ...], channel: int | None, as_json: bool) -> None:
    """The units of LAYER that the input pixel at Y,X can change.

    \b
    Example:
      striate reach model.onnx layer4 112,112 --input 1x3x224x224
    """
    with progress("reading the model"):
        found = reach(question.fields(), at, layer, channel)
    if as_json:
        deliver(to_json(reach_document(question.model, found)), None)
        return
    for line in reach_lines(found):
        say(line)


@click.command("sweep")
@model_options
@click.argument("layer")
@click.argument("sizes", type=SIZES)
def sweep_command(question: Question, layer: str, sizes: list[int | tuple[int, ...]]) -> None:
    """The fields of LAYER at several input sizes, and the sizes at which nothing shifts.

    SIZES is 224,256,300x400 or first:last:step, last included.

    \b
    Example:
      striate sweep model.onnx layer4 220:228 --input 1x3x224x224
    """
    with progress("reading the model at each size") as report:
        network = open_model(question.model, question.shapes, question.unknown)
        answer = sweep(network, layer, ticking(sizes, report), question.source, question.layout)
    say(grid(SWEEP_COLUMNS, sweep_rows(answer), f"{layer} over input sizes"))
    still = ", ".join("x".join(map(str, size)) for size in answer.still) or "none of these"
    say(f"Nothing shifts at: {still}")


@click.command("compare")
@model_options
@click.argument("other")
@click.option(
    "--other-input",
    "other_inputs",
    type=SHAPE,
    multiple=True,
    metavar="SHAPE",
    help="Input shape of OTHER (default: the same).",
)
def compare_command(question: Question, other: str, other_inputs: tuple[tuple[str, tuple[int, ...]], ...]) -> None:
    """Two networks layer by layer: where shapes agree and pixels do not. Exits 1 where they differ.

    \b
    Example:
      striate compare ours.onnx theirs.onnx --input 1x3x224x224
    """
    with progress("reading the models"):
        shapes = shapes_of(other_inputs) or question.shapes
        wanted = named_input(other_inputs) or question.source
        network = open_model(other, shapes, question.unknown)
        source = wanted if wanted in network.inputs else None
        answer = compare(question.fields(), replace(question, model=other, source=source).fields_of(network))
    if answer.differences:
        say(grid(compare_columns(answer), compare_rows(answer), f"{question.model} and {other}"))
    for name, alone in ((question.model, answer.only_left), (other, answer.only_right)):
        if alone:
            say(f"Only in {name}: {', '.join(alone)}")
    say(f"{len(answer.paired)} layers paired, {len(answer.differences)} differences")
    if not answer.same:
        raise click.exceptions.Exit(DISAGREED)


def _fields_for(question: Question, image: Path | None) -> Fields:
    """The fields of a model, at the photograph's size where its input is free and no shape is given."""
    if image is None or question.shapes is not None:
        return question.fields()
    return question.fields_of(open_for_photo(question.model, read_photo(image).shape[:2], question.unknown))


def _over(found: Region, others: tuple[str, ...]) -> list[Region]:
    """The units of other layers that stand over the middle of a region."""
    middle = [side.start + side.size // 2 for side in found.hull]
    fields = found.fields
    return [region(fields, name, unit_under(fields, name, (middle[0], middle[-1]))) for name in others]


def _report_picture(fields: Fields, document: Document, image: Path | None) -> bytes | None:
    """One unit's field at several depths; None where the network has no picture to draw on."""
    if len(fields.spatial) != 2:
        if image is not None:
            raise InputError(f"--image needs an input with height and width; this one has {', '.join(fields.spatial)}")
        return None
    height, width = _plane(fields)
    middle = (height // 2, width // 2)
    views = [view_of(region(fields, name, unit_under(fields, name, middle))) for name in pictured_layers(document)]
    return figure_bytes(field_picture(_sheet(fields, image), views)) if views else None


def pictured_layers(document: Document) -> list[str]:
    """A few layers with bounded fields of different sizes, from the first to the last."""
    first: dict[tuple[int, ...], str] = {}
    for layer in document["layers"]:
        if len(layer["shape"]) == 4 and len(layer["axes"]) == 2 and all(axis["size"] for axis in layer["axes"]):
            first.setdefault(tuple(axis["size"] for axis in layer["axes"]), layer["name"])
    names = [name for size, name in first.items() if max(size) > 1]
    last = len(names) - 1
    places = [round(k * last / (PICTURED_DEPTHS - 1)) for k in range(PICTURED_DEPTHS)] if names else []
    return [names[k] for k in dict.fromkeys(places)]


def _plane(fields: Fields) -> tuple[int, int]:
    if tuple(fields.spatial) != ("height", "width"):
        raise InputError(f"a picture needs an input with height and width; this one has {', '.join(fields.spatial)}")
    shape = fields.network.shapes[fields.source]
    return shape[fields.spatial["height"]], shape[fields.spatial["width"]]


def _sheet(fields: Fields, image: Path | None) -> Photo:
    """What to draw on, of the input's size: the photograph, or plain grey."""
    if image is not None:
        return read_photo(image, _plane(fields))
    return np.full((*_plane(fields), 3), 190, dtype=np.uint8)
