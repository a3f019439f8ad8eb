"""What units answer, as documents for the page: maps and strongest units on a picture, tuning, one stimulus."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError
from striate.explore import Bench, FeatureMaps, SpotMaps, Strongest, Tuning
from striate.explore.cover import Floats
from striate.explore.measures import kind
from striate.explore.stimuli import Bar, Edge, Grating, Spot, Stimulus
from striate.fields import Fields
from striate.serve.packed import PackedDocument, packed_bytes, packed_floats
from striate.serve.tables import map_size
from striate.show.document import Pair

MOST_VALUES = 1 << 19
BINS = 10
MEASURES = (
    *("preferred", "preferred_tested", "osi", "cv", "half_bandwidth", "orthogonal"),
    *("scale", "octaves", "f1f0", "polarity"),
)

Numbers = list[float | None]


class MapsDocument(TypedDict):
    """A layer's maps on the picture, without their values: one scale for all, channels in the order to show them."""

    layer: str
    size: list[int]
    count: int
    channels: list[int]
    dead: list[int]
    unresponsive: list[int]
    signed: bool
    scale: list[float]
    least: list[float]
    most: list[float]
    mean: list[float]
    zero: list[float]


class StrongDocument(TypedDict):
    """A unit that answers strongly: ``inside`` is the share of its field inside, None where it has no end."""

    at: list[int]
    value: float
    hull: list[Pair]
    inside: float | None


class HistogramDocument(TypedDict):
    """How many channels have a measure in each of ``BINS`` equal bins of ``range``, of the network and its control."""

    range: list[float]
    counts: list[int]
    control: list[int] | None
    median: float | None
    control_median: float | None


class TuningDocument(TypedDict):
    """The experiment of Hubel and Wiesel on a layer: a curve, and measures, for each channel; None for no number."""

    layer: str
    at: list[int]
    field: list[Pair]
    stimulus: str
    angles: list[float]
    scales: list[float | None]
    places: int
    curves: PackedDocument
    measures: dict[str, Numbers]
    kinds: list[str]
    dead: list[int]
    unresponsive: list[int]
    formulas: dict[str, str]
    histograms: dict[str, HistogramDocument]


class AnswerDocument(TypedDict):
    """What every channel answers to each of some stimuli and to the blank; ``shown`` is the last one, -1 to 1 as 0 to
    254."""

    layer: str
    at: list[int]
    field: list[Pair]
    answers: PackedDocument
    blank: list[float]
    shown: PackedDocument


class SpotsDocument(TypedDict):
    """How one channel answers to a light and to a dark square at each place of its field, above the blank."""

    side: int
    light: PackedDocument
    dark: PackedDocument


def maps_document(fields: Fields, found: FeatureMaps) -> MapsDocument:
    """A layer's maps in numbers: their scale, and least, largest, mean and share of zeros of each channel."""
    planes = planes_of(fields, found)
    flat = planes.reshape(len(planes), -1)
    least, most = found.scale
    return {
        "layer": found.layer,
        "size": list(planes.shape[1:]),
        "count": len(planes),
        "channels": list(found.channels),
        "dead": list(found.dead),
        "unresponsive": list(found.unresponsive),
        "signed": found.signed,
        "scale": [least, most],
        "least": _floats(flat.min(1)),
        "most": _floats(flat.max(1)),
        "mean": _floats(flat.mean(1)),
        "zero": _floats((flat == 0).mean(1)),
    }


