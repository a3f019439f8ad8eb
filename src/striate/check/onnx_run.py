"""The untouched ONNX model in onnxruntime: the file's own bytes, nothing optimised, one thread.

To look at tensors inside, their names are appended as further outputs of the graph; no other byte is changed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfile
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from striate.check.noise import UnusableError

Shape = tuple[int, ...]
ERRORS_ONLY = 3


class OnnxRun:
    """One session of a model whose own outputs are ``own``; ``run`` answers with ``tensors``, or some of them."""

    def __init__(
        self, path: Path, source: str, shapes: Mapping[str, Shape], tensors: Sequence[str], own: Sequence[str]
    ) -> None:
        self._tensors, self._source = list(tensors), source
        try:
            self._session = _session(path, [name for name in tensors if name not in own])
        except Exception as error:
            raise UnusableError(" ".join(str(error).split())) from error
        random = np.random.default_rng(0)
        self._feeds: dict[str, NDArray[Any]] = {}
        for entry in self._session.get_inputs():
            kind = _dtype(entry.type)
            if entry.name == source:
                self.dtype = kind
            else:
                self._feeds[entry.name] = _filler(random, shapes[entry.name], kind)

    def run(self, image: NDArray[Any], tensors: Sequence[str] | None = None) -> list[NDArray[Any]]:
        """The tensors of one run, which computes what leads to them alone."""
        options = onnxruntime.RunOptions()
        options.only_execute_path_to_fetches = True
        names = list(tensors) if tensors is not None else self._tensors
        try:
            feeds = {**self._feeds, self._source: image}
            found: list[NDArray[Any]] = self._session.run(names, feeds, options)
        except Exception as error:
            raise UnusableError(" ".join(str(error).split())) from error
        return found


def _session(path: Path, outputs: Sequence[str]) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = ERRORS_ONLY
    beside = str(path.parent.resolve())
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", beside)
    with _with_outputs(path, outputs) as file:
        return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


@contextmanager
def _with_outputs(path: Path, outputs: Sequence[str]) -> Iterator[Path]:
    """The file with further outputs: a message appended to a serialised message adds to its lists."""
    if not outputs:
        yield path
        return
    more = onnx.ModelProto(graph=onnx.GraphProto(output=[onnx.ValueInfoProto(name=name) for name in outputs]))
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        copyfile(path, copy)
        with copy.open("ab") as file:
            file.write(more.SerializeToString())
        yield copy


def _dtype(kind: str) -> np.dtype[Any]:
    """NumPy's type of ``tensor(float)`` and its like."""
    name = kind.removeprefix("tensor(").removesuffix(")")
    try:
        return np.dtype({"float": "float32", "double": "float64"}.get(name, name))
    except TypeError as error:
        raise UnusableError(f"an input holds {name}, which is not fed") from error


def _filler(random: np.random.Generator, shape: Shape, kind: np.dtype[Any]) -> NDArray[Any]:
    if kind.kind == "f":
        return np.asarray(random.random(shape).astype(kind))
    return np.ones(shape, kind)
