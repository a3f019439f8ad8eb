"""ONNX models in onnxruntime: any layers as outputs, a few sessions kept for those asked for last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from striate.crop import Crop
from striate.errors import MissingDependencyError, UnsupportedError
from striate.formats.model import Model
from striate.run.graphs import GraphRunner
from striate.run.recent import Recent
from striate.run.runner import Array, cast_to, checked_feeds
from striate.values import integer

if TYPE_CHECKING:
    import onnx
    import onnxruntime

ERRORS_ONLY = 3
MOST_SESSIONS = 16
EXACT_TYPES = {"float": "float32", "double": "float64"}


SESSIONS: Recent[onnxruntime.InferenceSession] = Recent(MOST_SESSIONS)
"""Those that all runners share."""


class OnnxRunner(GraphRunner):
    """A model of an ONNX file or its bytes, or a crop of it, in onnxruntime.

    A run gives ``outputs`` where it is asked for no layers, by default those of the network. Crops with equal keys
    share a session, as do models with the same bytes. ``threads`` is how many one operator may use (None: as many as
    there are cores). What onnxruntime cannot run is an UnsupportedError with its own words.

    >>> from importlib.resources import files
    >>> model = Model(files("striate") / "data" / "denoiser.onnx", (1, 3, 8, 8))
    >>> found = OnnxRunner(model, threads=1).run({"image": np.ones((1, 3, 8, 8))}, ["denoised"])
    >>> found["denoised"].shape
    (1, 3, 8, 8)
    """

    name = "onnxruntime"

    def __init__(
        self,
        model: Model,
        crop: Crop | None = None,
        *,
        outputs: Sequence[str] = (),
        threads: int | None = None,
        sessions: Recent[onnxruntime.InferenceSession] = SESSIONS,
    ) -> None:
        super().__init__(model, crop, outputs=outputs)
        self._threads = None if threads is None else integer("threads", threads, 1)
        self._sessions = sessions

    def run(self, feeds: Mapping[str, Array], layers: Sequence[str] = ()) -> dict[str, Array]:
        """The tensors of some layers; see ``Runner.run``."""
        found = self.tensors(layers)
        arrays = checked_feeds(self.network, feeds)
        further = self.further(found.values())
        part = None if self._crop is None else self._crop.key
        key = self._model.identity, self._model.given, part, further, self._threads
        session = self._sessions.get(key, lambda: new_session(self._held(further), self._threads))
        return dict(zip(found, run_session(session, arrays, list(found.values())), strict=True))

    def _held(self, further: Sequence[str]) -> Path | bytes:
        """The file, or the bytes of a model that also gives some of its tensors."""
        return self.file if self.file and not further else with_outputs(self.graph(), further)


def runner(
    model: Model, crop: Crop | None = None, *, outputs: Sequence[str] = (), threads: int | None = None
) -> OnnxRunner:
    """What runs a model, or a crop of it, in onnxruntime; ``outputs`` are the layers that a run gives by default.

    >>> from importlib.resources import files
    >>> from striate.crop import crop
    >>> from striate.geometry import Box
    >>> model = Model(files("striate") / "data" / "denoiser.onnx", (1, 3, 64, 64))
    >>> corner = crop(model.network, {"denoised": Box("0,0:3,0:8,0:8")})
    >>> image = np.random.default_rng(0).random((1, 3, 64, 64))
    >>> part = runner(model, corner).run({"image": image[corner.feeds["image"].slices]})["denoised"]
    >>> bool((part == runner(model).run({"image": image})["denoised"][..., :8, :8]).all())
    True
    """
    return OnnxRunner(model, crop, outputs=outputs, threads=threads)


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
