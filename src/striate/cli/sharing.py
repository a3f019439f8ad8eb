"""striate sharing: what each convolution of a network saves by sharing its kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import click

from striate.cli.options import lang_option, plain_json
from striate.cli.question import Question, model_options
from striate.cli.terminal import deliver, progress, say
from striate.explore import Sharing, Shift, sharing
from striate.network.network import sized
from striate.show import to_json
from striate.show.grid import Column, Grid, Kind
from striate.show.words import word
from striate.version import striate_version

COLUMNS = (
    Column("layer", Kind.NAME), Column("kernel", leaves=4), Column("shared", Kind.COUNT, right=True),
    Column("locally connected", Kind.COUNT, right=True), Column("dense", Kind.COUNT, right=True),
    Column("MACs", Kind.COUNT, 3, right=True), Column("MACs inside", Kind.COUNT, 1, right=True),
    Column("dense MACs", Kind.COUNT, 2, right=True), Column("moved", leaves=5), Column("map equal"),
)  # fmt: skip


@click.command("sharing")
@model_options
@click.argument("layer", required=False)
@click.option("--no-shift", is_flag=True, help="Count alone; the network is not run.")
@click.option("--json", "as_json", is_flag=True, help="JSON, every number of every layer.")
@lang_option
def sharing_command(question: Question, layer: str | None, no_shift: bool, as_json: bool, lang: str) -> None:
    """What convolutions save: parameters and multiply-adds beside a locally connected and a dense layer.

    A locally connected layer has the same windows and a kernel of its own at every place; a dense one joins every
    value to every unit. What sharing gives beside is shown by running the network: moved by its stride, the picture
    moves the map by one unit. Of one LAYER all numbers stand in full.

    \b
    Examples:
      striate sharing model.onnx --input 1x3x224x224
      striate sharing model.onnx conv1 --input 1x3x224x224 --lang zh
    """
    plain_json(as_json, lang)
    model = question.open()
    with progress("moving the picture") as tell:
        found = sharing(model, layer, shift=not no_shift, layout=question.layout, progress=tell)
    if as_json:
        layers = [_document(one) for one in found]
        deliver(to_json({"striate": striate_version(), "model": model.name, "layers": layers}), None)
    elif layer is not None:
        for line in _told(found[0], lang):
            say(line)
    else:
        shown = ", ".join(f"{name} {sized(model.network.shapes[name])}" for name in model.network.inputs)
        title = word("sharing_title", lang, model=model.name, input=shown)
        say(Grid(COLUMNS, tuple(_row(one, lang) for one in found), title, lang, ("--json",)))
        say(word("sharing_note", lang))
        if not no_shift:
            say(word("shift_note", lang))


def _row(one: Sharing, lang: str) -> tuple[str, ...]:
    counts = (
        one.convolution.parameters, one.local.parameters, one.dense.parameters,
        one.convolution.macs, one.convolution.macs_inside, one.dense.macs,
    )  # fmt: skip
    moved = _moved(one.shift, lang) if isinstance(one.shift, Shift) else ("-", "-")
    return (one.layer, sized(one.kernel), *(f"{count:,}" for count in counts), *moved)


def _moved(shift: Shift, lang: str) -> tuple[str, str]:
    step = word("shift_step", lang, pixels=_once(shift.pixels), units=_once(shift.units))
    return step, _equal(shift, lang)


def _once(numbers: Sequence[int]) -> str:
    """One number where all agree."""
    return str(numbers[0]) if len(set(numbers)) == 1 else ",".join(map(str, numbers))


def _equal(shift: Shift, lang: str) -> str:
    kind = "to_the_bit" if shift.bitwise else "within" if shift.holds else "apart"
    return word(kind, lang, difference=shift.difference / (shift.largest or 1.0))


def _told(one: Sharing, lang: str) -> list[str | Grid]:
    """All of one layer: its counts as a table, what it saves, and what came of the shift."""
    groups = word("one_group" if one.groups == 1 else "several_groups", lang, groups=one.groups)
    title = word(
        "sharing_layer", lang, layer=one.layer, input=sized(one.input), output=sized(one.output),
        kernel=sized(one.kernel), stride=_once(one.stride), groups=groups,
    )  # fmt: skip
    kinds = (one.convolution, one.local, one.dense)
    measures = {
        "weights": [kind.weights for kind in kinds],
        "biases": [kind.biases for kind in kinds],
        "padding counted": [kind.macs for kind in kinds],
        "padding left out": [kind.macs_inside for kind in kinds],
    }
    heads = (Column(""), *(Column(head, right=True) for head in ("convolution", "locally connected", "dense")))
    rows = tuple((word(name, lang), *(f"{count:,}" for count in counts)) for name, counts in measures.items())
    local, dense = one.saved
    saves = word("sharing_saves", lang, local=local, dense=dense)
    return [Grid(heads, rows, title, lang), saves, _shift_said(one, lang)]


def _shift_said(one: Sharing, lang: str) -> str:
    shift = one.shift
    if not isinstance(shift, Shift):
        return word("shift_unmeasured", lang, reason=word(f"unmeasured_{shift.name.lower()}", lang))
    return word(
        "shift_said" if shift.holds else "shift_differs", lang, pixels=_once(shift.pixels), at=shift.seen_at,
        units=_once(shift.units), compared=sized(shift.compared), equal=_equal(shift, lang),
        difference=shift.difference, unmoved=shift.unmoved, largest=shift.largest,
    )  # fmt: skip


def _document(one: Sharing) -> dict[str, object]:
    """Everything in plain numbers; the shift is null where it was not measured, and the reason stands beside."""
    shift = one.shift
    measured = {**asdict(shift), "bitwise": shift.bitwise, "holds": shift.holds} if isinstance(shift, Shift) else None
    plain = {name: value for name, value in asdict(one).items() if name != "shift"}
    return {**plain, "shift": measured, "unmeasured": None if isinstance(shift, Shift) else shift.value}
