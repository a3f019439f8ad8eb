"""The twin of an ONNX model: the same graph, every value 0 or 1, every operator an OR over what it reads.

Weights become ones, sums are cut back to 0 or 1, activations become identities and products unions, so a
unit of the twin is 1 exactly when one of the pixels it reads is 1. Windows, strides, pads, slices, resizes
and shape arithmetic stay the model's own nodes, run by onnxruntime. Counts of ones below 2**24 are exact
in float32 and larger ones stay positive, so nothing cancels, underflows or overflows at any depth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import external_data_helper, helper, inliner

from striate.check.onnx_graph import GraphBuilder
from striate.check.onnx_rules import rewrite
from striate.errors import ModelError

Target = tuple[str, tuple[int, ...]]

THREADS = 2
ERRORS_ONLY = 3


class OnnxTwin:
    """The twin of the part of a model that leads to some tensors; ``shapes`` holds the runtime's own shape of each."""

    def __init__(
        self, path: Path, source: str, shapes: Mapping[str, tuple[int, ...]], tensors: Sequence[str]
    ) -> None:
        self._model = _structure(path)
        self._builder = GraphBuilder(self._model, source, {name: len(shape) for name, shape in shapes.items()})
        for node in needed(self._model.graph, set(tensors) - {source}):
            rewrite(self._builder, node)
        self._source, self._source_shape, self._folder = source, shapes[source], path.parent
        self._feeds, self._inputs = _inputs(self._model.graph, self._builder, source, shapes)
        self.passes = 0
        sizes = [self._builder.emit("Shape", [tensor]) for tensor in tensors]
        found = self._run(self._session(sizes), np.zeros(self._source_shape, np.float32))
        self.shapes = {name: tuple(map(int, value)) for name, value in zip(tensors, found, strict=True)}

    def watch(self, targets: Sequence[Target]) -> None:
        """Choose the units that ``responds`` speaks of, each inside the shape of its tensor."""
        outputs = [_unit(self._builder, tensor, at, len(self.shapes[tensor])) for tensor, at in targets]
        self._watching = self._session(outputs)

    def responds(self, pixels: NDArray[np.bool_], axes: Sequence[int]) -> NDArray[np.bool_]:
        """Which targets are 1 when the source is 1 at ``pixels`` (over its spatial ``axes``) and 0 elsewhere."""
        place = [n if axis in axes else 1 for axis, n in enumerate(self._source_shape)]
        image = np.broadcast_to(pixels.reshape(place), self._source_shape).astype(np.float32)
        return np.array([bool((values != 0).any()) for values in self._run(self._watching, image)])

    def _run(self, session: Any, image: NDArray[np.float32]) -> list[NDArray[Any]]:
        self.passes += 1
        try:
            found: list[NDArray[Any]] = session.run(None, {**self._feeds, self._source: image})
        except Exception as error:
            raise _failure(error) from error
        return found

    def _session(self, outputs: list[str]) -> Any:
        """The graph so far as a session with some outputs."""
        builder, model = self._builder, self._model
        used = {name for node in builder.nodes for name in node.input}
        constants = [tensor for name, tensor in builder.constants.items() if name in used]
        for tensor in constants:
            if external_data_helper.uses_external_data(tensor):
                external_data_helper.load_external_data_for_tensor(tensor, str(self._folder))
                tensor.data_location = onnx.TensorProto.DEFAULT
        made = [tensor for name, tensor in builder.made.items() if name in used]
        declared = [onnx.ValueInfoProto(name=name) for name in outputs]
        graph = helper.make_graph(builder.nodes, "twin", self._inputs, declared, [*constants, *made])
        twin = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        options.log_severity_level = ERRORS_ONLY
        try:
            return onnxruntime.InferenceSession(
                twin.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise _failure(error) from error


def _structure(path: Path) -> onnx.ModelProto:
    """The model's graph with functions inlined and Constant nodes as initialisers; no external weights."""
    model = inliner.inline_local_functions(onnx.load(str(path), load_external_data=False))
    kept = []
    for node in model.graph.node:
        value = next((a.t for a in node.attribute if a.name == "value"), None)
        if node.op_type == "Constant" and value is not None:
            tensor = model.graph.initializer.add()
            tensor.CopyFrom(value)
            tensor.name = node.output[0]
        else:
            kept.append(node)
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in kept]
    del model.graph.node[:]
    model.graph.node.extend(copies)
    return model


def needed(graph: onnx.GraphProto, tensors: set[str]) -> list[onnx.NodeProto]:
    """The nodes that lead to some tensors, in execution order."""
    wanted, kept = set(tensors), []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            wanted.difference_update(node.output)
            kept.append(node)
    unknown = sorted(wanted & tensors)
    if unknown:
        raise ModelError(f"the model file has no tensor {unknown[0]!r}")
    return kept[::-1]


def _unit(builder: GraphBuilder, tensor: str, at: tuple[int, ...], rank: int) -> str:
    """The values of one unit, all batches and channels (one index for every trailing axis)."""
    axis, name = rank - len(at), tensor
    for index in at:
        name = builder.emit("Gather", [name, builder.constant(np.array(index, dtype=np.int64))], axis=axis)
    return builder.emit("Identity", [name])


def _inputs(
    graph: onnx.GraphProto, builder: GraphBuilder, source: str, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[dict[str, NDArray[Any]], list[onnx.ValueInfoProto]]:
    """Zeros for every input but the source, and the declarations of all that the twin uses."""
    used = {name for node in builder.nodes for name in node.input} | {source}
    feeds, declared = {}, []
    for value in graph.input:
        if value.name not in used or value.name in builder.constants:
            continue
        kind = onnx.TensorProto.FLOAT if value.name == source else value.type.tensor_type.elem_type
        declared.append(helper.make_tensor_value_info(value.name, kind, shapes[value.name]))
        if value.name != source:
            feeds[value.name] = np.zeros(shapes[value.name], helper.tensor_dtype_to_np_dtype(kind))
    return feeds, declared


def _failure(error: Exception) -> ModelError:
    line = " ".join(str(error).split()) or type(error).__name__
    return ModelError(f"onnxruntime cannot run the twin: {line}")
