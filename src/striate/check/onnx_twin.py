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
from onnx import helper

from striate.check.onnx_backward import Backward, asked_for, carrying
from striate.check.onnx_file import branch, needed, put_in, skimmed, structure, written
from striate.check.onnx_graph import GraphBuilder
from striate.check.onnx_rules import rewrite
from striate.errors import ModelError, UnsupportedError
from striate.fields.unit import unit_sizes

Target = tuple[str, tuple[int, ...]]
Shape = tuple[int, ...]

THREADS = 2
ERRORS_ONLY = 3


class OnnxTwin:
    """The twin of a model; ``shapes`` names the shape of every input and the rank of every tensor a node makes.

    ``tensors`` are the names it knows, ``visible`` those of them that the file's own graph writes, ``outputs``
    the model's.
    An If whose condition follows from shapes and constants stands for the branch that it takes.
    """

    def __init__(self, path: Path, source: str, shapes: Mapping[str, Shape]) -> None:
        model = skimmed(path)
        self.visible = written(model.graph)
        self.outputs = [entry.name for entry in model.graph.output]
        self._model, self._folder = structure(model), path.parent
        self._source, self._claimed = source, shapes
        self.passes = 0
        self._watching: Any = None
        self._backward: Backward | None = None
        self._feeds: dict[str, NDArray[Any]] = {}
        self._resolve()
        self.tensors = written(self._model.graph)

    def build(self, tensors: Sequence[str]) -> dict[str, Shape]:
        """Make the twin of the part that leads to some tensors; the runtime's own shape of each."""
        for name in tensors:
            if name not in self.tensors:
                raise ModelError(f"the model file has no tensor {name!r}")
        self._builder, self._backward = self._begun(), None
        for node in needed(self._model.graph, set(tensors) - {self._source}):
            rewrite(self._builder, node)
        for tensor in tensors:
            self._builder.write_out(tensor)
        looks = [_look("Shape", tensor) for tensor in tensors]
        found = self._run(*self._session(self._builder, looks=looks), self._dark())
        self._ranks = {name: len(value) for name, value in zip(tensors, found, strict=True)}
        return {name: tuple(map(int, value)) for name, value in zip(tensors, found, strict=True)}

    def watch(self, targets: Sequence[Target]) -> None:
        """Choose the units that ``responds`` speaks of from now on, each inside the shape of its tensor."""
        self._watching, builder = None, self._builder.scratch()
        outputs = [_unit(builder, tensor, at, self._ranks[tensor]) for tensor, at in targets]
        self._watching, self._feeds = self._session(builder, outputs)

    def watch_lines(self, tensors: Sequence[str]) -> None:
        """Choose the tensors all of whose units ``lines`` speaks of from now on, in place of ``responds``."""
        self._watching, builder = None, self._builder.scratch()
        outputs = []
        for tensor in tensors:
            thin = builder.alike.get(tensor)
            name, others = (
                (thin.name, [0, 1]) if thin is not None else (tensor, [0, 1][: max(self._ranks[tensor] - 1, 1)])
            )
            outputs.append(builder.reduce(name, others))
        self._watching, self._feeds = self._session(builder, outputs)

    def reads(self, tensor: str, at: Sequence[int], axes: Sequence[int], *, local: bool = False) -> NDArray[np.bool_]:
        """The source's pixels (over its spatial ``axes``) that one unit reads, of one pass backwards.

        ``local`` leaves out what passes through a node that reduces an axis behind the channels.
        Raises UnsupportedError where a node on the way is not followed backwards.
        """
        if self._backward is None:
            self._backward = self._turned()
        thin = self._builder.alike.get(tensor)
        if thin is not None and len(at) > self._ranks[tensor] - 2:
            raise UnsupportedError(f"unit {tuple(at)} of {tensor!r} is one of channels that are all alike")
        found = self._backward.reads(tensor if thin is None else thin.name, at, local=local)
        self.passes += 1
        return np.asarray(found.any(axis=tuple(k for k in range(found.ndim) if k not in axes)))

    def close(self) -> None:
        """Give back the memory of the twin's graph and session; it answers no more."""
        self._watching = self._builder = self._model = self._backward = None  # type: ignore[assignment]

    def responds(self, pixels: NDArray[np.bool_], axes: Sequence[int]) -> NDArray[np.bool_]:
        """Which targets are 1 when the source is 1 at ``pixels`` (over its spatial ``axes``) and 0 elsewhere."""
        found = self._run(self._watching, self._feeds, self._lit(pixels, axes))
        return np.array([bool((values != 0).any()) for values in found])

    def lines(self, pixels: NDArray[np.bool_], axes: Sequence[int]) -> list[NDArray[np.bool_]]:
        """As ``responds``, for every unit of the tensors chosen: one array over their units each."""
        found = self._run(self._watching, self._feeds, self._lit(pixels, axes))
        return [values.reshape(unit_sizes(values.shape)) != 0 for values in found]

    def _lit(self, pixels: NDArray[np.bool_], axes: Sequence[int]) -> NDArray[np.float32]:
        shape = self._claimed[self._source]
        place = [n if axis in axes else 1 for axis, n in enumerate(shape)]
        return np.broadcast_to(pixels.reshape(place), shape).astype(np.float32)

    def _dark(self) -> NDArray[np.float32]:
        return np.zeros(self._claimed[self._source], np.float32)

    def _begun(self) -> GraphBuilder:
        ranks = {name: len(shape) for name, shape in self._claimed.items()}
        return GraphBuilder(self._model, self._source, ranks, self._folder)

    def _turned(self) -> Backward:
        """The twin turned round, with the shapes and values that one dark pass shows."""
        nodes = carrying(self._builder.nodes, self._source)
        shaped, valued = asked_for(nodes, self._source)
        looks = [_look("Shape", name) for name in shaped] + [_look("Identity", name) for name in valued]
        found = self._run(*self._session(self._builder, looks=looks), self._dark()) if looks else []
        shapes = {name: tuple(map(int, value)) for name, value in zip(shaped, found, strict=False)}
        shapes[self._source] = self._claimed[self._source]
        values = dict(zip(valued, found[len(shaped) :], strict=True))
        return Backward(nodes, self._source, shapes, values, self._alone)

    def _alone(self, node: onnx.NodeProto, inputs: Sequence[NDArray[Any] | None]) -> list[NDArray[Any]]:
        """What one node makes of some inputs, None for one that is left out."""
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        feeds = {f"x{k}": value for k, value in enumerate(inputs) if value is not None}
        copy.input[:] = [f"x{k}" if value is not None else "" for k, value in enumerate(inputs)]
        declared = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
            for name, value in feeds.items()
        ]
        outputs = [onnx.ValueInfoProto(name=name) for name in copy.output if name]
        graph = helper.make_graph([copy], "alone", declared, outputs)
        session = _begin(graph, self._model, as_it_stands=True)
        try:
            found = iter(session.run(None, feeds))
        except Exception as error:
            raise failure(error) from error
        return [next(found) if name else np.zeros(0) for name in copy.output]

    def _resolve(self) -> None:
        """Replace each If by the branch its condition takes, as the runtime computes it."""
        graph = self._model.graph
        while (node := next((node for node in graph.node if node.op_type == "If"), None)) is not None:
            builder = self._begun()
            for other in needed(graph, {node.input[0]}):
                rewrite(builder, other)
            if node.input[0] in builder.data:
                where = node.name or node.output[0]
                raise UnsupportedError(f"check has no twin for If (node {where!r}): its branch depends on the image")
            (condition,) = self._run(*self._session(builder, [builder.emit("Identity", [node.input[0]])]), self._dark())
            put_in(graph, node, branch(node, bool(condition.reshape(-1)[0])))

    def _run(self, session: Any, feeds: dict[str, NDArray[Any]], image: NDArray[np.float32]) -> list[NDArray[Any]]:
        self.passes += 1
        try:
            found: list[NDArray[Any]] = session.run(None, {**feeds, self._source: image})
        except Exception as error:
            raise failure(error) from error
        return found

    def _session(
        self, builder: GraphBuilder, outputs: Sequence[str] = (), looks: Sequence[onnx.NodeProto] = ()
    ) -> tuple[Any, dict[str, NDArray[Any]]]:
        """A twin so far as a session with some outputs, and what to feed beside the image.

        Nodes that look at shapes and values are outputs too; with them it runs as it stands, not as it is inferred.
        """
        model = self._model
        feeds, inputs = _inputs(model.graph, builder, self._source, self._claimed)
        declared = [onnx.ValueInfoProto(name=name) for name in (*outputs, *(look.output[0] for look in looks))]
        nodes = [*builder.stand_ins(), *builder.nodes, *looks]
        graph = helper.make_graph(nodes, "twin", inputs, declared, builder.initialisers())
        return _begin(graph, model, as_it_stands=bool(looks)), feeds


