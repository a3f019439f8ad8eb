"""striate check: the claimed fields, proved on the model itself."""

from __future__ import annotations

from pathlib import Path

import click

from striate.check import CheckReport, check
from striate.cli.app import DISAGREED
from striate.cli.models import open_model
from striate.cli.options import lang_option
from striate.cli.parsing import FILE, UNIT
from striate.cli.pictures import drawn, kind_of
from striate.cli.proofs import document_of
from striate.cli.question import (
    Shaped,
    dtype_option,
    given_of,
    input_option,
    layout_option,
    named_input,
    set_option,
    shapes_of,
    source_option,
)
from striate.cli.terminal import deliver, progress, say
from striate.errors import InputError
from striate.fields.unit import At
from striate.show import to_json
from striate.show.proof_picture import proof_sketch
from striate.show.proofs import proofs


@click.command("check")
@click.argument("model")
@input_option
@click.option(
    "--layer", "layers", multiple=True, metavar="NAME", help="A layer to check (default: a dozen, evenly spread)."
)
@click.option("--unit", "units", type=UNIT, multiple=True, metavar="Y,X", help="A unit to check in every layer.")
@set_option
@dtype_option
@source_option
@layout_option
@click.option("--local", is_flag=True, help="Check the fields without paths through global operators.")
@click.option("--all", "everything", is_flag=True, help="Every claimed pixel of every unit of the layers.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Chooses the random units and pixels."
)
@click.option(
    "--passes", type=click.IntRange(1), help="At most so many passes that light pixels (default: by the model's size)."
)
@lang_option
@click.option("--json", "as_json", is_flag=True, help="JSON, with every unit and extent.")
@click.option("--out", type=FILE, help="A picture of what was claimed and proved of one unit: .png or .svg.")
def check_command(
    model: str,
    inputs: Shaped,
    layers: tuple[str, ...],
    units: tuple[At, ...],
    values: tuple[tuple[str, bool | int | float], ...],
    dtypes: tuple[tuple[str, str], ...],
    source: str | None,
    layout: str | None,
    local: bool,
    everything: bool,
    seed: int,
    passes: int | None,
    lang: str,
    as_json: bool,
    out: Path | None,
) -> None:
    """Prove the claimed fields on the model itself, run by onnxruntime or torch.

    A twin of the network with positive weights answers exactly where a pixel is read; the model as it is must not
    change by a bit when all it is not said to read is replaced by noise. Tells for some units how many pixels are
    claimed, how many were lit and reached the unit, how many beyond the claim were proved not to; the last line says
    what is proved and what is not. Exits 1 where a unit disagrees.

    The picture is of the first unit that disagrees or has pixels left, else of the last layer's first unit; --layer
    and --unit choose another.

    \b
    Examples:
      striate check model.onnx --input 1x3x224x224 --layer layer4
      striate check model.onnx --input 1x3x224x224 --layer layer4 --unit 3,3 --out proof.png
      striate check model.onnx --input 1x3x224x224 --layer layer1 --all
    """
    if out is not None:
        kind_of(out)
    if as_json and lang != "en":
        raise InputError(f"--json is the same in every language; leave out --lang {lang}")
    with progress("checking") as report:
        answer = check(
            open_model(model, shapes_of(inputs), given=given_of(dtypes, values)),
            None,
            list(layers) or None,
            list(units) or None,
            seed,
            report,
            passes,
            named_input(inputs) if source is None else source,
            layout,
            local=local,
            everything=everything,
        )
    if out is not None:
        deliver(_picture(answer, out, lang), out)
    document = document_of(model, answer)
    if as_json:
        deliver(to_json(document), None)
    else:
        for part in proofs(document, lang):
            say(part)
    if not answer.ok:
        raise click.exceptions.Exit(DISAGREED)


def _picture(answer: CheckReport, out: Path, lang: str) -> bytes | str:
    drawable = [unit for unit in answer.units if unit.pixels is not None]
    if not drawable:
        raise InputError("no unit has the shape that is claimed: there is nothing to draw")
    last = [unit for unit in drawable if unit.layer == drawable[-1].layer]
    chosen = next((unit for unit in drawable if not unit.ok or unit.left), last[0])
    assert chosen.pixels is not None
    name, hidden = f"{chosen.layer} {chosen.at}", chosen.outside < chosen.others
    return drawn(proof_sketch(name, chosen.pixels.claimed, chosen.pixels.proved, lang, hidden=hidden), out)
