"""Effective fields: how the influence on a unit is spread over its field (Luo et al., NeurIPS 2016)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError, MissingDependencyError
from striate.fields.fields import Fields
from striate.fields.queries import region
from striate.fields.unit import At, LayerAxes, Unit
from striate.geometry import Box, Interval
from striate.names import did_you_mean
from striate.network.relation import Shape
from striate.values import brief, instance, integer, integers, text

if TYPE_CHECKING:
    import torch

Method = Literal["paths", "gradient"]

SHARES = (0.5, 0.68, 0.95)
ROUNDING = 1e-12


@dataclass(frozen=True, eq=False, slots=True)
class Effective:
    """How much each input pixel weighs for ``unit``.

    ``weights`` stand on ``box`` (one interval per spatial axis) and sum to one. Distances are Euclidean, in
    pixels, between a pixel's centre and ``centre``, the middle of the unit's field. ``radii`` maps each share
    of the mass (0.5, 0.68, 0.95) to the smallest distance within which pixels hold at least that share;
    ``half_size`` is half the longest side of the theoretical field, whose corners lie further out. ``method``
    is ``paths`` or ``gradient``; ``samples`` and ``seed`` speak of the latter.
    """

    unit: Unit
    box: Box
    weights: NDArray[np.float64]
    centre: tuple[float, ...]
    half_size: float
    radii: Mapping[float, float]
    method: Method
    samples: int | None = None
    seed: int | None = None

    __repr__ = brief

    @property
    def layer(self) -> str:
        """The unit's layer."""
        return self.unit.layer

    @property
    def at(self) -> tuple[int, ...]:
        """The unit's place."""
        return self.unit.at

    @property
    def ratios(self) -> Mapping[float, float]:
        """Each radius over ``half_size``."""
        return {share: radius / self.half_size for share, radius in self.radii.items()}


def effective_field(
    fields: Fields, layer: str | Unit, at: At | None = None, channel: int | None = None
) -> Effective:
    """The effective field by path counts: what all weights equal and all activations linear would give.

    ``at`` is the unit's place (default: the middle of the layer); a ``Unit`` may stand for layer and place. The
    theoretical field is the unclipped one where the unit has one, else the hull inside the input. Raises InputError
    for an unknown layer, a unit outside it, or one that reads no pixel.

    >>> from striate.network import Builder
    >>> from striate.network.operators import Pool
    >>> b = Builder("one", x=(1, 1, 5, 5))
    >>> mean = b.add(Pool((3, 3)), "x", name="mean")
    >>> found = effective_field(Fields(b.network()), "mean")
    >>> found.half_size, found.radii[0.5], found.ratios[0.5]
    (1.5, 1.0, 0.6666666666666666)
    """
    if at is None and not isinstance(layer, Unit):
        at = fields.layer_axes(layer).centre
    seen = region(fields, layer, at, channel)
    weights = seen.weights()
    if not weights.size:
        raise InputError(f"unit {seen.at} of {seen.layer} reads no pixel of {seen.source}: it has no effective field")
    theory = [
        inside if outside.unbounded else outside
        for inside, outside in zip(seen.hull, seen.unclipped or seen.hull, strict=True)
    ]
    return _effective(seen.unit, seen.hull, weights, theory, "paths")


def effective_field_gradient(
    module: torch.nn.Module,
    layer: str,
    input_shape: Shape,
    at: At | None = None,
    samples: int = 8,
    seed: int = 0,
    *,
    fields: Fields | None = None,
) -> Effective:
    """The effective field of a torch module's unit by gradients, over seeded standard-normal inputs.

    ``layer`` names a submodule; all its channels at ``at`` (default: the middle) are added up. Each pixel weighs the
    mean, over ``samples`` inputs, of the absolute gradient, input channels added up. The theoretical field is the box
    of pixels that any gradient reached. ``fields`` of the module at this shape tell the layer's units and the input's
    pixels: a token is then named by its place on the grid; without, both have the axes of a picture. The module runs in
    evaluation mode and is left as it was: modes, hooks, gradients. Raises InputError for an unknown layer, a unit
    outside it, fields of another shape, or gradients that are zero.

    >>> import torch
    >>> layers = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 3, padding=1), torch.nn.Conv2d(1, 1, 3, padding=1))
    >>> effective_field_gradient(layers, "1", (1, 1, 9, 9)).box
    Box('2:7,2:7')
    """
    try:
        import torch
    except ImportError as missing:
        raise MissingDependencyError("gradients need torch: pip install 'striate[torch]'") from missing
    instance("module", module, torch.nn.Module)
    samples, input_shape = integer("samples", samples, 1), integers("input_shape", input_shape, 1)
    random = torch.Generator().manual_seed(integer("seed", seed, 0, 2**63 - 1))
    places = tuple(range(2, len(input_shape))) if fields is None else _places(fields, input_shape)
    others = tuple(axis for axis in range(len(input_shape)) if axis not in places)
    total = np.zeros([input_shape[axis] for axis in places], dtype=np.float64)
    with _watched(module, layer) as outputs, torch.enable_grad():
        for _ in range(samples):
            image = _ran(module, input_shape, random)
            unit, value = _output(layer, outputs, at, fields)
            (gradient,) = torch.autograd.grad(value, image, allow_unused=True) if value.requires_grad else (None,)
            if gradient is not None:
                total += gradient.detach().abs().double().cpu().numpy().sum(others)
    box = _box(total)
    if not total.any():
        raise InputError(f"no gradient of unit {unit.at} of {layer} reaches the input: it has no effective field")
    weights = total[tuple(slice(interval.start, interval.stop) for interval in box)] / total.sum()
    return _effective(unit, box, weights, list(box), "gradient", samples, seed)


