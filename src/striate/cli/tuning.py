"""striate tuning: the experiment of Hubel and Wiesel on a layer."""

from __future__ import annotations

from collections.abc import Callable
from math import isnan
from pathlib import Path

import click
import numpy as np

from striate.cli.options import black_option, lang_option, level, white_option
from striate.cli.parsing import FILE
from striate.cli.pictures import drawn, kind_of
from striate.cli.question import Question, model_options
from striate.cli.tables import csv_text
from striate.cli.terminal import deliver, progress, say
from striate.errors import InputError, UnsupportedError
from striate.explore import Tuning, tuning
from striate.explore.control import shuffled
from striate.explore.cover import Floats
from striate.explore.tuning import KINDS, Kind
from striate.formats.model import Model
from striate.show.rings import Ring, rings_sketch
from striate.show.tuned import Tuned, tuned_page
from striate.show.words import word
from striate.version import striate_version

MOST_LISTED = 16
CSV_COLUMNS = (
    *("channel", "preferred", "preferred_tested", "osi", "cv", "half_bandwidth", "orthogonal"),
    *("scale", "octaves", "f1f0", "polarity"),
)
DECIMALS = {"preferred": 1, "preferred_tested": 1, "half_bandwidth": 1, "scale": 4}


@click.command("tuning")
@model_options
@click.argument("layer")
@click.option("--channel", "channels", type=click.IntRange(0), multiple=True, help="One channel; repeatable.")
@click.option("--stimulus", type=click.Choice(KINDS), default="grating", show_default=True, help="What is shown.")
@click.option("--angles", type=click.IntRange(3, 360), default=24, show_default=True, help="Angles in half a turn.")
@click.option("--phases", type=click.IntRange(3, 360), default=16, show_default=True, help="Phases of a grating.")
@click.option("--frequency", "frequencies", type=float, multiple=True, help="Cycles per pixel; repeatable.")
@click.option("--width", "widths", type=float, multiple=True, help="Width of a bar in pixels; repeatable.")
@black_option
@white_option
@click.option("--no-control", is_flag=True, help="Leave out the same layer with shuffled weights.")
@click.option("--out", type=FILE, help="A page as .html, rings as .png or .svg, or a table of all channels as .csv.")
@lang_option
def tuning_command(
    question: Question,
    layer: str,
    channels: tuple[int, ...],
    stimulus: Kind,
    angles: int,
    phases: int,
    frequencies: tuple[float, ...],
    widths: tuple[float, ...],
    black: tuple[float, ...],
    white: tuple[float, ...],
    no_control: bool,
    out: Path | None,
    lang: str,
) -> None:
    """Which angle, frequency and phase each channel of LAYER prefers, shown bars or gratings on its exact field.

    Black and white are the numbers that the network's input has there: one for all channels, or the option once for
    each. Every number stands beside the same layer's with its weights shuffled, which is what depth alone gives.

    \b
    Examples:
      striate tuning model.onnx conv1 --input 1x3x224x224 --out report.html
      striate tuning model.onnx conv1 --input 1x3x224x224 --channel 5 --stimulus bar --black -1 --white 1
    """
    kind = None if out is None else kind_of(out, ("html", "png", "svg", "csv"))
    if lang != "en" and kind != "html":
        raise InputError(f"the page speaks Chinese: give --out report.html, or leave out --lang {lang}")

    def tuned(model: Model, label: str) -> Tuning:
        with progress(label) as tell:
            return tuning(
                model, layer, channels=channels or None, angles=angles, phases=phases,
                frequencies=frequencies or None, widths=widths or None, stimulus=stimulus,
                black=level(black), white=level(white), layout=question.layout, progress=tell,
            )  # fmt: skip

    model = question.open()
    found = tuned(model, "showing stimuli")
    control = None if no_control else _control(model, tuned)
    if out is not None and kind == "html":
        deliver(tuned_page(_page(found, control, model.name, lang), striate_version(), lang), out)
    elif out is not None and kind == "csv":
        deliver(_csv(found), out)
    elif out is not None:
        sketch = rings_sketch(_rings(found), f"{layer} of {model.name}", _summary(found, control))
        deliver(drawn(sketch, out), out)
    for line in (*_summary(found, control), *_listed(found), *_formulas(found)):
        say(line)
    if control is None and not no_control:
        say(f"no control: {model.name} holds no convolution's weights to shuffle")


def _control(model: Model, tuned: Callable[[Model, str], Tuning]) -> Tuning | None:
    """The same of the model with shuffled weights; None where it has no convolution of its own weights."""
    try:
        other = shuffled(model)
    except UnsupportedError:
        return None
    return tuned(other, "the control")


