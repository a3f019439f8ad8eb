"""striate check: the claimed fields, proved on the model itself."""

from __future__ import annotations

from dataclasses import replace

import click

from striate.check import check
from striate.cli.app import DISAGREED
from striate.cli.models import open_model
from striate.cli.options import (
    POSITION,
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
from striate.cli.terminal import progress, say


@click.command("check")
@click.argument("model")
@input_option
@click.option(
    "--layer", "layers", multiple=True, metavar="NAME", help="A layer to check (default: a dozen, evenly spread)."
)
@click.option("--unit", "units", type=POSITION, multiple=True, metavar="Y,X", help="A unit to check in every layer.")
@set_option
@dtype_option
@source_option
@layout_option
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Chooses the random units and pixels."
)
@click.option(
    "--passes", type=click.IntRange(1), help="At most so many passes that light pixels (default: by the model's size)."
)
def check_command(
    model: str,
    inputs: Shaped,
    layers: tuple[str, ...],
    units: tuple[tuple[int, ...], ...],
    values: tuple[tuple[str, bool | int | float], ...],
    dtypes: tuple[tuple[str, str], ...],
    source: str | None,
    layout: str | None,
    seed: int,
    passes: int | None,
) -> None:
    """Prove the claimed fields on the model itself, run by onnxruntime or torch.

    A twin of the network with positive weights answers exactly where a pixel is read; the model as it is must not
    change by a bit when all it is not said to read is replaced by noise. Prints what was proved, and exits 1 where
    a unit disagrees.

    \b
    Example:
      striate check model.onnx --input 1x3x224x224 --layer layer4
    """
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
        )
    for line in replace(answer, model=model).lines():
        say(line)
    if not answer.ok:
        raise click.exceptions.Exit(DISAGREED)
