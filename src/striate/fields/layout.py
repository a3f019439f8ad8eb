"""Which axis of an input is what, told by the axes that the first convolution slides over and sums."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod

from striate.errors import InputError
from striate.geometry import TapMap, Whole
from striate.network import Network, Node
from striate.network.operators import AdaptivePool, Attention, Conv, ConvTranspose, MatMul, Pool
from striate.network.relation import Along, Drop, Insert, Merge, Permute, Relation, Shape, Split

BY_RANK = {1: "L", 2: "NL", 3: "NCL", 4: "NCHW", 5: "NCDHW"}
BY_WINDOW = {1: "L", 2: "HW", 3: "DHW"}
NAMES = {"L": "length", "T": "time", "D": "depth", "H": "height", "W": "width", "S": "token"}
LETTERS = "N, C, D, H, W, L, T, S"

Origins = tuple[frozenset[int], ...]
Axis = tuple[tuple[frozenset[int], int], ...]
Factors = tuple[Axis, ...]


def layout_of(network: Network, source: str) -> str:
    """The axes of an input by letters: N batch, C channels, D, H, W or L what a convolution slides over, T its batch.

    The first convolution that slides over axes of ``source`` decides, without one the first pool, without either the
    first attention over an input of three axes: S the tokens that it compares, C what it sums; else the rank: NCHW for
    rank 4. Raises InputError where an axis of the input is lost before that convolution, and without
    one where there are more than five axes.

    >>> from striate.network.operators import Transpose
    >>> nodes = [
    ...     Node("t", Transpose((0, 3, 1, 2)), ("x",), ("u",)),
    ...     Node("c", Conv((3, 3), out_channels=8), ("u",), ("y",)),
    ... ]
    >>> shapes = {"x": (1, 9, 9, 3), "u": (1, 3, 9, 9), "y": (1, 8, 7, 7)}
    >>> layout_of(Network("n", ("x",), ("y",), tuple(nodes), shapes), "x")
    'NHWC'
    """
    shape, pooled = network.shapes[source], ""
    for node, (origins, *_) in _reached(network, source, _slides):
        if max(map(len, origins[2:])) != 1:
            continue
        letters = _letters(origins)
        found = _written(letters, shape)
        if isinstance(node.op, Conv | ConvTranspose):
            if "?" in found:
                raise InputError(
                    f"the layout of input {source!r} of shape {shape} cannot be told: its axes come to convolution "
                    f"{node.name} as {found}; name them with layout, one letter per axis of {LETTERS}"
                )
            return found
        pooled = pooled or ("" if "?" in found else found)
    if not pooled and len(shape) == 3:
        pooled = _attended(network, source)
    if not pooled and len(shape) not in BY_RANK:
        raise InputError(
            f"input {source!r} of shape {shape} has {len(shape)} axes and no convolution tells what they are: "
            f"name them with layout, one letter per axis of {LETTERS}"
        )
    return pooled or BY_RANK[len(shape)]


def spatial_axes(layout: str, shape: Shape) -> dict[str, int]:
    """The spatial axes of a layout by name; an InputError where it does not name the axes of ``shape``."""
    spatial = [letter for letter in layout if letter in NAMES]
    if len(layout) != len(shape) or set(layout) - set("NC") - set(NAMES) or len(set(spatial)) < len(spatial):
        raise InputError(
            f"layout {layout!r} does not name the {len(shape)} axes of input shape {shape}; "
            f"use one letter per axis of {LETTERS}, each of the last six once"
        )
    return {NAMES[letter]: axis for axis, letter in enumerate(layout) if letter in NAMES}


def _attended(network: Network, source: str) -> str:
    """The letters of an input of three axes by the first product of its rows with one another; none without one."""
    for _, operands in _reached(network, source, _compares):
        tokens, features = operands[0][-2:]
        if len(operands) > 1 and len(tokens) == len(features) == 1 and tokens != features:
            return "".join("S" if {axis} == tokens else "C" if {axis} == features else "N" for axis in range(3))
    return ""


def _compares(node: Node, rank: int) -> bool:
    return isinstance(node.op, Attention | MatMul) and rank > 1


def _reached(
    network: Network, source: str, wanted: Callable[[Node, int], bool]
) -> Iterator[tuple[Node, list[Origins]]]:
    """Every node wanted that depends on ``source``, and which of its axes went into those of each tensor it reads.

    ``wanted`` is asked about a node and the rank of the first tensor it reads.
    """
    start = tuple(((frozenset({axis}), n),) for axis, n in enumerate(network.shapes[source]))
    known: dict[str, Factors] = {source: start}
    for node, result in zip(network.nodes, network.results, strict=True):
        first = node.inputs[0] if node.inputs else ""
        if first in known and wanted(node, len(network.shapes[first])):
            yield node, [tuple(_origin(axis) for axis in known[name]) for name in node.inputs if name in known]
        for name, output in zip(node.outputs, result.outputs, strict=False):
            carried = [
                _carried(relation, known[read])
                for read, relations in zip(node.inputs, output.reads, strict=True)
                if read in known
                for relation in relations
            ]
            if carried:
                known[name] = carried[0] if len(set(carried)) == 1 else _united(carried, output.shape)


def _slides(node: Node, rank: int) -> bool:
    match node.op:
        case Conv() | ConvTranspose():
            return True
        case Pool(kernel=window) | AdaptivePool(size=window):
            return len(window) == rank - 2 > 0
    return False


def _origin(factors: Axis) -> frozenset[int]:
    return frozenset[int]().union(*(origin for origin, _ in factors))


def _united(parts: list[Factors], shape: Shape) -> Factors:
    """The axes of a tensor that reads several; one they do not make up alike is no product of factors any more."""
    columns = zip(*parts, strict=True)
    return tuple(
        column[0] if len(set(column)) == 1 else ((frozenset[int]().union(*map(_origin, column)), n),)
        for column, n in zip(columns, shape, strict=True)
    )


def _carried(relation: Relation, before: Factors) -> Factors:
    """The factors of every axis of a tensor after a relation."""
    found = list(before)
    for step in relation:
        match step:
            case Along(axis, TapMap(n, count, 1, ((0,),))) if n == count:
                pass
            case Along(axis, axis_map):
                mixed = isinstance(axis_map, Whole) and len(found[axis]) > 1
                found[axis] = ((frozenset() if mixed else _origin(found[axis]), axis_map.out_size),)
            case Permute(order):
                found = [found[axis] for axis in order]
            case Split(axis):
                found[axis : axis + 1] = _parted(found[axis], step)
            case Merge(axis):
                both = found[axis] + found[axis + 1]
                found[axis : axis + 2] = [tuple(factor for factor in both if factor[1] > 1) or both[:1]]
            case Insert(axis):
                found.insert(axis, ((frozenset(), 1),))
            case Drop(axis):
                del found[axis]
    return tuple(found)


def _parted(factors: Axis, split: Split) -> tuple[Axis, Axis]:
    """The factors of two axes that one is split into; a factor that is cut goes into both."""
    plain = (split.stride, split.dilation, split.offset) == (split.inner, 1, 0)
    for k in range(len(factors)):
        last, (origin, n) = prod(size for _, size in factors[k + 1 :]), factors[k]
        part = split.inner // last
        if plain and part * last == split.inner and n % part == 0:
            outer, inner = (((origin, size),) * (size > 1) for size in (n // part, part))
            head, tail = factors[:k] + outer, inner + factors[k + 1 :]
            if head and tail:
                return head, tail
    origin = _origin(factors)
    return ((origin, split.outer),), ((origin, split.inner),)


def _letters(origins: Origins) -> dict[int, str]:
    """A letter for each axis of an input that went into the axes of a convolution or pool."""
    batch, channels, *windows = origins
    spatial = sorted({axis for window in windows for axis in window})
    letters = dict(zip(spatial, BY_WINDOW.get(len(spatial), ""), strict=False))
    letters.update((axis, "C") for axis in sorted(channels - set(spatial)))
    for axis in sorted(batch - set(letters)):
        letters[axis] = "T" if "N" in letters.values() else "N"
    return letters


def _written(letters: dict[int, str], shape: Shape) -> str:
    """The letters in the order of the input; one element alone is a batch in front and channels elsewhere."""
    alone = ["N" if not axis and "N" not in letters.values() else "C" for axis in range(len(shape))]
    return "".join(letters.get(axis, alone[axis] if n == 1 else "?") for axis, n in enumerate(shape))
