"""The page on the experiment of Hubel and Wiesel: one file that needs no other, in English or Chinese."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import isnan

import numpy as np

from striate.show.look import filled
from striate.show.rings import Ring, rings_sketch
from striate.show.sketch import inline_svg
from striate.show.spread import Values, spread_sketch
from striate.show.words import word

MOST_RINGS = 64
DECIMALS = {"preferred": 1, "preferred_tested": 1, "half_bandwidth": 1, "scale": 4}
KINDS = ("dead", "unresponsive", "simple", "complex")


@dataclass(frozen=True, eq=False, slots=True)
class Tuned:
    """What the page tells: of each channel a number for each measure, and the control's numbers of two of them.

    ``kinds`` is one of ``KINDS`` for each channel, or empty; ``shown`` are counts of angles, scales and places.
    """

    model: str
    layer: str
    stimulus: str
    field: tuple[int, ...]
    shown: tuple[int, int, int]
    channels: Sequence[int]
    measures: Mapping[str, Values]
    control: Mapping[str, Values]
    kinds: Sequence[str]
    rings: Sequence[Ring]


def tuned_page(told: Tuned, version: str, lang: str = "en") -> str:
    """The page as one HTML document."""
    rings = told.rings[:MOST_RINGS]
    more = len(told.rings) - len(rings)
    note = word("tuning_rings_note", lang)
    return filled(
        "tuned.html",
        lang="zh-CN" if lang == "zh" else "en",
        model=escape(told.model),
        layer=escape(told.layer),
        title=word("tuning_title", lang),
        facts="".join(f"<div><dt>{head}</dt><dd>{text}</dd></div>" for head, text in _facts(told, lang)),
        population_word=word("tuning_population", lang),
        population_note=word("tuning_population_note", lang),
        spreads="".join(f"<figure>{svg}</figure>" for svg in _spreads(told, lang)),
        rings_word=word("tuning_rings", lang),
        rings_note=f"{note} {word('tuning_rings_more', lang, count=more)}" if more else note,
        rings=inline_svg(rings_sketch(rings, "", ())),
        table_word=word("tuning_table", lang),
        sort_note=word("sort_note", lang),
        heads="".join(f'<th scope="col"><button type="button">{head}</button></th>' for head in _heads(told, lang)),
        rows="\n".join(_rows(told, lang)),
        formulas_word=word("tuning_formulas", lang),
        formulas="".join(f"<li>{escape(line)}</li>" for line in _formulas(told, lang)),
        made_by=word("made_by", lang, version=escape(version)),
    )


def _facts(told: Tuned, lang: str) -> list[tuple[str, str]]:
    angles, scales, places = told.shown
    shown = word(f"tuning_{told.stimulus}", lang, scales=scales, places=places)
    counts = [(word(f"tuning_{kind}", lang), str(list(told.kinds).count(kind))) for kind in ("dead", "unresponsive")]
    return [
        (word("tuning_field", lang), " x ".join(map(str, told.field))),
        (word("tuning_shown", lang), f"{word('tuning_angles', lang, count=angles)}<small>{shown}</small>"),
        (word("tuning_channels", lang), str(len(told.channels))),
        *counts,
        *((word(f"tuning_median_{name}", lang), _median(told, name, lang)) for name in _measured(told)),
    ]


def _measured(told: Tuned) -> list[str]:
    """The measures that have a distribution of their own."""
    return [name for name in ("osi", "f1f0") if name == "osi" or told.stimulus == "grating"]


def _median(told: Tuned, name: str, lang: str) -> str:
    ours, theirs = (_middle(held.get(name)) for held in (told.measures, told.control))
    said = word("tuning_control", lang, value=theirs) if told.control else word("tuning_no_control", lang)
    return f"{ours}<small>{said}</small>"


def _middle(values: Values | None) -> str:
    kept = np.empty(0) if values is None else values[~np.isnan(values)]
    return f"{np.median(kept):.2f}" if len(kept) else "n/a"


def _spreads(told: Tuned, lang: str) -> list[str]:
    uppers = {"osi": 1.0, "f1f0": 2.0}
    return [
        inline_svg(
            spread_sketch(
                word(f"tuning_{name}", lang), uppers[name], told.measures[name], told.control.get(name), lang
            )
        )
        for name in _measured(told)
    ]


def _shown(told: Tuned) -> list[str]:
    """The measures of which some channel has a number."""
    return [name for name, values in told.measures.items() if not np.isnan(values).all()]


def _heads(told: Tuned, lang: str) -> list[str]:
    return [word(f"tuning_{name}", lang) for name in ("channel", *_shown(told), "kind")]


def _rows(told: Tuned, lang: str) -> list[str]:
    names = _shown(told)
    lines = []
    for k, channel in enumerate(told.channels):
        cells = [_cell(float(told.measures[name][k]), DECIMALS.get(name, 2)) for name in names]
        kind = told.kinds[k] and word(f"tuning_kind_{told.kinds[k]}", lang)
        lines.append(f"<tr><td>{channel}</td>{''.join(cells)}<td>{kind}</td></tr>")
    return lines


def _cell(value: float, decimals: int) -> str:
    return '<td data-v="">n/a</td>' if isnan(value) else f'<td data-v="{value:.6g}">{value:.{decimals}f}</td>'


def _formulas(told: Tuned, lang: str) -> list[str]:
    grating = told.stimulus == "grating"
    names = ["response", "curve_phases" if grating else "curve_places", "preferred", "preferred_tested", "osi"]
    names += ["half_bandwidth", "orthogonal", "scale", "f1f0" if grating else "polarity"]
    return [word(f"formula_{name}", lang, places=told.shown[2]) for name in names]