def _places(fields: Fields, shape: Shape) -> tuple[int, ...]:
    """The spatial axes of an input; InputError where the fields speak of another."""
    known = instance("fields", fields, Fields).network.shapes[fields.source]
    if known != shape:
        raise InputError(f"the fields speak of an input of shape {known}, not {shape}: give those of this shape")
    return tuple(fields.spatial.values())


def _ran(module: torch.nn.Module, shape: Shape, random: torch.Generator) -> torch.Tensor:
    """A random image that the module has been run on."""
    import torch

    try:
        image = _like_parameters(module, torch.randn(*shape, generator=random)).requires_grad_(True)
        module(image)
    except (RuntimeError, ValueError, TypeError, IndexError, MemoryError) as error:
        raise InputError(f"the module does not run on an input of shape {shape}: {error}") from error
    return image


def _effective(
    unit: Unit,
    box: Box,
    weights: NDArray[np.float64],
    theory: Sequence[Interval],
    method: Method,
    samples: int | None = None,
    seed: int | None = None,
) -> Effective:
    centre = tuple((interval.start + interval.stop - 1) / 2 for interval in theory)
    half_size = max(interval.size for interval in theory) / 2
    radii = _radii(weights, box, centre)
    return Effective(unit, box, weights, centre, half_size, radii, method, samples, seed)


def _radii(weights: NDArray[np.float64], box: Box, centre: tuple[float, ...]) -> dict[float, float]:
    """For each share of the mass, the smallest distance from the centre within which pixels hold it."""
    offsets = [np.arange(i.start, i.stop) - middle for i, middle in zip(box, centre, strict=True)]
    squares = sum(grid**2 for grid in np.meshgrid(*offsets, indexing="ij", sparse=True))
    distances, places = np.unique(np.sqrt(squares), return_inverse=True)
    mass = np.cumsum(np.bincount(places.ravel(), weights.ravel()))
    return {share: float(distances[int(np.argmax(mass >= share - ROUNDING))]) for share in SHARES}


def _box(values: NDArray[np.float64]) -> Box:
    used = values != 0
    axes = range(values.ndim)
    return Box([Interval.of(np.flatnonzero(used.any(tuple(k for k in axes if k != axis))).tolist()) for axis in axes])


@contextmanager
def _watched(module: torch.nn.Module, layer: str) -> Iterator[list[Any]]:
    """The module in evaluation mode, the outputs of ``layer`` collected; everything put back at the end."""
    parts = dict(module.named_modules())
    if text("layer", layer) not in parts:
        raise InputError(f"no layer {layer!r} in the module{did_you_mean(layer, parts)}")
    outputs: list[Any] = []
    modes = {name: part.training for name, part in parts.items()}
    hook = parts[layer].register_forward_hook(lambda part, inputs, output: outputs.append(output))
    try:
        module.eval()
        yield outputs
    finally:
        hook.remove()
        for name, part in parts.items():
            part.training = modes[name]


def _like_parameters(module: torch.nn.Module, image: torch.Tensor) -> torch.Tensor:
    """The image on the device and in the floating type of the module."""
    first = next((p for p in module.parameters() if p.is_floating_point()), None)
    return image if first is None else image.to(first.device, first.dtype)


def _output(layer: str, outputs: list[Any], at: At | None, fields: Fields | None) -> tuple[Unit, torch.Tensor]:
    """The unit, and the sum of its channels, from the layer's last output; empties the list."""
    if not outputs:
        raise InputError(f"the module does not run {layer} for this input: it has no effective field")
    last = outputs[-1]
    outputs.clear()
    value: torch.Tensor = last[0] if isinstance(last, tuple | list) else last
    shape = tuple(value.shape)
    axes = LayerAxes.of(shape) if fields is None else fields.layer_axes(layer)
    if axes.shape != shape:
        raise InputError(f"{layer} gives shape {shape} here, {axes.shape} in the fields: give those of this module")
    unit = Unit.of(layer, axes.centre if at is None else at)
    return unit, value[axes.index(unit)].sum()
