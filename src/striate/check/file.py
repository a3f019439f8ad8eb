"""An ONNX file and its twin in onnxruntime."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from striate.check.claim import Claim
from striate.check.extents import ExtentPass
from striate.check.flow import Session, Tick
from striate.check.impulses import Claims
from striate.check.noise import Images
from striate.check.onnx_run import OnnxRun
from striate.check.onnx_twin import OnnxTwin
from striate.check.report import Extent, UnitCheck
from striate.check.stopwatch import Stopwatch
from striate.errors import ModelError, UnsupportedError
from striate.fields import Fields, Unit
from striate.network.relation import Shape


class FileRuntime:
    """Runs a model file, and forward passes of its twin."""

    name = f"onnxruntime {onnxruntime.__version__}"
    backward = False

    def __init__(self, path: Path, fields: Fields) -> None:
        self._path, self._fields, self._network = path, fields, fields.network
        self._axes = tuple(fields.spatial.values())
        self._twin = OnnxTwin(path, fields.source, self._network.shapes)
        self._shapes: dict[str, Shape] = {}

    @property
    def passes(self) -> int:
        """How often the twin has run."""
        return self._twin.passes

    def layers(self) -> list[str]:
        """The layers whose tensors the file names."""
        return [layer for layer in self._fields if self._network.tensor(layer) in self._twin.tensors]

    def refusal(self, layer: str) -> str:
        """Why a layer cannot be checked; empty where the file names its tensor."""
        if self._network.tensor(layer) in self._twin.tensors:
            return ""
        return f"{layer!r} is no tensor that the file names: check a layer outside its local functions"

    def build(self, layers: Sequence[str]) -> Mapping[str, Shape]:
        """Make the twin of the part that leads to some layers; the runtime's own shape of each."""
        tensors = {layer: self._network.tensor(layer) for layer in layers}
        self._shapes = self._twin.build(list(dict.fromkeys(tensors.values())))
        return {layer: self._shapes[tensor] for layer, tensor in tensors.items()}

    def steps(self, layers: int, limit: int) -> int:
        """One for each pass that lights pixels, and for each that lights lines or what lies before or behind them."""
        shape, apart = self._network.shapes[self._fields.source], self._apart(limit)
        return limit + sum(min(2 * apart, shape[axis]) for axis in self._axes)

    def units(self, claims: Sequence[Claim], limit: int, seed: int, tick: Tick) -> list[UnitCheck]:
        """What the twin says where all is lit outside a claim, what it tells backward, then single pixels inside."""
        self._twin.watch([(self._network.tensor(claim.unit.layer), claim.unit.at) for claim in claims])
        told = Claims(claims, lambda pixels: self._twin.responds(pixels, self._axes), limit, seed)
        watch = Stopwatch()
        told.outside(tick)
        each = watch.lap() / len(claims)
        traced = []
        for k, claim in enumerate(claims):
            self._trace(told, k, claim)
            traced.append(watch.lap())
        passes = told.inside(tick)
        lit = watch.lap() / passes if passes else each
        found = [told.report(k) for k in range(len(claims))]
        took = [each + (traced[k] if unit.method == "backward" else lit * unit.claimed) for k, unit in enumerate(found)]
        return [replace(unit, seconds=seconds) for unit, seconds in zip(found, took, strict=True)]

    def _trace(self, told: Claims, k: int, claim: Claim) -> None:
        """Follow one unit backward, where its twin can be followed."""
        tensor, at = self._network.tensor(claim.unit.layer), claim.unit.at
        with suppress(UnsupportedError):
            told.trace(k, self._twin.reads(tensor, at, self._axes))
            if claim.local:
                told.part(k, self._twin.reads(tensor, at, self._axes, local=True))

    def extents(self, claimed: ExtentPass, layers: Sequence[str], limit: int, tick: Tick) -> list[Extent]:
        """What the twin says where lines are lit."""
        self._twin.watch_lines([self._network.tensor(layer) for layer in layers])
        return claimed.by_lines(lambda pixels: self._twin.lines(pixels, self._axes), self._apart(limit), tick)

    def close(self) -> None:
        """Give back the twin's memory."""
        self._twin.close()

    def sessions(self) -> list[Callable[[], Session]]:
        """One: the file as it is."""
        return [self._session]

    def _apart(self, limit: int) -> int:
        return max(2 * limit // max(len(self._axes), 1), 1)

    def _session(self) -> Session:
        twin = self._twin
        seen = [tensor for tensor in self._shapes if tensor in twin.visible] or twin.outputs[:1]
        session = _FileSession(self._path, self._fields, seen, twin.outputs)
        session.compare(self._shapes)
        return session


class _FileSession:
    """The file itself, as far as its tensors can be seen from outside."""

    def __init__(self, path: Path, fields: Fields, tensors: Sequence[str], own: Sequence[str]) -> None:
        self._fields, self._tensors = fields, list(tensors)
        self._run = OnnxRun(path, fields.source, fields.network.shapes, self._tensors, own)
        self.dtype = self._run.dtype

    def compare(self, twin: Mapping[str, Shape]) -> None:
        """Raise ModelError where the twin's shape of a tensor is not the model's own."""
        shape, axes = self._fields.network.shapes[self._fields.source], tuple(self._fields.spatial.values())
        values = self._run.run(Images(shape, axes, self.dtype, 0).base(0))
        for name, own in zip(self._tensors, values, strict=True):
            if twin.get(name, own.shape) != own.shape:
                raise ModelError(
                    f"check's twin does not follow this model: {name!r} has shape {twin[name]} in the twin, "
                    f"{own.shape} in the model itself"
                )

    def sees(self, layer: str) -> bool:
        """Whether the file's own graph writes the layer's tensor."""
        return self._fields.network.tensor(layer) in self._tensors

    def values(self, image: NDArray[Any], units: Sequence[Unit]) -> list[NDArray[Any]]:
        """All batches and channels of each unit, of one run that computes what leads to them alone."""
        places = [(self._fields.network.tensor(unit.layer), unit.at) for unit in units]
        names = list(dict.fromkeys(name for name, _ in places))
        outputs = dict(zip(names, self._run.run(image, names), strict=True))
        return [_at(outputs[name], at) for name, at in places]


def _at(values: NDArray[Any], at: tuple[int, ...]) -> NDArray[Any]:
    index: list[slice | int] = [slice(None)] * (values.ndim - len(at)) + list(at)
    return np.asarray(values[tuple(index)])
