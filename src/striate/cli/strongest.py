"""striate strongest: what in photographs the channels of a layer answer to most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import click

from striate.cli.options import black_option, crop_option, level, white_option
from striate.cli.parsing import FILE
from striate.cli.pictures import drawn, kind_of
from striate.cli.question import Question, model_options
from striate.cli.tables import csv_text
from striate.cli.terminal import deliver, progress, say
from striate.errors import InputError
from striate.explore import Strongest, StrongUnit, strongest
from striate.explore.pictures import picture_files
from striate.photos import Photo, read_photo
from striate.show.patches import Patch, Row, patches_sketch

CSV_COLUMNS = ("channel", "rank", "value", "unit", "rows", "columns", "inside", "picture", "kind")
MOST_SHOWN = 16
MOST_SKIPPED = 8
PHOTOS_HELD = 32


@click.command("strongest")
@model_options
@click.argument("layer")
@click.argument("pictures", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--channel", "channels", type=click.IntRange(0), multiple=True, help="One channel; repeatable.")
@click.option("--count", type=click.IntRange(1, 100), default=9, show_default=True, help="Units of each channel.")
@click.option("--per-picture", type=click.IntRange(1, 100), default=1, show_default=True, help="At most, of a channel.")
@click.option("--whole-fields-only", is_flag=True, help="Leave out units whose field reaches beyond the picture.")
@crop_option
@black_option
@white_option
@click.option("--out", type=FILE, help="The patches as .png or .svg, or a table of all units as .csv.")
def strongest_command(
    question: Question,
    layer: str,
    pictures: tuple[Path, ...],
    channels: tuple[int, ...],
    count: int,
    per_picture: int,
    whole_fields_only: bool,
    fit: str,
    black: tuple[float, ...],
    white: tuple[float, ...],
    out: Path | None,
) -> None:
    """What each channel of LAYER answers to most in PICTURES, files or folders: its strongest units, field by field.

    Without --input the model is read at the size of the first picture, or at its own. Black and white are the numbers
    that the network's input has there: one for all channels, or the option once for each. Files that cannot be read
    are skipped and named. Channels that answer to no picture more than to a blank one are counted and come last; dead
    are those that answer to all as to the blank.

    \b
    Examples:
      striate strongest model.onnx conv2 photos/ --input 1x3x224x224 --out patches.png
      striate strongest model.onnx conv2 photo.jpg --per-picture 9 --channel 5 --whole-fields-only
    """
    kind = None if out is None else kind_of(out, ("png", "svg", "csv"))
    model = question.open_at([file for picture in pictures for file in picture_files(picture)])
    with progress("showing pictures") as tell:
        found = strongest(
            model, layer, pictures, count=count, per_picture=per_picture, whole_fields_only=whole_fields_only,
            fit=fit, black=level(black), white=level(white), layout=question.layout, progress=tell,
        )  # fmt: skip
    for channel in channels:
        if channel >= len(found.units):
            raise InputError(f"channel {channel} lies outside {layer}, which has {len(found.units)}")
    chosen = channels or found.channels[:MOST_SHOWN]
    if out is not None and kind == "csv":
        deliver(csv_text(CSV_COLUMNS, _numbers(found, channels or range(len(found.units)))), out)
    elif out is not None:
        with progress("drawing"):
            sketch = patches_sketch(_rows(found, chosen, fit), f"{layer} of {model.name}", _summary(found))
            deliver(drawn(sketch, out), out)
    for line in (*_summary(found), *_skipped(found), *_table(found, chosen), *_more(found, chosen)):
        say(line)


def _summary(found: Strongest) -> list[str]:
    counts = (len(found.units), "channel"), (found.pictures, "picture")
    channels, pictures = (f"{n} {name}{'s' * (n != 1)}" for n, name in counts)
    skipped = f", {len(found.skipped)} skipped" if found.skipped else ""
    silent = f"{len(found.dead)} dead, {len(found.unresponsive)} never above the blank"
    return [f"{channels}: {silent}; {pictures}{skipped}"]


def _skipped(found: Strongest) -> list[str]:
    more = len(found.skipped) - MOST_SKIPPED
    lines = [f"skipped: {reason}" for _, reason in found.skipped[:MOST_SKIPPED]]
    return [*lines, f"and {more} more"] if more > 0 else lines


def _table(found: Strongest, chosen: Sequence[int]) -> list[str]:
    """The strongest unit of each channel."""
    rows = [f"{'channel':>7}  {'value':>10}  {'unit':>9}  {'field':>17}  {'inside':>6}  picture"]
    for channel in chosen:
        for unit in found.units[channel][:1]:
            at, name = ",".join(map(str, unit.at)), Path(unit.picture).name
            rows.append(
                f"{channel:>7}  {unit.value:>10.4g}  {at:>9}  {unit.region.hull!s:>17}  {_inside(unit):>6}  {name}"
                + (f" ({word})" if (word := _silence(found, channel)) else "")
            )
    return rows


def _numbers(found: Strongest, chosen: Sequence[int]) -> Iterator[tuple[object, ...]]:
    """A row for each unit: its rank in its channel, its field's rows and columns (the last one excluded)."""
    for channel in chosen:
        for rank, unit in enumerate(found.units[channel], start=1):
            sides = [f"{side.start}:{side.stop}" for side in unit.region.hull]
            inside = "" if unit.inside is None else f"{unit.inside:.4f}"
            at = ",".join(map(str, unit.at))
            yield channel, rank, f"{unit.value:.6g}", at, *sides, inside, unit.picture, _silence(found, channel)


def _more(found: Strongest, chosen: Sequence[int]) -> list[str]:
    more = len(found.units) - len(chosen)
    return [f"and {more} more channels; --channel K shows one"] if more else []


def _silence(found: Strongest, channel: int) -> str:
    if channel in found.dead:
        return "dead"
    return "never above" if channel in found.unresponsive else ""


def _inside(unit: StrongUnit) -> str:
    return "n/a" if unit.inside is None else f"{unit.inside:.0%}"


def _rows(found: Strongest, chosen: Sequence[int], fit: str) -> list[Row]:
    @lru_cache(PHOTOS_HELD)
    def photo(path: str, size: tuple[int, int]) -> Photo:
        return read_photo(path, size, fit)

    def patch(unit: StrongUnit) -> Patch:
        height, width = unit.region.mask.shape
        told = (f"{unit.value:.4g}", f"{_inside(unit)} inside")
        return Patch(unit.region, photo(unit.picture, (height, width)), told)

    return [Row(f"channel {k}", _silence(found, k), [patch(unit) for unit in found.units[k]]) for k in chosen]
