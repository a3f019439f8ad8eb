"""How fields depend on the input size, and how two networks differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, Protocol, runtime_checkable

from striate.errors import InputError, ModelError
from striate.fields.fields import AxisField, Fields
from striate.network import HasNetwork, network_of
from striate.network.operators import AdaptivePool, Conv, ConvTranspose, Pool, Resize, Sliding, Unfold
from striate.network.relation import Shape
from striate.values import brief, integer, integers, items


@dataclass(frozen=True, slots=True)
class SizePoint:
    """The fields of one layer at one input size; ``shift`` is how far the centre of unit 0 moves per axis.

    Shifts are in pixels against the size whose field starts furthest right (the least padding before).
    """

    size: Shape
    axes: tuple[AxisField, ...]
    shift: tuple[Fraction | None, ...]

    __repr__ = brief

    @property
    def aligned(self) -> bool:
        """Whether nothing shifts and no merge above is misaligned."""
        return not any(self.shift) and not any(axis.misaligned for axis in self.axes)


@dataclass(frozen=True, slots=True)
class Misfit:
    """An input size that the network does not take, and what it says of it."""

    size: Shape
    reason: str


@dataclass(frozen=True, slots=True)
class Sweep:
    """One layer over several input sizes; ``still`` lists those at which nothing shifts, ``misfits`` those refused."""

    layer: str
    points: tuple[SizePoint, ...]
    misfits: tuple[Misfit, ...] = ()

    def __repr__(self) -> str:
        counts = f"{len(self.points)} sizes, {len(self.still)} still, {len(self.misfits)} misfits"
        return f"Sweep({self.layer!r}: {counts})"

    @property
    def still(self) -> tuple[Shape, ...]:
        """Sizes whose centres stand where the least padding puts them."""
        return tuple(point.size for point in self.points if point.aligned)


@runtime_checkable
class Resizable(HasNetwork, Protocol):
    """A model, whose network can be read again at other input shapes."""

    def at(self, shapes: Mapping[str, Shape]) -> HasNetwork:
        """The same model with some inputs at other shapes."""


def sweep(
    model: Resizable,
    layer: str,
    sizes: Iterable[int | Shape],
    source: str | None = None,
    layout: str | None = None,
    *,
    local: bool = False,
) -> Sweep:
    """Read a model again at each spatial size (one number: the same on every axis); ``local`` for local fields alone.

    A size that the network does not take is told of and left out. Raises InputError for an unknown layer, where the
    network cannot be read at another size, or takes none of them.
    """
    network = network_of(model)
    if not isinstance(model, Resizable):
        raise InputError(f"{network.name} was built by hand: it cannot be read at another input size")
    here = Fields(network, source, layout)
    network.tensor(layer)
    found: list[tuple[Shape, tuple[AxisField, ...]]] = []
    misfits: list[Misfit] = []
    for size in items("sizes", sizes):
        spatial = (
            integers("a size", size, 1) if isinstance(size, Iterable)
            else (integer("a size", size, 1),) * len(here.spatial)
        )  # fmt: skip
        if len(spatial) != len(here.spatial):
            raise InputError(f"size {size} has {len(spatial)} numbers, the input has {len(here.spatial)} spatial axes")
        shape = list(network.shapes[here.source])
        for axis, n in zip(here.spatial.values(), spatial, strict=True):
            shape[axis] = n
        try:
            fields = Fields(model.at({here.source: tuple(shape)}), here.source, here.layout)
        except (InputError, ModelError) as error:
            misfits.append(Misfit(spatial, str(error)))
            continue
        found.append((spatial, tuple((fields.local if local else fields)[layer].axes.values())))
    if misfits and not found:
        raise InputError(f"none of the sizes fits; {'x'.join(map(str, misfits[0].size))}: {misfits[0].reason}")
    if not found:
        raise InputError("sweep needs at least one size")
    columns = zip(*([_first_centre(axis) for axis in axes] for _, axes in found), strict=True)
    best = [max((c for c in column if c is not None), default=None) for column in columns]
    points = []
    for spatial, axes in found:
        centres = [_first_centre(axis) for axis in axes]
        shift = tuple(None if c is None or b is None else c - b for c, b in zip(centres, best, strict=True))
        points.append(SizePoint(spatial, axes, shift))
    return Sweep(layer, tuple(points), tuple(misfits))


def _first_centre(axis: AxisField) -> Fraction | None:
    """The centre of unit 0's field, local where a global path hides it."""
    span = axis.span
    if span is None or span.start is None:
        return None
    return span.start + Fraction(span.size - 1, 2)


DifferenceKind = Literal["shape", "status", "size", "stride", "shift", "phases"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A pair of layers that see different pixels, and in what."""

    left: str
    right: str
    axis: str
    kind: DifferenceKind
    values: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two networks layer by layer: how layers were paired, what differs, what stands on one side only."""

    paired: tuple[tuple[str, str], ...]
    differences: tuple[Difference, ...]
    only_left: tuple[str, ...]
    only_right: tuple[str, ...]

    __repr__ = brief

    @property
    def same(self) -> bool:
        """Whether every layer is paired and sees the same pixels."""
        return not (self.differences or self.only_left or self.only_right)


def compare(left: Fields, right: Fields) -> Comparison:
    """Pair layers by name where both have it, else by order among windowed layers, and list every difference."""
    names_left, names_right = _windowed(left), _windowed(right)
    common = [name for name in names_left if name in set(names_right)]
    by_order = list(zip(names_left, names_right, strict=False))
    paired = [(name, name) for name in common] if common else by_order
    seen_left, seen_right = ({pair[k] for pair in paired} for k in (0, 1))
    return Comparison(
        tuple(paired),
        tuple(d for a, b in paired for d in _differences(left, right, a, b)),
        tuple(name for name in names_left if name not in seen_left),
        tuple(name for name in names_right if name not in seen_right),
    )


SEEN: tuple[DifferenceKind, ...] = ("size", "stride", "shift", "phases")
WINDOWED = (Conv, ConvTranspose, Pool, AdaptivePool, Resize, Unfold, Sliding)


def _windowed(fields: Fields) -> list[str]:
    return [node.name for node in fields.network.nodes if isinstance(node.op, WINDOWED) and node.name in set(fields)]


def _differences(left: Fields, right: Fields, a: str, b: str) -> list[Difference]:
    one, two = left[a], right[b]
    found = []
    if one.shape != two.shape:
        found.append(Difference(a, b, "", "shape", (str(one.shape), str(two.shape))))
    for axis in (name for name in one.axes if name in two.axes):
        x, y = one.axes[axis], two.axes[axis]
        facts: list[tuple[DifferenceKind, str, str]] = [("status", ", ".join(x.facts), ", ".join(y.facts))]
        facts += [(kind, str(p), str(q)) for kind, p, q in zip(SEEN, _seen(x), _seen(y), strict=True)]
        found += [Difference(a, b, axis, kind, (p, q)) for kind, p, q in facts if p != q]
    return found


def _seen(axis: AxisField) -> tuple[object, ...]:
    """Size, stride, start and phases of the local field, the phases from the first one's start."""
    span = axis.span
    if span is None:
        return (None, None, None, "")
    origin = span.phases[0].start if span.phases else 0
    phases = " ".join(f"{seen.start - origin}..{seen.stop - origin}" for seen in span.phases)
    return (span.size, span.stride, span.start, phases if len(span.phases) > 1 else "")
