"""Crops as ONNX models: their bytes, and files of them.

It stands here because a crop knows no format and a format no crop; both are known to what runs them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from striate.crop import Crop
from striate.crop import crop as crop_of
from striate.errors import InputError, UnsupportedError
from striate.files import write_atomically
from striate.formats.model import Model
from striate.formats.onnx.file import OnnxBytes, OnnxFile
from striate.formats.torch.module import TorchModule
from striate.geometry import Box
from striate.geometry.interval import INFINITE, Interval
from striate.network import Network
from striate.network.network import sized
from striate.run.recent import Recent
from striate.values import instance, shown

if TYPE_CHECKING:
    from striate.formats.onnx.opened import Opened

MOST_OPENED = 2
OPENED: Recent[Opened] = Recent(MOST_OPENED)
"""The files whose parts were written last, their weights with them: read once, however many parts are."""


def part_of(model: Model, crop: Crop) -> bytes:
    """The ONNX model that computes a crop of a model's network, as the bytes of its file.

    It is static and holds the file's own nodes and weights, or those of the graph that torch exports of a module;
    ``striate.box.NAME`` in its metadata says which box each input and output is. Raises InputError where the crop is
    one of another network, UnsupportedError, naming the node, where a part has no form in ONNX.

    >>> from importlib.resources import files
    >>> import onnx
    >>> from striate.crop import crop
    >>> from striate.geometry import Box
    >>> model = Model(files("striate") / "data" / "denoiser.onnx", (1, 3, 64, 64))
    >>> part = onnx.load_from_string(part_of(model, crop(model.network, {"denoised": Box("0,0:3,0:8,24:40")})))
    >>> {entry.key: entry.value for entry in part.metadata_props}["striate.box.image"]
    '0:1,0:3,0:46,0:64'
    """
    instance("crop", crop, Crop)
    if crop.whole is not model.network and crop.whole != model.network:
        raise InputError(f"the crop is one of {crop.whole!r}, the model is {model.network!r}")
    if isinstance(model.source, TorchModule):
        model, crop = _exported(model.source, model, crop)
    from striate.formats.onnx.writing import written_part

    read_alike = model.name, model.identity, model.shapes, model.unknown, model.given
    return written_part(OPENED.get(read_alike, lambda: _opened(model)), crop.whole, crop.network, crop.boxes)


def _opened(model: Model) -> Opened:
    from striate.formats.onnx.opened import opened

    if not isinstance(model.source, OnnxFile | OnnxBytes):
        raise UnsupportedError(f"{model.name}: parts are cut out of ONNX files and torch modules: convert it to ONNX")
    return opened(model.source, model.shapes, model.unknown, model.given)


def _exported(source: TorchModule, model: Model, crop: Crop) -> tuple[Model, Crop]:
    """The graph that torch exports, and the same boxes of it."""
    from striate.formats.torch.exporting import exported

    content = exported(source.module, model.network, tuple(crop.asked), model.given)
    graph = Model(OnnxBytes(content), unknown=model.unknown).read()
    nodes = {tensor: node.name for node in graph.network.nodes for tensor in node.outputs}
    found = crop_of(graph.network, {nodes[tensor]: box for tensor, box in crop.asked.items()}, grow=True)
    if dict(found.feeds) != dict(crop.feeds):
        raise UnsupportedError(
            f"{model.name}: the exported graph reads {_spelled(found)}, the module {_spelled(crop)}; crop an exported "
            "file instead"
        )
    return graph, found


def _spelled(crop: Crop) -> str:
    return ", ".join(f"{box} of {name}" for name, box in crop.feeds.items())


def box_in(network: Network, layer: str, spelling: Box | str) -> Box:
    """A box of a layer as it is, or as text spells it: ``y0:y1,x0:x1``, or one unit's place, ``y,x``.

    Text may leave out leading axes (batch, channels), which are then taken whole, and a start or a stop, which is then
    the layer's. Raises InputError with the range that there is.

    >>> from striate.network.builder import Builder
    >>> from striate.network.operators import Elementwise
    >>> b = Builder("one", x=(1, 3, 8, 9))
    >>> y = b.add(Elementwise(), "x", name="same")
    >>> box_in(b.network(), "same", "2:4,7")
    Box('0:1,0:3,2:4,7:8')
    >>> box_in(b.network(), "same", ":4,7:")
    Box('0:1,0:3,0:4,7:9')
    """
    if isinstance(spelling, Box):
        return spelling
    shape = network.shapes[network.tensor(layer)]
    whole, named = Box.whole(shape), Box.parse(spelling)
    if not 1 <= len(named) <= len(shape):
        found = f"box {spelling!r} has {len(named)} axes, {layer} has shape {sized(shape)}"
        raise InputError(f"{found}: write 1 to {len(shape)}")
    last = Box(whole[len(shape) - len(named) :])
    named = Box(map(_closed, named, last))
    if named.empty or not last.contains(named):
        what = "holds no element" if named.empty else "lies outside"
        raise InputError(f"box {spelling!r} of {layer} {what}; boxes of its last {len(named)} axes lie in {last}")
    return Box([*whole[: len(shape) - len(named)], *named])


def _closed(named: Interval, last: Interval) -> Interval:
    """An interval with the ends that text left open at those of the layer."""
    start = last.start if named.start == -INFINITE else named.start
    return Interval(start, max(start, last.stop if named.stop == INFINITE else named.stop))


def save(model: Model, crop: Crop, path: str | os.PathLike[str]) -> Path:
    """Write ``part_of`` a model to a file, whole or not at all; the file's path."""
    if not isinstance(path, str | os.PathLike):
        raise InputError(f"save: path must be the path of a file, got {shown(path)}")
    return write_atomically(path, part_of(model, crop))
