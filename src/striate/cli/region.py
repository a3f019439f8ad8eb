"""striate region and reach: what one unit reads, and what one pixel can change."""

from __future__ import annotations

from pathlib import Path

import click

from striate.cli.options import fit_option, lang_option, plain_json
from striate.cli.parsing import FILE, POSITION, UNIT
from striate.cli.pictures import drawn, kind_of, model_for
from striate.cli.question import Question, local_option, model_options
from striate.cli.terminal import deliver, progress, say
from striate.errors import InputError
from striate.fields import Region, reach, region
from striate.fields.unit import At
from striate.show import to_json
from striate.show.answers import reach_document, reach_lines, region_document, region_lines
from striate.show.heat import counts_sketch
from striate.show.maps import maps_sketch
from striate.show.report import region_picture

DRAWINGS = ("field", "maps", "paths")


@click.command("region")
@model_options
@local_option
@click.argument("layer")
@click.argument("at", type=UNIT, metavar="Y,X")
@click.option("--channel", type=click.IntRange(0), help="One channel of the layer (default: all together).")
@click.option("--json", "as_json", is_flag=True, help="JSON, with the exact cover where it has holes.")
@click.option("--counts", is_flag=True, help="Count the paths from every pixel.")
@click.option(
    "--with", "others", multiple=True, metavar="LAYER", help="Also draw this layer's unit over the same place, or map."
)
@click.option(
    "--draw",
    type=click.Choice(DRAWINGS),
    default="field",
    show_default=True,
    help="The field on the picture, the maps between input and unit, or a heat map of the path counts.",
)
@click.option("--image", type=FILE, help="The photograph to draw on.")
@fit_option
@click.option(
    "--size", type=click.IntRange(200, 4000), default=512, show_default=True, help="Height of the picture in pixels."
)
@click.option("--out", type=FILE, help="Where the picture goes: .png or .svg.")
@lang_option
def region_command(
    question: Question,
    layer: str,
    at: At,
    channel: int | None,
    as_json: bool,
    counts: bool,
    others: tuple[str, ...],
    draw: str,
    image: Path | None,
    fit: str,
    size: int,
    out: Path | None,
    lang: str,
) -> None:
    """The input pixels that one unit reads: hull, exact cover with its holes, channels.

    Y,X is the unit's place in LAYER, one index per spatial axis; a token of a transformer is named by its place on the
    grid or by its index alone, a token of a window by the window's place and the one within it, 0,1/3,5. Without
    --image the picture is drawn on grey; that of a unit behind a global operator shows its local field and names the
    operator.

    \b
    Examples:
      striate region model.onnx layer4 3,3 --input 1x3x224x224
      striate region model.onnx layer4 3,3 --image photo.jpg --out field.png --with layer1 --with layer2
      striate region model.onnx layer4 3,3 --input 1x3x224x224 --draw maps --out maps.svg
      striate region vit.onnx ln_1 17 --input 1x3x224x224
      striate region swin.onnx qkv 0,1/3,5 --input 1x3x224x224
      striate region model.onnx layer4 3,3 --input 1x3x224x224 --local --draw paths --out paths.png
    """
    if (image is not None or others or draw != "field") and out is None:
        raise InputError("a picture needs --out, such as --out field.png")
    if image is not None and draw != "field":
        raise InputError(f"--image belongs to --draw field; --draw {draw} shows no photograph")
    plain_json(as_json, lang)
    if out is not None:
        kind_of(out, lang=lang)
    if out is not None and draw == "field" and lang != "en":
        raise InputError(f"--draw field has no Chinese letters: leave out --lang {lang}, or --draw maps or paths")
    with progress("reading the model"):
        fields = question.fields() if image is None else question.fields_of(model_for(question, image))
        seen = region(fields, layer, at, channel)
        if out is not None:
            deliver(_picture(seen, draw, others, image, fit, size, out, lang), out)
    if as_json:
        deliver(to_json(region_document(question.model, seen, counts)), None)
        return
    for line in region_lines(seen, counts, lang):
        say(line)


def _picture(
    seen: Region, draw: str, others: tuple[str, ...], image: Path | None, fit: str, size: int, out: Path, lang: str
) -> bytes | str:
    if draw == "maps":
        return drawn(maps_sketch(seen, others, lang), out)
    if draw == "paths":
        return drawn(counts_sketch(seen, lang), out)
    return region_picture(seen, others, image, kind_of(out), fit, size)


@click.command("reach")
@model_options
@local_option
@click.argument("layer")
@click.argument("at", type=POSITION, metavar="Y,X")
@click.option("--channel", type=click.IntRange(0), help="One channel of the input (default: all together).")
@click.option("--json", "as_json", is_flag=True, help="JSON, with the exact cover where it has holes.")
@lang_option
def reach_command(
    question: Question, layer: str, at: tuple[int, ...], channel: int | None, as_json: bool, lang: str
) -> None:
    """The units of LAYER that the input pixel at Y,X can change.

    \b
    Example:
      striate reach model.onnx layer4 112,112 --input 1x3x224x224
    """
    plain_json(as_json, lang)
    with progress("reading the model"):
        fields = question.fields()
        reached = reach(fields, at, layer, channel)
    if as_json:
        deliver(to_json(reach_document(question.model, fields, reached)), None)
        return
    for line in reach_lines(fields, reached, lang):
        say(line)
