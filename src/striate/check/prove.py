"""``check``: the claim on a user's own model against the model's own runtime."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.check.impulses import Claims
from striate.check.report import CheckReport, Disagreement, Progress, UnitCheck
from striate.errors import InputError, MissingDependencyError
from striate.fields import Fields, region
from striate.model import InputShape, load
from striate.network import Network
from striate.network.relation import Shape

Unit = tuple[str, tuple[int, ...]]

DEFAULT_LAYERS = 12
RANDOM_UNITS = 2
# Forward passes: as many as touch about this many values in all, within bounds.
VALUES_TOUCHED = 5e9
FEWEST_PASSES, MOST_PASSES = 64, 2048


def check(
    model: str | PathLike[str] | Any,
    input_shape: InputShape = None,
    layers: Sequence[str] | None = None,
    units: Sequence[Sequence[int]] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    passes: int | None = None,
) -> CheckReport:
    """Prove the fields striate claims for a model on a twin of it, run by the model's own runtime.

    The twin is the model's graph with weights of one, identities for activations and unions for products:
    a unit of it answers exactly when a pixel it reads is lit. A model file runs in onnxruntime: ones
    everywhere outside a claim must leave the unit at zero, and single lit pixels inside it, in at most
    ``passes`` forward passes (default: by the size of the network), must each reach it. A torch module runs
    in torch, where one backward pass a unit gives every pixel it reads.

    ``layers`` are names of the network's layers, for a module paths of its submodules (default: up to twelve,
    evenly spread, the last among them); ``units`` index every one of them (default: the centre, the first
    corner and two drawn with ``seed``). ``progress(done, total)`` is called as the work goes on.
    Raises InputError for layers and units that do not exist, UnsupportedError for an operator that has no
    twin, MissingDependencyError without the runtime.

    >>> from torch import nn
    >>> report = check(nn.Sequential(nn.Conv2d(1, 1, 3, dilation=2)), (1, 1, 9, 9), units=[(0, 0)])
    >>> report.ok, str(report.units[0])
    (True, 'proved: 0 (0, 0) reads all 9 pixels claimed, none of the 72 others')
    """
    network = load(model, input_shape)
    if isinstance(model, str | PathLike):
        return check_file(Path(fspath(model)), network, layers, units, seed, progress, passes)
    return check_module(model, network, layers, units, seed, progress)


def check_file(
    path: Path,
    network: Network,
    layers: Sequence[str] | None = None,
    units: Sequence[Sequence[int]] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    passes: int | None = None,
) -> CheckReport:
    """As ``check``, for the claims of a network already read from the ONNX file at ``path``."""
    try:
        import onnxruntime

        from striate.check.onnx_twin import OnnxTwin
    except ImportError as error:
        raise MissingDependencyError(
            "check needs onnx and onnxruntime for a model file: pip install 'striate[onnx]'"
        ) from error
    fields = Fields(network)
    names = list(layers) if layers is not None else spread(list(fields))
    chosen = choose_units(network, names, units, seed)
    targets = [(network.tensor(layer), at) for layer, at in chosen]
    twin = OnnxTwin(path, fields.source, network.shapes, list(dict.fromkeys(tensor for tensor, _ in targets)))
    wrong = _wrong_shapes(network.shapes, twin.shapes)
    if wrong:
        found = [UnitCheck(layer, at, 0, 0, 0, False, wrong.get(network.tensor(layer))) for layer, at in chosen]
        return CheckReport(path.name, f"onnxruntime {onnxruntime.__version__}", 1, seed, tuple(found))
    twin.watch(targets)
    masks = [region(fields, layer, at).mask for layer, at in chosen]
    limit = passes if passes is not None else affordable(network)
    axes = tuple(fields.spatial.values())
    claims = Claims(masks, lambda pixels: twin.responds(pixels, axes), limit, seed)
    tick = _ticker(progress, len(chosen) + limit)
    claims.outside(tick)
    claims.inside(tick)
    if progress is not None:
        progress(len(chosen) + limit, len(chosen) + limit)
    found = [claims.report(k, layer, at) for k, (layer, at) in enumerate(chosen)]
    return CheckReport(path.name, f"onnxruntime {onnxruntime.__version__}", twin.passes, seed, tuple(found))


def check_module(
    module: Any,
    network: Network,
    layers: Sequence[str] | None = None,
    units: Sequence[Sequence[int]] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> CheckReport:
    """As ``check``, for the claims of a network already read from a torch module."""
    import torch

    from striate.check.torch_twin import TorchTwin

    fields = Fields(network)
    inputs = {name: network.shapes[name] for name in network.inputs}
    twin = TorchTwin(module, inputs, fields.source)
    known = [path for path in twin.outputs if path in network.layers]
    unknown = [name for name in layers or () if name not in known]
    if unknown:
        network.tensor(unknown[0])
        raise InputError(f"check of a module compares submodules that give a tensor; {unknown[0]!r} is none")
    chosen = choose_units(network, list(layers) if layers is not None else spread(known), units, seed)
    measured_shapes = {network.tensor(layer): tuple(twin.outputs[layer].shape) for layer, _ in chosen}
    wrong = _wrong_shapes(network.shapes, measured_shapes)
    tick, axes, found = _ticker(progress, len(chosen)), tuple(fields.spatial.values()), []
    for layer, at in chosen:
        shape_error = wrong.get(network.tensor(layer))
        if shape_error is not None:
            found.append(UnitCheck(layer, at, 0, 0, 0, False, shape_error))
        else:
            found.append(_compare(layer, at, region(fields, layer, at).mask, twin.reads(layer, at, axes)))
        tick()
    return CheckReport(type(module).__name__, f"torch {torch.__version__}", len(chosen) + 1, seed, tuple(found))


def _compare(layer: str, at: tuple[int, ...], claimed: NDArray[np.bool_], read: NDArray[np.bool_]) -> UnitCheck:
    """Claim against measurement where every pixel of the unit was measured."""
    first = None
    differing = np.argwhere(claimed != read)
    if len(differing):
        pixel = tuple(int(i) for i in differing[0])
        first = Disagreement("claimed but not read" if claimed[pixel] else "read but not claimed", pixel)
    confirmed = int((claimed & read).sum())
    return UnitCheck(layer, at, int(claimed.sum()), confirmed, int((~claimed).sum()), first is None, first)


def spread(names: list[str], count: int = DEFAULT_LAYERS) -> list[str]:
    """Up to ``count`` names, evenly spread, the last among them."""
    if len(names) <= count:
        return names
    return [names[(k + 1) * len(names) // count - 1] for k in range(count)]


def choose_units(
    network: Network, layers: Sequence[str], units: Sequence[Sequence[int]] | None, seed: int
) -> list[Unit]:
    """The units to check of each layer, without repeats."""
    random = np.random.default_rng(seed)
    chosen: list[Unit] = []
    for layer in layers:
        shape = network.shapes[network.tensor(layer)]
        sizes = shape[2:] if len(shape) > 2 else shape[1:]
        if units is None:
            wanted = [tuple(n // 2 for n in sizes), tuple(0 for _ in sizes)]
            wanted += [tuple(int(random.integers(n)) for n in sizes) for _ in range(RANDOM_UNITS)]
        else:
            wanted = [tuple(unit) for unit in units]
            for unit in wanted:
                _fits(layer, unit, sizes)
        chosen += [(layer, unit) for unit in dict.fromkeys(wanted)]
    if not chosen:
        raise InputError(f"no layer of {network.name} depends on its input: there is nothing to check")
    return chosen


def _fits(layer: str, unit: tuple[int, ...], sizes: Shape) -> None:
    if len(unit) != len(sizes) or any(not 0 <= i < n for i, n in zip(unit, sizes, strict=True)):
        raise InputError(f"{layer}: unit {unit} does not lie in {sizes}")


def affordable(network: Network) -> int:
    """How many forward passes of a network a check spends unless told."""
    values = sum(prod(network.shapes[name]) for node in network.nodes for name in node.outputs if name)
    return int(min(max(VALUES_TOUCHED // max(values, 1), FEWEST_PASSES), MOST_PASSES))


def _wrong_shapes(claimed: Mapping[str, Shape], measured: Mapping[str, Shape]) -> dict[str, Disagreement]:
    return {
        name: Disagreement("shape", (), f"{claimed[name]} claimed, {shape} in the runtime")
        for name, shape in measured.items()
        if claimed[name] != shape
    }


def _ticker(progress: Progress | None, total: int) -> Callable[[], None]:
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(min(done, total), total)

    return tick
