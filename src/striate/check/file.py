"""Checking an ONNX file: onnxruntime runs its twin, and the file itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from striate.check.choose import (
    Unit,
    affordable,
    affordable_runs,
    choose_units,
    spread,
    upper_bounds,
    wrong_shapes,
)
from striate.check.extents import ExtentPass
from striate.check.impulses import Claims
from striate.check.noise import Images, NoisePass, UnusableError
from striate.check.onnx_run import OnnxRun
from striate.check.onnx_twin import OnnxTwin
from striate.check.report import CheckReport, UnitCheck, with_noise
from striate.errors import InputError, ModelError
from striate.fields import Fields, region
from striate.network.relation import Shape
from striate.progress import Progress, Ticker


def check_file(
    path: Path,
    fields: Fields,
    layers: Sequence[str] | None = None,
    units: Sequence[Sequence[int]] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    passes: int | None = None,
) -> CheckReport:
    """As ``check``, for the claims read from the ONNX file at ``path``."""
    network = fields.network
    twin = OnnxTwin(path, fields.source, network.shapes)
    names = list(layers) if layers is not None else spread([n for n in fields if network.tensor(n) in twin.tensors])
    _known(fields, names, twin)
    chosen = choose_units(network, names, units, seed)
    tensors = list(dict.fromkeys(network.tensor(layer) for layer, _ in chosen))
    measured = twin.build(tensors)
    report = CheckReport(path.name, f"onnxruntime {onnxruntime.__version__}", 1, seed, ())
    wrong = wrong_shapes(network.shapes, measured)
    if wrong:
        _Itself(path, fields, tensors, twin).compare(measured)
        found = [UnitCheck(layer, at, 0, 0, 0, False, wrong.get(network.tensor(layer))) for layer, at in chosen]
        return replace(report, units=tuple(found), unusable="the claim's shapes are wrong")
    masks = [region(fields, layer, at).mask for layer, at in chosen]
    report = _by_twin(twin, fields, chosen, masks, report, progress, passes)
    twin.close()
    itself = _Itself(path, fields, tensors, twin)
    itself.compare(measured)
    return itself.complete(report, chosen, masks, seed)


def _by_twin(
    twin: OnnxTwin,
    fields: Fields,
    chosen: Sequence[Unit],
    masks: Sequence[NDArray[np.bool_]],
    report: CheckReport,
    progress: Progress | None,
    passes: int | None,
) -> CheckReport:
    """The report with what the twin says of the units chosen, and of the extents of all in their layers."""
    network, axes = fields.network, tuple(fields.spatial.values())
    limit = passes if passes is not None else affordable(network)
    bounded = upper_bounds(fields)
    apart = max(2 * limit // max(len(axes), 1), 1)
    total = len(chosen) + limit + sum(min(apart, network.shapes[fields.source][axis]) for axis in axes)
    ticker = Ticker(progress, total)

    twin.watch([(network.tensor(layer), at) for layer, at in chosen])
    bounds = [network.tensor(layer) in bounded for layer, _ in chosen]
    claims = Claims(masks, bounds, lambda pixels: twin.responds(pixels, axes), limit, report.seed)
    claims.outside(ticker.step)
    claims.inside(ticker.step)
    found = [claims.report(k, layer, at) for k, (layer, at) in enumerate(chosen)]

    layers = list(dict.fromkeys(layer for layer, _ in chosen))
    twin.watch_lines([network.tensor(layer) for layer in layers])
    extents = ExtentPass(fields, layers, [network.tensor(layer) in bounded for layer in layers])
    shown = extents.by_lines(lambda pixels: twin.lines(pixels, axes), apart, ticker.step)
    ticker.finish()
    return replace(report, passes=twin.passes, units=tuple(found), extents=tuple(shown))


def _known(fields: Fields, names: Sequence[str], twin: OnnxTwin) -> None:
    for name in names:
        if fields.network.tensor(name) not in twin.tensors:
            raise InputError(f"{name!r} is no tensor that the file names: check a layer outside its local functions")


class _Itself:
    """The file itself in its runtime, as far as its tensors can be seen from outside."""

    def __init__(self, path: Path, fields: Fields, tensors: Sequence[str], twin: OnnxTwin) -> None:
        self._fields, self.unusable = fields, ""
        self._tensors = [name for name in tensors if name in twin.visible]
        if not self._tensors:
            self._tensors = twin.outputs[:1]
        try:
            self._run = OnnxRun(path, fields.source, fields.network.shapes, self._tensors, twin.outputs)
            axes = tuple(fields.spatial.values())
            self._images = Images(fields.network.shapes[fields.source], axes, self._run.dtype, 0)
            self._first = dict(zip(self._tensors, self._run.run(self._images.base(0)), strict=True))
        except UnusableError as error:
            self.unusable = str(error)

    def compare(self, twin: Mapping[str, Shape]) -> None:
        """Raise ModelError where the twin's shape of a tensor is not the model's own."""
        for name in self._tensors if not self.unusable else ():
            if twin.get(name, self._first[name].shape) != self._first[name].shape:
                raise ModelError(
                    f"check's twin does not follow this model: {name!r} has shape {twin[name]} in the twin, "
                    f"{self._first[name].shape} in the model itself"
                )

    def complete(
        self, report: CheckReport, chosen: Sequence[Unit], masks: Sequence[NDArray[np.bool_]], seed: int
    ) -> CheckReport:
        """The report with what noise did to the units that can be seen."""
        network = self._fields.network
        seen = [k for k, (layer, _) in enumerate(chosen) if network.tensor(layer) in self._tensors]
        if not self.unusable and not seen:
            self.unusable = "the layers lie inside branches or local functions, which the runtime does not show"
        if self.unusable:
            return replace(report, unusable=self.unusable)
        units = [(network.tensor(chosen[k][0]), chosen[k][1]) for k in seen]

        def values(image: NDArray[Any], asked: Sequence[int]) -> list[NDArray[Any]]:
            names = list(dict.fromkeys(units[k][0] for k in asked))
            found = dict(zip(names, self._run.run(image, names), strict=True))
            return [_at(found[units[k][0]], units[k][1]) for k in asked]

        images = replace(self._images, seed=seed)
        work = NoisePass([masks[k] for k in seen], values, images, affordable_runs(network))
        try:
            noise = work.go()
        except UnusableError as error:
            return replace(report, unusable=str(error))
        return with_noise(report, dict(zip(seen, noise, strict=True)), work.runs)


def _at(values: NDArray[Any], at: tuple[int, ...]) -> NDArray[Any]:
    """A unit's values: all batches and channels."""
    index: list[slice | int] = [slice(None)] * (values.ndim - len(at)) + list(at)
    return np.asarray(values[tuple(index)])