def _summary(found: Tuning, control: Tuning | None) -> list[str]:
    height, width = found.field.shape
    count, angles, places = len(found.channels), _counted(len(found.angles), "angle"), len(found.places)
    match found.stimulus:
        case "grating":
            shown = f"{_counted(len(found.scales), 'frequency', 'frequencies')} x {places} phases"
        case "bar":
            shown = f"{_counted(len(found.scales), 'width')} x {places} positions, light and dark"
        case _:
            shown = f"{places} positions, light and dark"
    silent = f"{int(found.dead.sum())} dead, {int(found.unresponsive.sum())} never above the blank"
    return [
        f"field {height} x {width}, filled; {angles} x {shown}",
        f"{_counted(count, 'channel')}: {silent}",
        f"median OSI {_medians('osi', found, control)}; median F1/F0 {_medians('f1f0', found, control)}",
    ]


def _counted(count: int, one: str, several: str = "") -> str:
    return f"{count} {one if count == 1 else several or f'{one}s'}"


def _medians(measure: str, found: Tuning, control: Tuning | None) -> str:
    """A measure's median, and the control's."""
    ours, theirs = (None if t is None else _median(getattr(t, measure)) for t in (found, control))
    return f"{ours}" if theirs is None else f"{ours} (weights shuffled: {theirs})"


def _median(values: Floats) -> str:
    kept = values[~np.isnan(values)]
    return f"{np.median(kept):.2f}" if len(kept) else "n/a"


def _listed(found: Tuning) -> list[str]:
    """The channels that answer, the most selective first; as many as stand on a screen."""
    order = [k for k in _order(found) if not isnan(found.osi[k])]
    heads = f"{'channel':>7}  {'angle':>6}  {'OSI':>5}  {'half-bw':>7}  {'scale':>7}  {'F1/F0':>5}  kind"
    rows = [_row(found, k) for k in order[:MOST_LISTED]]
    more = len(order) - len(rows)
    return [heads, *rows, *([f"and {more} more; --out table.csv has all"] if more else [])] if rows else []


def _order(found: Tuning) -> list[int]:
    """All channels, the most selective first."""
    return [int(k) for k in np.argsort(-np.nan_to_num(found.osi, nan=-1.0), kind="stable")]


def _row(found: Tuning, k: int) -> str:
    numbers = (
        f"{_text(found.preferred[k], 1):>6}", f"{_text(found.osi[k], 2):>5}", f"{_text(found.half_bandwidth[k], 1):>7}",
        f"{_text(found.scale[k], 4):>7}", f"{_text(found.f1f0[k], 2):>5}",
    )  # fmt: skip
    return f"{found.channels[k]:>7}  {'  '.join(numbers)}  {found.kind(found.channels[k])}"


def _formulas(found: Tuning) -> list[str]:
    told = found.formulas
    lines = [f"angle = {told['preferred']}", told["osi"], told["response"], told["curve"]]
    return [*lines, told["f1f0"]] if found.stimulus == "grating" else lines


def _rings(found: Tuning, channel_word: str = "channel") -> list[Ring]:
    angles, curves, preferred = found.angles.tolist(), found.curve.tolist(), found.preferred.tolist()
    return [
        Ring(f"{channel_word} {channel}", angles, curves[k], preferred[k], _told(found, k))
        for k, channel in enumerate(found.channels)
    ]


def _page(found: Tuning, control: Tuning | None, model: str, lang: str) -> Tuned:
    """What the page tells, the most selective channels' rings first."""
    rings, order = _rings(found, word("tuning_channel", lang)), _order(found)
    return Tuned(
        model, found.layer, found.stimulus, found.field.shape,
        (len(found.angles), len(found.scales), len(found.places)), found.channels,
        {name: getattr(found, name) for name in CSV_COLUMNS[1:]},
        {} if control is None else {name: getattr(control, name) for name in ("osi", "f1f0")},
        [_kind(found, k) for k in range(len(found.channels))], [rings[k] for k in order],
    )  # fmt: skip


def _kind(found: Tuning, k: int) -> str:
    if found.dead[k] or found.unresponsive[k]:
        return "dead" if found.dead[k] else "unresponsive"
    return "" if isnan(found.f1f0[k]) else found.kind(found.channels[k]).partition("-")[0]


def _told(found: Tuning, k: int) -> tuple[str, ...]:
    if isnan(found.osi[k]):
        return ("dead" if found.dead[k] else "n/a",)
    selective = f"OSI {found.osi[k]:.2f}"
    return (selective,) if isnan(found.f1f0[k]) else (selective, f"F1/F0 {found.f1f0[k]:.2f}")


def _csv(found: Tuning) -> str:
    """One row for each channel; empty where there is nothing to measure."""
    values = {name: getattr(found, name) for name in CSV_COLUMNS[1:]}
    return csv_text(
        CSV_COLUMNS,
        (
            [channel, *(_text(row[k], DECIMALS.get(name, 4), none="") for name, row in values.items())]
            for k, channel in enumerate(found.channels)
        ),
    )


def _text(value: float, decimals: int, none: str = "n/a") -> str:
    return none if isnan(value) else f"{value:.{decimals}f}"