def planes_document(fields: Fields, found: FeatureMaps, channels: Sequence[int]) -> PackedDocument:
    """The values of some channels' maps; InputError for channels that are not there and for too many at once."""
    planes = planes_of(fields, found)
    for channel in channels:
        if not 0 <= channel < len(planes):
            raise InputError(f"channel {channel} lies outside {found.layer}, which has {len(planes)}")
    most = max(MOST_VALUES // planes[0].size, 1)
    if len(channels) > most:
        raise InputError(f"{len(channels)} maps of {found.layer} are too many at once: ask for {most} or fewer")
    return packed_floats(planes[list(channels)])


def planes_of(fields: Fields, found: FeatureMaps) -> NDArray[Any]:
    """Maps of rows and columns, tokens of a grid laid out on it; InputError where there are none."""
    size, grid = map_size(fields, found.layer), fields.layer_axes(found.layer).grid
    if size is None:
        raise InputError(f"{found.layer} is no map: its units do not stand in rows and columns of the picture")
    if grid is not None and found.maps.ndim == 2:
        tokens = [[grid.token((row, column)) for column in range(size[1])] for row in range(size[0])]
        return np.asarray(found.maps[:, tokens])
    return found.maps.reshape(len(found.maps), *size)


def strong_documents(found: Strongest, channel: int) -> list[StrongDocument]:
    """The strongest units of one channel; InputError where there is no such channel."""
    if not 0 <= channel < len(found.units):
        raise InputError(f"channel {channel} lies outside {found.layer}, which has {len(found.units)}")
    return [
        {
            "at": list(unit.at),
            "value": unit.value,
            "hull": [[side.start, side.stop] for side in unit.region.unclipped or unit.region.hull]
            if unit.inside is not None
            else [[side.start, side.stop] for side in unit.region.hull],
            "inside": unit.inside,
        }
        for unit in found.units[channel]
    ]


def tuning_document(found: Tuning, control: Tuning | None) -> TuningDocument:
    """A tuning and its control, the same layer with shuffled weights, where there is one."""
    return {
        "layer": found.layer,
        "at": list(found.at),
        "field": [[side.start, side.stop] for side in found.field],
        "stimulus": found.stimulus,
        "angles": _floats(found.angles),
        "scales": _numbers(found.scales),
        "places": len(found.places),
        "curves": packed_floats(found.curve),
        "measures": {name: _numbers(getattr(found, name)) for name in MEASURES},
        "kinds": [kind(float(value), len(found.places)) for value in found.f1f0],
        "dead": np.flatnonzero(found.dead).tolist(),
        "unresponsive": np.flatnonzero(found.unresponsive).tolist(),
        "formulas": found.formulas,
        "histograms": {
            "osi": _histogram(found.osi, None if control is None else control.osi, 1.0),
            "f1f0": _histogram(found.f1f0, None if control is None else control.f1f0, 2.0),
        },
    }


def answer_document(held: Bench, found: Floats, stimuli: Sequence[Stimulus]) -> AnswerDocument:
    """What every channel of a bench answered to the blank and then to some stimuli on the unit's exact field."""
    pattern = stimuli[-1].pattern(*held.size)
    return {
        "layer": held.layer,
        "at": [held.place[axis] for axis in sorted(held.place)],
        "field": [[side.start, side.stop] for side in held.hull],
        "answers": packed_floats(found[1:]),
        "blank": _floats(found[0]),
        "shown": packed_bytes(((pattern + 1) * 127).round().astype(np.uint8)),
    }


def spots_document(found: SpotMaps, channel: int) -> SpotsDocument:
    """One channel's maps of light and dark."""
    return {
        "side": found.side,
        "light": packed_floats(found.light[channel]),
        "dark": packed_floats(found.dark[channel]),
    }


def stimulus_of(told: Mapping[str, object]) -> Stimulus:
    """A stimulus from what the page says of it: ``kind`` and that kind's numbers; InputError for anything else.

    >>> stimulus_of({"kind": "bar", "angle": 45, "width": 2, "position": -1.5})
    Bar(angle=45.0, width=2.0, length=200000.0, position=-1.5, contrast=1.0)
    """
    numbers = {name: _number(name, value) for name, value in told.items() if name != "kind"}
    kinds: dict[str, type[Bar | Grating | Edge]] = {"bar": Bar, "grating": Grating, "edge": Edge}
    try:
        if told.get("kind") == "spot":
            return Spot((numbers.pop("x"), numbers.pop("y")), **numbers)
        return kinds[str(told.get("kind"))](**numbers)
    except (KeyError, TypeError) as error:
        names = ", ".join(map(str, numbers)) or "no numbers"
        raise InputError(f"a stimulus is a bar, grating, edge or spot with its numbers; got {told.get('kind')!r} with "
                         f"{names}") from error


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{name} must be a number, got {value!r:.40}")
    return float(value)


def _histogram(values: NDArray[np.float64], control: NDArray[np.float64] | None, most: float) -> HistogramDocument:
    return {
        "range": [0.0, most],
        "counts": _counted(values, most),
        "control": None if control is None else _counted(control, most),
        "median": _median(values),
        "control_median": None if control is None else _median(control),
    }


def _counted(values: NDArray[np.float64], most: float) -> list[int]:
    kept = values[~np.isnan(values)]
    counts, _ = np.histogram(kept.clip(0, most), BINS, (0.0, most))
    return [int(count) for count in counts]


def _median(values: NDArray[np.float64]) -> float | None:
    kept = values[~np.isnan(values)]
    return float(np.median(kept)) if len(kept) else None


def _numbers(values: Iterable[float]) -> Numbers:
    """Numbers, None for NaN."""
    return [None if isnan(value) else float(value) for value in values]


def _floats(values: NDArray[Any]) -> list[float]:
    return [float(value) for value in values]
