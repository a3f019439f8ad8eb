"""Checking a torch module: torch runs its twin, and the module itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
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
from striate.check.noise import Images, NoisePass, UnusableError
from striate.check.report import CheckReport, Disagreement, UnitCheck, with_noise
from striate.check.torch_run import TorchRun
from striate.check.torch_twin import TorchTwin
from striate.errors import InputError
from striate.fields import Fields, region
from striate.progress import Progress, Ticker


def check_module(
    module: Any,
    fields: Fields,
    layers: Sequence[str] | None = None,
    units: Sequence[Sequence[int]] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    passes: int | None = None,
) -> CheckReport:
    """As ``check``, for the claims read from a torch module."""
    network = fields.network
    inputs = {name: network.shapes[name] for name in network.inputs}
    twin = TorchTwin(module, inputs, fields.source)
    known = [path for path in twin.outputs if path in network.layers]
    unknown = [name for name in layers or () if name not in known]
    if unknown:
        network.tensor(unknown[0])
        raise InputError(f"check of a module compares submodules that give a tensor; {unknown[0]!r} is none")
    chosen = choose_units(network, list(layers) if layers is not None else spread(known), units, seed)
    checked = list(dict.fromkeys(layer for layer, _ in chosen))
    wrong = wrong_shapes(network.shapes, {network.tensor(layer): tuple(twin.outputs[layer].shape) for layer in checked})
    bounded = upper_bounds(fields)
    limit = passes if passes is not None else affordable(network, backward=True)
    most = max(limit // max(len(checked) * len(fields.spatial), 1), 1)
    total = len(chosen) + most * len(checked) * len(fields.spatial)
    ticker, axes = Ticker(progress, total), tuple(fields.spatial.values())
    found, masks = [], []
    for layer, at in chosen:
        shape_error = wrong.get(network.tensor(layer))
        masks.append(region(fields, layer, at).mask)
        if shape_error is not None:
            found.append(UnitCheck(layer, at, 0, 0, 0, False, shape_error))
        else:
            found.append(_compare(layer, at, masks[-1], twin.reads(layer, at, axes), network.tensor(layer) in bounded))
        ticker.step()
    extents = ExtentPass(fields, checked, [network.tensor(layer) in bounded for layer in checked])
    shown = [
        extent
        for layer in checked
        if network.tensor(layer) not in wrong
        for extent in extents.by_units(layer, partial(twin.reads_of, layer, axes), most, ticker.step)
    ]
    ticker.finish()
    report = CheckReport(
        type(module).__name__, f"torch {torch.__version__}", twin.passes, seed, tuple(found), tuple(shown)
    )
    return _itself(module, fields, report, chosen, masks)


def _itself(
    module: Any, fields: Fields, report: CheckReport, chosen: Sequence[Unit], masks: Sequence[NDArray[np.bool_]]
) -> CheckReport:
    """The report with what noise did to the module itself; what several threads leave in doubt, one thread decides."""
    inputs = {name: fields.network.shapes[name] for name in fields.network.inputs}
    found = report
    for threads in dict.fromkeys((torch.get_num_threads(), 1)):
        run = TorchRun(module, inputs, fields.source, threads)
        images = Images(inputs[fields.source], tuple(fields.spatial.values()), run.dtype, report.seed)
        values = partial(_values, run, chosen)
        work = NoisePass(masks, values, images, affordable_runs(fields.network))
        try:
            noise = work.go()
        except UnusableError as error:
            found = replace(report, unusable=str(error))
            continue
        found = with_noise(report, dict(enumerate(noise)), work.runs)
        if all(said.moved_by is None for said in noise):
            break
    return found


def _values(run: TorchRun, chosen: Sequence[Unit], image: NDArray[Any], units: Sequence[int]) -> list[NDArray[Any]]:
    return run.values(image, [chosen[k] for k in units])


def _compare(
    layer: str, at: tuple[int, ...], claimed: NDArray[np.bool_], read: NDArray[np.bool_], bound: bool
) -> UnitCheck:
    """Claim against measurement where every pixel of the unit was measured."""
    first = None
    differing = np.argwhere(read & ~claimed if bound else claimed != read)
    if len(differing):
        pixel = tuple(int(i) for i in differing[0])
        first = Disagreement("claimed but not read" if claimed[pixel] else "read but not claimed", pixel)
    confirmed, outside = int((claimed & read).sum()), int((~claimed).sum())
    return UnitCheck(layer, at, int(claimed.sum()), confirmed, outside, first is None, first, at_most=bound)
