"""striate region and reach: what one unit reads, and what one pixel can change."""

from __future__ import annotations

from pathlib import Path

import click

from striate.cli.models import open_for_photo
from striate.cli.options import FILE, POSITION, Question, model_options
from striate.cli.terminal import deliver, progress, say
from striate.errors import InputError
from striate.fields import Fields, reach, region
from striate.show import read_photo, to_json
from striate.show.answers import reach_document, reach_lines, region_document, region_lines
from striate.show.report import region_picture


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
        seen = region(fields, layer, at, channel)
        if out is not None:
            deliver(region_picture(seen, others, image, out.suffix[1:].lower()), out)
    if as_json:
        deliver(to_json(region_document(question.model, seen, counts)), None)
        return
    for line in region_lines(seen, counts):
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
        reached = reach(question.fields(), at, layer, channel)
    if as_json:
        deliver(to_json(reach_document(question.model, reached)), None)
        return
    for line in reach_lines(reached):
        say(line)


def _fields_for(question: Question, image: Path | None) -> Fields:
    """The fields of a model, at the photograph's size where its input is free and no shape is given."""
    if image is None or question.shapes is not None:
        return question.fields()
    size = read_photo(image).shape[:2]
    return question.fields_of(open_for_photo(question.model, size, question.unknown, question.given))
