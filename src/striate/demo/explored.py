"""The experiment of Hubel and Wiesel on filters learnt from photographs, and a network stage by stage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.resources import as_file, files
from math import isnan
from pathlib import Path

import numpy as np
from rich.console import RenderableType

from striate.errors import MissingDependencyError
from striate.explore import Stage, Tuning, bench, hierarchy, shuffled, tuning
from striate.explore.stimuli import Grating
from striate.formats.model import Model
from striate.photos import Photo
from striate.show.hierarchy import Floor, curves_sketch, floor_sketch
from striate.show.patches import Patch, Row
from striate.show.rings import Ring, rings_sketch
from striate.show.sketch import Sketch
from striate.show.tables import grid
from striate.show.words import word

SHOWN_AT, DIRECTIONS = (1, 1, 32, 32), 8
PICTURES, SIDE = ("chelsea", "coffee", "astronaut", "rocket"), 192
STAGES, CHANNELS, PATCHES = ("stem", "enc2", "mid1"), 2, 4
ANGLES, PHASES = 12, 8


def explored(lang: str) -> Iterator[RenderableType | Sketch]:
    """Both parts, as what to print and to draw; where a runtime is missing, what to install."""
    data = files("striate").joinpath("data")
    try:
        with as_file(data / "v1.onnx") as v1, as_file(data / "denoiser.onnx") as denoiser:
            yield from _tuning(v1, lang)
            yield from _hierarchy(denoiser, lang)
    except MissingDependencyError as error:
        yield word("demo_unexplored", lang, reason=error)


def _tuning(path: Path, lang: str) -> Iterator[RenderableType | Sketch]:
    yield word("demo_tuning", lang)
    model = Model(path, SHOWN_AT)
    found, control = tuning(model, "v1"), tuning(shuffled(model), "v1")
    best = _one_for_each_direction(found)
    yield word(
        "demo_tuning_says", lang, osi=np.nanmedian(found.osi), control=np.nanmedian(control.osi),
        f1f0=np.nanmedian(found.f1f0), bins=DIRECTIONS, all=_yes(len(best) == DIRECTIONS, lang),
    )  # fmt: skip
    yield word("demo_outside", lang, size=" x ".join(map(str, found.field.shape)), changed=_yes(_leaks(model), lang))
    rings = [
        Ring(str(k), found.angles.tolist(), found.curve[k].tolist(), float(found.preferred[k]), _measured(found, k))
        for k in best
    ]
    yield rings_sketch(rings, "v1", [])


def _one_for_each_direction(found: Tuning) -> list[int]:
    """The most selective channel that prefers each of some directions, where there is one."""
    turn = np.round(found.preferred / (180 / DIRECTIONS)) % DIRECTIONS
    ranked = np.argsort(-found.osi, kind="stable")
    return [int(next(iter(ranked[turn[ranked] == k]))) for k in range(DIRECTIONS) if (turn == k).any()]


def _measured(found: Tuning, k: int) -> tuple[str, str]:
    return f"OSI {found.osi[k]:.2f}", f"F1/F0 {found.f1f0[k]:.2f}"


def _leaks(model: Model) -> bool:
    """Whether noise everywhere but on the unit's field changes what it answers to a grating there."""
    held = bench(model, "v1", smallest=False)
    shown = held.pictures([Grating(30, 0.2)])
    noisy = np.random.default_rng(0).random(shown.shape)
    rows, columns = held.hull.slices
    noisy[..., rows, columns] = shown[..., rows, columns]
    return not np.array_equal(held.answers(shown), held.answers(noisy))


def _hierarchy(path: Path, lang: str) -> Iterator[RenderableType | Sketch]:
    yield word("demo_hierarchy", lang)
    photos = {f"picture {k}": photo for k, photo in enumerate(_photos())}
    pictures = [np.asarray(photo.transpose(2, 0, 1)[None] / 255, np.float32) for photo in photos.values()]
    found = hierarchy(
        path, pictures, STAGES, (1, 3, SIDE, SIDE), count=PATCHES, angles=ANGLES, phases=PHASES,
        whole_fields_only=True,
    )  # fmt: skip
    heads = ("layer", "field", "median OSI", "weights shuffled", "median F1/F0", "weights shuffled")
    body = [(stage.layer, stage.size, *map(_number, (*stage.osi, *stage.f1f0))) for stage in found.stages]
    yield grid(heads, body, lang=lang)
    selective = all(osi > control for osi, control in (stage.osi for stage in found.stages))
    yield word("demo_selective", lang, all=_yes(selective, lang))
    floors = [_floor(stage, photos, lang) for stage in found.stages]
    yield curves_sketch(floors, lang)
    yield from map(floor_sketch, floors)


def _floor(stage: Stage, photos: Mapping[str, Photo], lang: str) -> Floor:
    def row(channel: int) -> Row:
        units = [unit for unit in stage.strongest.units[channel] if unit.value > unit.blank]
        patches = [Patch(unit.region, photos[unit.picture], (f"{unit.value:.3g}",)) for unit in units]
        return Row(word("channel", lang, channel=channel), "", patches)

    heading = word("hierarchy_stage", lang, size=stage.size, layer=stage.layer, channels=len(stage.strongest.units))
    rows = [row(channel) for channel in stage.strongest.rare[:CHANNELS]]
    return Floor(stage.size, heading, word("patches_key", lang), stage.osi, stage.f1f0, rows)


def _photos() -> list[Photo]:
    """Photographs that come with scikit-image, each cut to a square around its middle."""
    data = import_module("skimage.data")
    found = []
    for name in PICTURES:
        photo: Photo = getattr(data, name)()
        top, left = ((n - SIDE) // 2 for n in photo.shape[:2])
        found.append(np.ascontiguousarray(photo[top : top + SIDE, left : left + SIDE]))
    return found


def _number(value: float) -> str:
    return "n/a" if isnan(value) else f"{value:.2f}"


def _yes(held: bool, lang: str) -> str:
    return word("yes" if held else "no", lang)
