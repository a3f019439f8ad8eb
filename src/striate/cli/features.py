"""striate features: what each channel of a layer makes of a photograph."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from striate.cli.options import black_option, crop_option, level, white_option
from striate.cli.parsing import FILE
from striate.cli.pictures import drawn, kind_of
from striate.cli.question import Question, model_options
from striate.cli.terminal import deliver, progress, say
from striate.errors import InputError
from striate.explore import FeatureMaps, feature_maps
from striate.explore.photo import photo_size
from striate.formats.model import Model
from striate.photos import Photo, read_photo
from striate.show.planes import Plane, planes_sketch

MOST_DRAWN = 63
MOST_LISTED = 16


@click.command("features")
@model_options
@click.argument("layer")
@click.option("--image", type=FILE, required=True, help="The photograph.")
@click.option("--channel", "channels", type=click.IntRange(0), multiple=True, help="One channel; repeatable.")
@crop_option
@black_option
@white_option
@click.option("--out", type=FILE, help="The maps as .png or .svg.")
def features_command(
    question: Question,
    layer: str,
    image: Path,
    channels: tuple[int, ...],
    fit: str,
    black: tuple[float, ...],
    white: tuple[float, ...],
    out: Path | None,
) -> None:
    """The feature maps of LAYER on a photograph, all on one scale, the strongest first and the silent last.

    Without --input the model is read at the size of the photograph, or at its own. Black and white are the numbers that
    the network's input has there: one for all channels, or the option once for each.

    \b
    Examples:
      striate features model.onnx conv1 --image photo.jpg --out maps.png
      striate features model.onnx conv1 --image photo.jpg --channel 5 --black -1 --white 1
    """
    if out is not None:
        kind_of(out)
    model = question.open_at([image])
    with progress("showing the picture"):
        found = feature_maps(
            model, layer, image, fit=fit, black=level(black), white=level(white), layout=question.layout
        )
    for channel in channels:
        if channel >= len(found.maps):
            raise InputError(f"channel {channel} lies outside {layer}, which has {len(found.maps)}")
    if out is not None:
        chosen = channels or found.channels[:MOST_DRAWN]
        planes = [Plane(f"channel {k}", found.maps[k], _told(found, k)) for k in chosen]
        title = f"{layer} of {model.name}"
        sketch = planes_sketch(planes, found.scale, _photo(model, question, image, fit), title, _summary(found))
        deliver(drawn(sketch, out), out)
    for line in (*_summary(found), *_table(found, channels or found.channels[:MOST_LISTED])):
        say(line)


def _photo(model: Model, question: Question, image: Path, fit: str) -> Photo:
    """The photograph as the network is shown it."""
    return read_photo(image, photo_size(question.fields_of(model)), fit)


def _summary(found: FeatureMaps) -> list[str]:
    count, sizes = len(found.maps), " x ".join(map(str, found.maps.shape[1:]))
    silent = f"{len(found.dead)} dead, {len(found.unresponsive)} never above the blank"
    kind = "signed, one scale around 0" if found.signed else "never negative, one scale from 0"
    return [
        f"{count} channel{'s' * (count != 1)} of {sizes}: {silent} on this picture",
        f"values from {found.maps.min():.4g} to {found.maps.max():.4g}: {kind}",
    ]


def _told(found: FeatureMaps, channel: int) -> str:
    if channel in found.dead:
        return "dead"
    return f"{found.maps[channel].min():.3g} to {found.maps[channel].max():.3g}"


def _table(found: FeatureMaps, chosen: Sequence[int]) -> list[str]:
    rows = [f"{'channel':>7}  {'least':>10}  {'largest':>10}  {'mean':>10}  {'zero':>5}"]
    for k in chosen:
        plane, dead = found.maps[k], "  dead" if k in found.dead else "  never above" * (k in found.unresponsive)
        numbers = f"{plane.min():>10.4g}  {plane.max():>10.4g}  {plane.mean():>10.4g}  {(plane == 0).mean():>5.0%}"
        rows.append(f"{k:>7}  {numbers}{dead}")
    more = len(found.maps) - len(chosen)
    return [*rows, *([f"and {more} more channels; --channel K shows one"] if more else [])]
