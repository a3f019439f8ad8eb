"""striate crop: the model of one region, as a file."""

from __future__ import annotations

from pathlib import Path

import click

from striate.cli.models import open_model
from striate.cli.parsing import FILE
from striate.cli.question import Shaped, dtype_option, given_of, input_option, set_option, shapes_of
from striate.cli.terminal import deliver, progress, say
from striate.formats.model import Model
from striate.loaded import LoadedModel, ModelCrop
from striate.network.network import sized
from striate.show import to_json


@click.command("crop")
@click.argument("model")
@click.argument("layer", metavar="TENSOR")
@click.argument("box")
@input_option
@set_option
@dtype_option
@click.option("--out", type=FILE, help="Where the part goes, as an ONNX model of its own with weights.")
@click.option(
    "--grow", is_flag=True, help="Let the part take all of an image where a global operator, such as a gate, needs it."
)
@click.option("--json", "as_json", is_flag=True, help="JSON: boxes, shapes, costs.")
def crop_command(
    model: str,
    layer: str,
    box: str,
    inputs: Shaped,
    values: tuple[tuple[str, bool | int | float], ...],
    dtypes: tuple[tuple[str, str], ...],
    out: Path | None,
    grow: bool,
    as_json: bool,
) -> None:
    """The part of MODEL that computes exactly BOX of TENSOR, a layer or an output.

    BOX is y0:y1,x0:x1, stops not included, or one unit's place, y,x; an end left out (:8 or 3:) is the layer's. Axes
    left out stand before those named and are taken whole. What is printed says which box of each input to feed; with
    --out the part is written as an ordinary ONNX model that any runtime runs. A torch model goes through its exported
    graph.

    \b
    Examples:
      striate crop model.onnx layer2 12:20,30:40 --input 1x3x224x224 --out part.onnx
      striate crop model.onnx layer4 3,3 --input 1x3x224x224
      striate crop torchvision.models:resnet18 layer1 0:4,0:4 --input 1x3x224x224 --out part.onnx
    """
    with progress("reading the model"):
        read = open_model(model, shapes_of(inputs), given=given_of(dtypes, values))
        found = LoadedModel(read).crop({layer: box}, grow=grow)
        content = None if out is None else found.to_onnx()
    if as_json:
        say(to_json(_document(read, layer, found)))
    else:
        for line in _lines(layer, found):
            say(line)
    if content is not None:
        deliver(content, out)


def _document(model: Model, layer: str, found: ModelCrop) -> dict[str, object]:
    whole = found.whole.shapes

    def told(name: str) -> dict[str, object]:
        sides = [[side.start, side.stop] for side in found.boxes[name]]
        return {"box": sides, "shape": list(found.boxes[name].shape), "whole": list(whole[name])}

    return {
        "model": model.name,
        "layer": layer,
        "inputs": {name: told(name) for name in found.network.inputs},
        "outputs": {name: told(name) for name in found.network.outputs},
        "macs": found.costs.macs,
        "share": float(found.costs.share),
        "overhead": found.costs.overhead,
        "key": found.key,
    }


def _lines(layer: str, found: ModelCrop) -> list[str]:
    """What to feed, what comes out, what it costs."""
    names = [*found.network.inputs, *found.network.outputs]
    words = ["feed"] * len(found.network.inputs) + ["gives"] * len(found.network.outputs)
    boxes = [str(found.boxes[name]) for name in names]
    shapes = [found.boxes[name].shape for name in names]
    wide, long = max(map(len, names)), max(map(len, boxes))
    lines = [
        f"{word:<5}  {name:<{wide}}  {box:<{long}}  {sized(held)} of {sized(found.whole.shapes[name])}"
        for word, name, box, held in zip(words, names, boxes, shapes, strict=True)
    ]
    costs = found.costs
    lines.append(f"costs  {costs.macs:,} multiply-accumulates, {costs.overhead:,.2f} times its share of the whole")
    return lines
