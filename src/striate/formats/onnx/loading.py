"""From a file to an ONNX graph without weights: nothing is executed, unpickled or fetched from elsewhere."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from os.path import isdir
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

import numpy as np

from striate.errors import InputError, MissingDependencyError, ModelError, UnsupportedError
from striate.formats.foreign import folder, foreign, unread
from striate.formats.given import Value
from striate.formats.onnx.functions import expanded, subgraphs
from striate.formats.onnx.wire import Buffer, kept, needed, slim
from striate.names import did_you_mean

if TYPE_CHECKING:
    import onnx

OLDEST_OPSET = 7
LARGEST_OPSET = 1 << 31
DAMAGED = "truncated or damaged: not a valid ONNX protobuf"


def load_model(held: Path | bytes, values: Mapping[str, Value] | None = None) -> onnx.ModelProto:
    """The model in a file or in bytes, large payloads left out and local functions expanded.

    ``values`` turn inputs into constants.
    """
    model = _parsed(held)
    if values:
        model.graph.initializer.extend(fixed(model.graph, values))
    if isinstance(held, Path):
        _read_external(model, held.parent)
    elif any(True for _ in _all_external(model)):
        raise ModelError("it keeps weights in files beside it, and bytes have no folder; give the path of its file")
    return expanded(model)


def load_whole(held: Path | bytes, values: Mapping[str, Value] | None = None) -> onnx.ModelProto:
    """As ``load_model``, with every weight, those in files beside the model too."""
    import onnx

    _parsed(held)
    model = onnx.load_model_from_string(held if isinstance(held, bytes) else held.read_bytes())
    if values:
        model.graph.initializer.extend(fixed(model.graph, values))
    if isinstance(held, Path):
        _read_external(model, held.parent, every=True)
    return expanded(model)


def fixed(graph: onnx.GraphProto, values: Mapping[str, Value]) -> list[onnx.TensorProto]:
    """Initialisers that give inputs their values: a message with them, appended to a model, makes them constants."""
    import onnx

    inputs = {info.name: info.type.tensor_type for info in graph.input}
    found = []
    for name, value in values.items():
        if name not in inputs:
            raise InputError(f"no input {name!r}{did_you_mean(name, inputs)} Inputs: {', '.join(inputs)}")
        kind, dims = inputs[name], [dim.dim_value for dim in inputs[name].shape.dim]
        if any(n > 1 for n in dims):
            sizes = "x".join(map(str, dims))
            raise InputError(f"a value is given for {name!r}, which holds {sizes} numbers; it must hold one")
        try:
            content = np.full([1] * len(dims), value).astype(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type))
        except (KeyError, ValueError, OverflowError) as error:
            raise InputError(f"input {name!r} cannot hold {value}: its elements are no numbers") from error
        found.append(onnx.numpy_helper.from_array(content, name))
    return found


def external_files(held: Path | bytes) -> tuple[Path, ...]:
    """The files beside a model that hold its tensors, in the order in which the model names them first."""
    if isinstance(held, bytes):
        return ()
    places = ((tensor.name, _external(tensor).get("location", "")) for tensor in _all_external(_parsed(held)))
    return tuple(dict.fromkeys(_beside(name, location, held.parent) for name, location in places))


def _parsed(held: Path | bytes) -> onnx.ModelProto:
    """The model in a file or in bytes, large payloads left out."""
    try:
        import onnx
    except ImportError as error:
        raise MissingDependencyError('reading ONNX files needs onnx: pip install "striate[onnx]"') from error
    if isinstance(held, Path) and isdir(held):
        raise InputError(folder(held))
    content = _slim_bytes(held) if isinstance(held, bytes) else _slim_file(held)
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:
        raise _unread(held, DAMAGED) from error
    if not model.HasField("graph") or not (model.graph.node or model.graph.output):
        raise _unread(held, "holds no ONNX graph")
    return model


def _unread(held: Path | bytes, why: str) -> ModelError:
    """The error of what reads as no ONNX model, what it is otherwise where that can be told."""
    kind = unread(held)
    return ModelError(why if kind is None else str(kind))


def opsets(model: onnx.ModelProto) -> dict[str, int]:
    """Domain to version; the default domain is ''."""
    from onnx import defs

    found = {"" if entry.domain == "ai.onnx" else entry.domain: entry.version for entry in model.opset_import}
    version, newest = found.setdefault("", OLDEST_OPSET), defs.onnx_opset_version()
    if not OLDEST_OPSET <= version <= newest:
        raise UnsupportedError(f"opset {version}; opsets {OLDEST_OPSET} to {newest} are read")
    for domain, number in found.items():
        if not 0 <= number < LARGEST_OPSET:
            raise ModelError(f"domain {domain!r} is imported in version {number}")
    return found


def _slim_bytes(content: bytes) -> bytes:
    kind = foreign(content)
    if kind is not None or not content:
        raise ModelError("holds no bytes" if kind is None else str(kind))
    try:
        return slim(content)
    except ModelError as error:
        raise _unread(content, str(error)) from error


def _slim_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            if path.stat().st_size == 0:
                raise ModelError("the file is empty")
            kind = foreign(path)
            if kind is not None:
                raise ModelError(str(kind))
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                try:
                    return slim(mapped)
                except ModelError as error:
                    raise _unread(path, str(error)) from error
    except (OSError, ValueError) as error:
        if isinstance(error, ModelError):
            raise
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"cannot be opened: {reason}") from error


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    yield from _node_tensors(graph.node)


def _node_tensors(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.TensorProto]:
    for node in nodes:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
        for graph in subgraphs(node):
            yield from _tensors(graph)


def _all_external(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """The tensors whose values are kept outside the model's own file."""
    from onnx import TensorProto

    tensors = (*_tensors(model.graph), *(t for f in model.functions for t in _node_tensors(f.node)))
    return (tensor for tensor in tensors if tensor.data_location == TensorProto.EXTERNAL)


