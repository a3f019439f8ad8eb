"""striate features: what each channel of a layer makes of a photograph."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from numpy.typing import NDArray

from striate.cli.options import black_option, crop_option, level, white_option
from striate.cli.parsing import FILE
from striate.cli.pictures import drawn, kind_of
from striate.cli.question import Question, model_options
from striate.cli.tables import csv_text
from striate.cli.terminal import deliver, progress, say
from striate.errors import InputError
from striate.explore import FeatureMaps, feature_maps, kernels
from striate.explore.photo import photo_size
from striate.formats.model import Model
from striate.photos import Photo, read_photo
from striate.show.planes import Plane, planes_sketch

SCALES = ("layer", "channel")
CSV_COLUMNS = ("channel", "least", "largest", "mean", "zero", "kind")
MOST_DRAWN = 63
MOST_LISTED = 16


@click.command("features")
@model_options
@click.argument("layer")
@click.option("--image", type=FILE, help="The photograph.")
@click.option("--kernels", "of_kernels", is_flag=True, help="In place of maps, the kernels of a convolution; no image.")
@click.option("--channel", "channels", type=click.IntRange(0), multiple=True, help="One channel; repeatable.")
@crop_option
@black_option
@white_option
@click.option(
    "--scale", "scaled", type=click.Choice(SCALES), default="layer", show_default=True,
    help="One scale for all maps, or each its own.",
)
@click.option("--out", type=FILE, help="The maps as .png or .svg, or a table of all channels as .csv.")
def features_command(
    question: Question,
    layer: str,
    image: Path | None,
    of_kernels: bool,
    channels: tuple[int, ...],
    fit: str,
    black: tuple[float, ...],
    white: tuple[float, ...],
    scaled: str,
    out: Path | None,
) -> None:
    """The feature maps of LAYER on a photograph, all on one scale unless told, the strongest first and the silent last.

    Without --input the model is read at the size of the photograph, or at its own. Black and white are the numbers that
    the network's input has there: one for all channels, or the option once for each. With --kernels LAYER is a
    convolution of 1 or 3 channels, as a first layer is, and each of its kernels is drawn, all on one scale around 0.

    \b
    Examples:
      striate features model.onnx conv1 --image photo.jpg --out maps.png
      striate features model.onnx conv1 --image photo.jpg --channel 5 --black -1 --white 1
      striate features v1 v1/conv --kernels --input 1x1x64x64 --out kernels.png
    """
    if of_kernels:
        _kernels(question, layer, image, channels, out)
        return
    if image is None:
        raise InputError("give --image, the photograph, or --kernels")
    kind = None if out is None else kind_of(out, ("png", "svg", "csv"))
    model = question.open_at([image])
    with progress("showing the picture"):
        found = feature_maps(
            model, layer, image, fit=fit, black=level(black), white=level(white), layout=question.layout
        )
    for channel in channels:
        if channel >= len(found.maps):
            raise InputError(f"channel {channel} lies outside {layer}, which has {len(found.maps)}")
    if out is not None and kind == "csv":
        deliver(csv_text(CSV_COLUMNS, (_numbers(found, k) for k in channels or range(len(found.maps)))), out)
    elif out is not None:
        chosen = channels or found.channels[:MOST_DRAWN]
        planes = [Plane(f"channel {k}", found.maps[k], _told(found, k)) for k in chosen]
        title = f"{layer} of {model.name}"
        scale = found.scale if scaled == "layer" else None
        sketch = planes_sketch(planes, scale, _photo(model, question, image, fit), title, _summary(found, scaled))
        deliver(drawn(sketch, out), out)
    for line in (*_summary(found, scaled), *_table(found, channels or found.channels[:MOST_LISTED])):
        say(line)


def _kernels(question: Question, layer: str, image: Path | None, channels: tuple[int, ...], out: Path | None) -> None:
    if image is not None:
        raise InputError("--kernels takes no --image: kernels are the same for all pictures")
    if out is not None:
        kind_of(out)
    model = question.open()
    found = kernels(model, layer)
    count, rows, columns, depth = found.values.shape
    for channel in channels:
        if channel >= count:
            raise InputError(f"channel {channel} lies outside {layer}, which has {count}")
    summary = [
        f"{count} kernel{'s' * (count != 1)} of {rows} x {columns} over {depth} channel{'s' * (depth != 1)}",
        f"weights from {found.values.min():.4g} to {found.values.max():.4g}: one scale around 0",
    ]
    if out is not None:
        if depth not in (1, 3):
            raise InputError(f"kernels over 1 channel or 3 are drawn; those of {layer} have {depth}")
        shown = found.values if depth == 3 else found.values[..., 0]
        chosen = channels or range(min(count, MOST_DRAWN + 1))
        planes = [Plane(f"channel {k}", shown[k], _spread(shown[k])) for k in chosen]
        deliver(drawn(planes_sketch(planes, found.scale, None, f"{layer} of {model.name}", summary), out), out)
    for line in summary:
        say(line)


def _spread(values: NDArray[Any]) -> str:
    return f"{values.min():.3g} to {values.max():.3g}"


def _photo(model: Model, question: Question, image: Path, fit: str) -> Photo:
    """The photograph as the network is shown it."""
    return read_photo(image, photo_size(question.fields_of(model)), fit)


def _summary(found: FeatureMaps, scaled: str) -> list[str]:
    count, sizes = len(found.maps), " x ".join(map(str, found.maps.shape[1:]))
    silent = f"{len(found.dead)} dead, {len(found.unresponsive)} never above the blank"
    scale = "one scale" if scaled == "layer" else "each map on its own scale"
    kind = f"signed, {scale} around 0" if found.signed else f"never negative, {scale} from 0"
    return [
        f"{count} channel{'s' * (count != 1)} of {sizes}: {silent} on this picture",
        f"values from {found.maps.min():.4g} to {found.maps.max():.4g}: {kind}",
    ]


def _numbers(found: FeatureMaps, k: int) -> tuple[object, ...]:
    """A channel's row of the table."""
    plane = found.maps[k]
    kind = "dead" if k in found.dead else "never above" if k in found.unresponsive else ""
    numbers = plane.min(), plane.max(), plane.mean(), (plane == 0).mean()
    return (k, *(f"{value:.6g}" for value in numbers), kind)


def _told(found: FeatureMaps, channel: int) -> str:
    if channel in found.dead:
        return "dead"
    return _spread(found.maps[channel])


def _table(found: FeatureMaps, chosen: Sequence[int]) -> list[str]:
    rows = [f"{'channel':>7}  {'least':>10}  {'largest':>10}  {'mean':>10}  {'zero':>5}"]
    for k in chosen:
        plane, dead = found.maps[k], "  dead" if k in found.dead else "  never above" * (k in found.unresponsive)
        numbers = f"{plane.min():>10.4g}  {plane.max():>10.4g}  {plane.mean():>10.4g}  {(plane == 0).mean():>5.0%}"
        rows.append(f"{k:>7}  {numbers}{dead}")
    more = len(found.maps) - len(chosen)
    return [*rows, *([f"and {more} more channels; --channel K shows one"] if more else [])]
