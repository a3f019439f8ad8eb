"""ONNX models in onnxruntime: any layers as outputs, a few sessions kept for those asked for last."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from striate.errors import InputError, MissingDependencyError, UnsupportedError
from striate.formats.model import Model
from striate.formats.onnx.file import OnnxBytes, OnnxFile
from striate.formats.onnx.loading import load_whole
from striate.network import Network
from striate.run.runner import Array, cast_to, checked_feeds
from striate.values import integer, items

if TYPE_CHECKING:
    import onnx
    import onnxruntime

ERRORS_ONLY = 3
MOST_SESSIONS = 8
EXACT_TYPES = {"float": "float32", "double": "float64"}


class Sessions:
    """onnxruntime's sessions by key, those used last; older ones are dropped.

    >>> sessions = Sessions(1)
    >>> [sessions.get(key, lambda: object()) is sessions.get(key, lambda: object()) for key in "ab"], len(sessions)
    ([True, True], 1)
    """

    def __init__(self, most: int = MOST_SESSIONS) -> None:
        self.most = integer("most", most, 1)
        self._held: OrderedDict[object, Any] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: object, make: Callable[[], Any]) -> Any:
        """The session of a key, made where it is not held."""
        with self._lock:
            if key not in self._held:
                self._held[key] = make()
                if len(self._held) > self.most:
                    self._held.popitem(last=False)
            self._held.move_to_end(key)
            return self._held[key]


class OnnxRunner:
    """A model of an ONNX file, or its bytes, in onnxruntime.

    ``threads`` is how many one operator may use (None: as many as there are cores). What onnxruntime cannot run is an
    UnsupportedError with its own words.

    >>> from importlib.resources import files
    >>> model = Model(files("striate") / "data" / "denoiser.onnx", (1, 3, 8, 8))
    >>> found = OnnxRunner(model, threads=1).run({"image": np.ones((1, 3, 8, 8))}, ["denoised"])
    >>> found["denoised"].shape
    (1, 3, 8, 8)
    """

    name = "onnxruntime"

    def __init__(self, model: Model, *, threads: int | None = None) -> None:
        if not isinstance(model.source, OnnxFile | OnnxBytes):
            raise InputError(f"{model.name} is a {model.kind} model; onnxruntime runs ONNX models")
        self.network: Network = model.network
        self._model, self._source = model, model.source
        self._threads = None if threads is None else integer("threads", threads, 1)
        self._sessions = Sessions()

    def run(self, feeds: Mapping[str, Array], layers: Sequence[str] = ()) -> dict[str, Array]:
        """The tensors of some layers; see ``Runner.run``."""
        names = items("layers", layers) or list(self.network.outputs)
        tensors = [self.network.tensor(name) for name in names]
        arrays = checked_feeds(self.network, feeds)
        further = tuple(sorted(set(tensors) - set(self.network.outputs)))
        session = self._sessions.get(further, lambda: self._session(further))
        return dict(zip(names, run_session(session, arrays, tensors), strict=True))

    def _session(self, further: Sequence[str]) -> onnxruntime.InferenceSession:
        held = self._source.path if isinstance(self._source, OnnxFile) else self._source.content
        if isinstance(held, Path) and not further and not self._model.given.values:
            return new_session(held, self._threads)
        return new_session(with_outputs(load_whole(held, self._model.given.values), further), self._threads)


def with_outputs(model: onnx.ModelProto, names: Sequence[str]) -> bytes:
    """A model, serialised, that also gives some of its tensors."""
    import onnx

    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    content: bytes = model.SerializeToString()
    return content


def new_session(model: Path | bytes, threads: int | None) -> onnxruntime.InferenceSession:
    """A session on the CPU; UnsupportedError where onnxruntime does not take the model."""
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingDependencyError('running ONNX models needs onnxruntime: pip install "striate[onnx]"') from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    if threads is not None:
        options.intra_op_num_threads = threads
    source = str(model) if isinstance(model, Path) else model
    try:
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise UnsupportedError(f"onnxruntime does not take the model: {error}") from error


def run_session(
    session: onnxruntime.InferenceSession, feeds: Mapping[str, Array], tensors: Sequence[str]
) -> list[Array]:
    """Some tensors of one run, what leads to them alone computed."""
    import onnxruntime

    kinds = {entry.name: _dtype(entry.name, entry.type) for entry in session.get_inputs()}
    given = {name: cast_to(name, array, kinds[name]) for name, array in feeds.items()}
    options = onnxruntime.RunOptions()
    options.only_execute_path_to_fetches = True
    try:
        found: list[Array] = session.run(list(dict.fromkeys(tensors)), given, options)
    except Exception as error:
        raise UnsupportedError(f"onnxruntime fails: {error}") from error
    by_name = dict(zip(dict.fromkeys(tensors), found, strict=True))
    return [by_name[name] for name in tensors]


def _dtype(name: str, kind: str) -> np.dtype[Any]:
    """NumPy's type of ``tensor(float)`` and its like."""
    word = kind.removeprefix("tensor(").removesuffix(")")
    try:
        return np.dtype(EXACT_TYPES.get(word, word))
    except TypeError as error:
        raise UnsupportedError(f"input {name!r} holds {word}, which no array of NumPy holds") from error