def _external(tensor: onnx.TensorProto) -> dict[str, str]:
    """Where an external tensor says its values are."""
    return {entry.key: entry.value for entry in tensor.external_data}


def _read_external(model: onnx.ModelProto, folder: Path, *, every: bool = False) -> None:
    """Take in what is shape arithmetic or a mask, or everything; refuse weights kept anywhere but beside the model."""
    with ExitStack() as opened:
        files: dict[Path, tuple[Buffer, int]] = {}
        for tensor in _all_external(model):
            entries = _external(tensor)
            place = _beside(tensor.name, entries.get("location", ""), folder)
            if place not in files:
                files[place] = _mapped(place, opened)
            _take(tensor, entries, place, *files[place], every=every)


def _beside(name: str, location: str, folder: Path) -> Path:
    """The file of a tensor's data."""
    if not isinstance(location, str):
        raise ModelError(f"tensor {name!r} keeps its data in a file whose name is no UTF-8 text")
    parts = (*PurePosixPath(location).parts, *PureWindowsPath(location).parts)
    anchored = PurePosixPath(location).is_absolute() or PureWindowsPath(location).anchor
    if not location or anchored or ".." in parts or "\0" in location:
        raise ModelError(f"tensor {name!r} keeps its data in {location!r}; only a file beside the model is accepted")
    place = folder / location
    if not place.is_file() or not place.resolve().is_relative_to(folder.resolve()):
        raise ModelError(f"tensor {name!r} keeps its data in {location!r}, which is not beside the model")
    return place


def _mapped(place: Path, opened: ExitStack) -> tuple[Buffer, int]:
    """A file's content and size; nothing is read yet."""
    try:
        size = place.stat().st_size
        file = opened.enter_context(place.open("rb"))
        return (opened.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) if size else b""), size
    except OSError as error:
        raise ModelError(f"{place.name!r} beside the model cannot be opened: {error.strerror}") from error


def _take(
    tensor: onnx.TensorProto, entries: Mapping[str, str], place: Path, view: Buffer, held: int, *, every: bool
) -> None:
    """Check that a tensor's data is there, and copy what is worth having into the tensor."""
    from onnx import TensorProto

    need = needed(tensor.dims, tensor.data_type)
    try:
        start, size = int(entries.get("offset", 0)), int(entries.get("length", need or 0))
    except ValueError as error:
        raise ModelError(f"tensor {tensor.name!r}: offset or length of its data is no number") from error
    if start < 0 or size < 0 or start + size > held or need not in (None, size):
        raise ModelError(
            f"truncated or damaged: tensor {tensor.name!r} of shape {tuple(tensor.dims)} needs {need} bytes, "
            f"the model gives {size} from byte {start} of {place.name!r}, which holds {held}"
        )
    if every or (need is not None and kept(view, start, size, tensor.data_type)):
        tensor.raw_data = view[start : start + size]
        tensor.data_location = TensorProto.DEFAULT
        tensor.ClearField("external_data")


def held_tensors(graph: onnx.GraphProto) -> dict[str, onnx.TensorProto]:
    """The tensors that a graph holds by name, as initializers or as the values of its Constant nodes."""
    constants = [(node.output[0], entry.t) for node in graph.node if node.op_type == "Constant"
                 for entry in node.attribute if entry.name == "value"]  # fmt: skip
    return {**dict(constants), **{tensor.name: tensor for tensor in graph.initializer}}
