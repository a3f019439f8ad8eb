"""ONNX models in NumPy, by the reference evaluator of ``onnx``: what other executors are held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from striate.errors import UnsupportedError
from striate.run.graphs import GraphRunner
from striate.run.runner import Array, cast_to, checked_feeds

if TYPE_CHECKING:
    from onnx.reference import ReferenceEvaluator


class ReferenceRunner(GraphRunner):
    """A model of an ONNX file or its bytes, or a crop of a model, in NumPy alone.

    It is slow and its operators are those of the standard's own text: a crop can be proved with it where no runtime
    is, and a runtime that differs from it be found. What it cannot run is an UnsupportedError with its own words.

    >>> from importlib.resources import files
    >>> from striate.crop import crop
    >>> from striate.formats.model import Model
    >>> from striate.geometry import Box
    >>> model = Model(files("striate") / "data" / "denoiser.onnx", (1, 3, 16, 16))
    >>> pixel = crop(model.network, {"stem/conv": Box("0,0:24,0,15")})
    >>> image = np.random.default_rng(0).random((1, 3, 16, 16))
    >>> part = ReferenceRunner(model, pixel).run({"image": image[pixel.feeds["image"].slices]})["stem/conv"]
    >>> whole = ReferenceRunner(model).run({"image": image}, ["stem/conv"])["stem/conv"]
    >>> bool(np.abs(part - whole[..., :1, 15:]).max() < 1e-6)
    True
    """

    name = "reference"

    def run(self, feeds: Mapping[str, Array], layers: Sequence[str] = ()) -> dict[str, Array]:
        """The tensors of some layers; see ``Runner.run``."""
        found = self.tensors(layers)
        arrays = checked_feeds(self.network, feeds)
        given = {name: cast_to(name, array, self._types[name]) for name, array in arrays.items()}
        try:
            made = self._evaluator.run(list(found.values()), given)
        except Exception as error:
            raise _failed(error) from error
        return dict(zip(found, map(np.asarray, made), strict=True))

    @cached_property
    def _evaluator(self) -> ReferenceEvaluator:
        from onnx.reference import ReferenceEvaluator

        try:
            return ReferenceEvaluator(self.graph())
        except Exception as error:
            raise _failed(error) from error

    @property
    def _types(self) -> Mapping[str, np.dtype[Any]]:
        from onnx.helper import tensor_dtype_to_np_dtype

        inputs = self._evaluator.proto_.graph.input
        return {info.name: tensor_dtype_to_np_dtype(info.type.tensor_type.elem_type) for info in inputs}


def _failed(error: Exception) -> UnsupportedError:
    line = " ".join(str(error).split()) or type(error).__name__
    return UnsupportedError(f"the reference evaluator of onnx fails: {line}")
