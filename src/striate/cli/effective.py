"""striate effective: how the influence on one unit is spread over its field."""

from __future__ import annotations

from pathlib import Path

import click

from striate.cli.options import lang_option, plain_json
from striate.cli.parsing import FILE, UNIT
from striate.cli.pictures import drawn, kind_of
from striate.cli.question import Question, local_option, model_options
from striate.cli.terminal import deliver, progress, say
from striate.fields import effective_field
from striate.fields.unit import At
from striate.show import to_json
from striate.show.answers import effective_document, effective_lines
from striate.show.heat import effective_sketch


@click.command("effective")
@model_options
@local_option
@click.argument("layer")
@click.argument("at", type=UNIT, metavar="[Y,X]", required=False)
@click.option("--channel", type=click.IntRange(0), help="One channel of the layer (default: all together).")
@click.option("--json", "as_json", is_flag=True, help="JSON, with the weight of every pixel.")
@click.option("--out", type=FILE, help="A heat map with the radii: .png or .svg.")
@lang_option
def effective_command(
    question: Question,
    layer: str,
    at: At | None,
    channel: int | None,
    as_json: bool,
    out: Path | None,
    lang: str,
) -> None:
    """The effective field of a unit: how much each pixel weighs, by the share of all paths that it holds.

    Y,X is the unit's place in LAYER (default: the middle). The radii are those within which half, 68 % and 95 % of
    the weight lie (Luo et al., 2016).

    \b
    Example:
      striate effective model.onnx layer4 --input 1x3x224x224 --local --out effective.png
    """
    plain_json(as_json, lang)
    if out is not None:
        kind_of(out, lang=lang)
    with progress("reading the model"):
        fields = question.fields()
        found = effective_field(fields, layer, at, channel)
        if out is not None:
            deliver(drawn(effective_sketch(found, lang), out), out)
    if as_json:
        deliver(to_json(effective_document(question.model, fields, found)), None)
        return
    for line in effective_lines(fields, found, lang):
        say(line)
