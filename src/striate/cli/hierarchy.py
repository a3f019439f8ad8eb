"""striate hierarchy: a network stage by stage, from edges to shapes to objects."""

from __future__ import annotations

import csv
import io
from functools import lru_cache
from math import isnan
from pathlib import Path

import click
from rich.console import RenderableType

from striate.cli.options import black_option, crop_option, lang_option, level, white_option
from striate.cli.parsing import FILE
from striate.cli.pictures import drawn, kind_of
from striate.cli.question import Question, model_options
from striate.cli.terminal import deliver, progress, say
from striate.errors import InputError
from striate.explore import Hierarchy, Stage, StrongUnit, hierarchy
from striate.explore.hierarchy import Untuned
from striate.explore.pictures import picture_files
from striate.fields import Region, region
from striate.photos import Photo, read_photo
from striate.show.grid import Column, Grid, Kind
from striate.show.hierarchy import Floor, curves_sketch, hierarchy_sketch
from striate.show.patches import Patch, Row, rows_sketch
from striate.show.plain import plain_page
from striate.show.sketch import Sketch
from striate.show.words import word
from striate.version import striate_version

CSV_COLUMNS = (
    *("layer", "height", "width", "stride", "channels", "dead", "unresponsive"),
    *("osi", "osi_control", "f1f0", "f1f0_control", "untuned"),
)
COLUMNS = (
    Column("field"), Column("layer", Kind.NAME), Column("median OSI", right=True),
    Column("weights shuffled", leaves=1, right=True), Column("median F1/F0", right=True),
    Column("weights shuffled", leaves=2, right=True), Column("dead", leaves=3, right=True),
)  # fmt: skip
PHOTOS_HELD = 32


@click.command("hierarchy")
@model_options
@click.option("--image", "images", type=FILE, multiple=True, help="A photograph; repeatable.")
@click.option("--photos", type=click.Path(path_type=Path, file_okay=False), help="A folder of photographs.")
@click.option("--layer", "layers", multiple=True, help="A stage; repeatable. Without: chosen as the field doubles.")
@click.option("--channels", type=click.IntRange(1, 50), default=3, show_default=True, help="Channels of each stage.")
@click.option("--count", type=click.IntRange(1, 100), default=8, show_default=True, help="Patches of each channel.")
@click.option("--whole-fields-only", is_flag=True, help="Leave out units whose field reaches beyond the picture.")
@click.option("--no-control", is_flag=True, help="Leave out the network with shuffled weights.")
@crop_option
@black_option
@white_option
@click.option("--out", type=FILE, help="The report as .html, its picture as .png or .svg, its numbers as .csv.")
@lang_option
def hierarchy_command(
    question: Question,
    images: tuple[Path, ...],
    photos: Path | None,
    layers: tuple[str, ...],
    channels: int,
    count: int,
    whole_fields_only: bool,
    no_control: bool,
    fit: str,
    black: tuple[float, ...],
    white: tuple[float, ...],
    out: Path | None,
    lang: str,
) -> None:
    """Stage by stage: how much units see, whether they prefer an angle and care for place, what they answer to.

    Each stage has its field, the median OSI and F1/F0 of its channels among gratings beside those of the same network
    with shuffled weights, and the strongest patches of its choosiest channels, those whose largest answer stands out
    most. A stage behind a global operator, or wider than the picture, has no tuning. Without --input the model is read
    at the size of the first photograph, or at its own; black and white are the numbers that the input has there.

    \b
    Examples:
      striate hierarchy model.onnx --photos photos/ --out report.html
      striate hierarchy model.onnx --image cat.jpg --image dog.jpg --black -1 --white 1 --out stages.png
    """
    kind = None if out is None else _kind(out, lang)
    pictures = [*images, *([photos] if photos is not None else [])]
    if not pictures:
        raise InputError("give --image or --photos: the photographs whose strongest patches are shown")
    model = question.open_at([file for picture in pictures for file in picture_files(picture)])
    with progress("showing pictures and gratings") as tell:
        found = hierarchy(
            model, pictures, layers or None, count=count, whole_fields_only=whole_fields_only, control=not no_control,
            fit=fit, black=level(black), white=level(white), layout=question.layout, progress=tell,
        )  # fmt: skip
    title, lines = word("hierarchy_title", lang, model=model.name), _lines(found, lang)
    table = Grid(COLUMNS, tuple(_cells(stage) for stage in found.stages), title, lang)
    if out is not None and kind == "csv":
        deliver(_csv(found), out)
    elif out is not None:
        with progress("drawing"):
            floors = _floors(found, channels, fit, lang)
            if kind == "html":
                deliver(_page(title, lines, table, floors, lang), out)
            else:
                deliver(drawn(hierarchy_sketch(floors, title, lines, lang), out), out)
    say(table)
    for line in (*lines, *_reasons(found, lang), word("hierarchy_note", lang)):
        say(line)