def _look(op: str, name: str) -> onnx.NodeProto:
    """A node that shows a tensor's shape, or the tensor itself."""
    return helper.make_node(op, [name], [f"{name}.striate.{op}"])


def _begin(graph: onnx.GraphProto, model: onnx.ModelProto, *, as_it_stands: bool) -> Any:
    """A session of a graph of the same opsets as a model, optimised or as it stands."""
    made = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.log_severity_level = ERRORS_ONLY
    if as_it_stands:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        return onnxruntime.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise failure(error) from error


def _unit(builder: GraphBuilder, tensor: str, at: tuple[int, ...], rank: int) -> str:
    """The values of one unit, all batches and channels (one index for every trailing axis)."""
    thin = builder.alike.get(tensor)
    axis, name = rank - len(at), tensor if thin is None or len(at) > rank - 2 else thin.name
    for index in at:
        name = builder.emit("Gather", [name, builder.constant(np.array(index, dtype=np.int64))], axis=axis)
    return builder.emit("Identity", [name])


def _inputs(
    graph: onnx.GraphProto, builder: GraphBuilder, source: str, shapes: Mapping[str, Shape]
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


def failure(error: Exception) -> ModelError:
    """What onnxruntime says, in one line."""
    line = " ".join(str(error).split()) or type(error).__name__
    return ModelError(f"onnxruntime cannot run the twin: {line}")