def _kind(out: Path, lang: str) -> str:
    kind = kind_of(out, ("html", "png", "svg", "csv"))
    return kind if kind in ("html", "csv") else kind_of(out, ("html", "png", "svg", "csv"), lang)


def _page(title: str, lines: list[str], table: Grid, floors: list[Floor], lang: str) -> str:
    parts: list[RenderableType | Sketch] = [*lines, word("hierarchy_note", lang), table, curves_sketch(floors, lang)]
    parts.append(word("patches_key", lang))
    for k, one in enumerate(floors, start=1):
        parts += [f"{k}. {one.heading}", one.told, rows_sketch(one.rows)]
    return plain_page(title, parts, striate_version(), lang)


def _lines(found: Hierarchy, lang: str) -> list[str]:
    first = found.stages[0].strongest
    return [word("hierarchy_pictures", lang, pictures=first.pictures, skipped=len(first.skipped))]


def _cells(stage: Stage) -> tuple[str, ...]:
    return (
        stage.size, stage.layer, *map(_number, (*stage.osi, *stage.f1f0)), str(len(stage.strongest.dead)),
    )  # fmt: skip


def _number(value: float) -> str:
    return "n/a" if isnan(value) else f"{value:.2f}"


def _silent(stage: Stage, lang: str) -> str:
    found = stage.strongest
    return word("silent", lang, dead=len(found.dead), unresponsive=len(found.unresponsive))


def _why(stage: Stage, lang: str) -> str:
    assert stage.untuned is not None
    via = stage.field.global_via[0] if stage.untuned is Untuned.EVERYTHING else ""
    return word(f"untuned_{stage.untuned.name.lower()}", lang, via=via)


def _reasons(found: Hierarchy, lang: str) -> list[str]:
    return [f"{stage.layer}: {_why(stage, lang)}" for stage in found.stages if stage.untuned is not None]


def _floors(found: Hierarchy, channels: int, fit: str, lang: str) -> list[Floor]:
    @lru_cache(PHOTOS_HELD)
    def photo(path: str, size: tuple[int, int]) -> Photo:
        return read_photo(path, size, fit)

    def patch(unit: StrongUnit) -> Patch:
        seen = _local(unit)
        height, width = seen.mask.shape
        share = "n/a" if unit.inside is None else f"{unit.inside:.0%}"
        told = (f"{unit.value:.4g}", word("inside", lang, share=share))
        return Patch(seen, photo(unit.picture, (height, width)), told)

    def rows(stage: Stage) -> list[Row]:
        answered = ((k, [u for u in stage.strongest.units[k] if u.value > u.blank]) for k in stage.strongest.rare)
        return [Row(word("channel", lang, channel=k), "", list(map(patch, units))) for k, units in answered][:channels]

    return [
        Floor(_once(stage.size), _heading(stage, lang), _told(stage, lang), stage.osi, stage.f1f0, rows(stage))
        for stage in found.stages
    ]


def _once(size: str) -> str:
    """A field's size along both axes, once where they agree."""
    sides = size.split(" x ")
    return sides[0] if len(set(sides)) == 1 else size


def _local(unit: StrongUnit) -> Region:
    """The unit's field; behind a global operator the local one, where it has one."""
    if not unit.fields[unit.layer].global_via:
        return unit.region
    found = region(unit.fields.local, unit.layer, unit.at, unit.channel)
    return unit.region if found.hull.empty else found


def _heading(stage: Stage, lang: str) -> str:
    channels = len(stage.strongest.units)
    return word("hierarchy_stage", lang, size=stage.size, layer=stage.layer, channels=channels)


def _told(stage: Stage, lang: str) -> str:
    if stage.untuned is not None:
        return word("hierarchy_untuned", lang, reason=_why(stage, lang), silent=_silent(stage, lang))
    (osi, other), (f1f0, another) = ([_number(v) for v in pair] for pair in (stage.osi, stage.f1f0))
    return word(
        "hierarchy_medians", lang, osi=osi, osi_control=other, f1f0=f1f0, f1f0_control=another,
        silent=_silent(stage, lang),
    )  # fmt: skip


def _csv(found: Hierarchy) -> str:
    """One row for each stage; empty where there is nothing to measure."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for stage in found.stages:
        spans = [axis.span for axis in stage.field.axes.values()]
        sizes = ["" if span is None else span.size for span in spans]
        stride = spans[0].stride if spans and spans[0] is not None else ""
        units = stage.strongest
        medians = ["" if isnan(value) else f"{value:.6g}" for value in (*stage.osi, *stage.f1f0)]
        counts = (len(units.units), len(units.dead), len(units.unresponsive))
        why = "" if stage.untuned is None else stage.untuned.value
        writer.writerow([stage.layer, *sizes, stride, *counts, *medians, why])
    return stream.getvalue()
