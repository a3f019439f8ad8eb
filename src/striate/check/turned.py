"""A twin's graph followed backwards from one of its units, whatever tells what each of its nodes reads."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from striate.network.relation import Shape

Array = NDArray[Any]
Bools = NDArray[np.bool_]
Tensor = TypeVar("Tensor", bound=Hashable)

# Per input that carries data, from what is asked of the outputs to what is asked of the input.
Back = Callable[[Sequence[Bools | None]], list[Bools | None]]
Lines = Mapping[int, Bools]


class Link(NamedTuple):
    """The tensors that a node reads and those that it writes."""

    inputs: Sequence[Any]
    outputs: Sequence[Any]


def followed(
    links: Sequence[Link], asked: dict[Tensor, Bools], source: Tensor, shape: Shape, back: Callable[[int], Back | None]
) -> Bools:
    """The elements of ``source`` that those asked for are made of; ``back`` turns a node, or leaves it out by None."""
    for place in reversed(range(len(links))):
        of = [asked.pop(name, None) for name in links[place].outputs]
        if all(each is None for each in of):
            continue
        turned = back(place)
        if turned is None:
            continue
        for name, found in zip(links[place].inputs, turned(of), strict=True):
            if found is not None:
                asked[name] = asked[name] | found if name in asked else found
    return asked.get(source, np.zeros(shape, dtype=np.bool_))


def fold(asked: Bools, shape: Sequence[int]) -> Bools:
    """What is asked of a tensor of some shape that was broadcast to that of ``asked``."""
    lead = asked.ndim - len(shape)
    axes = tuple(k for k in range(asked.ndim) if k < lead or (shape[k - lead] == 1 and asked.shape[k] != 1))
    return np.asarray(asked.any(axis=axes, keepdims=True) if axes else asked).reshape(shape)


def along_axes(lines: Lines, count: int, place: int = 0) -> Back:
    """From lines of the output to those of the input at ``place`` of ``count``.

    Along each axis named, ``lines`` is [inside, outside].
    """
    matrices = {axis: matrix.astype(np.float32) for axis, matrix in lines.items()}

    def back(asked: Sequence[Bools | None]) -> list[Bools | None]:
        of = next(each for each in asked if each is not None)
        for axis, matrix in matrices.items():
            turned = np.tensordot(of.astype(np.float32), matrix, ([axis], [1]))
            of = np.moveaxis(turned > 0, -1, axis)
        found: list[Bools | None] = [None] * count
        found[place] = of
        return found

    return back


def spread(kept: Shape, shape: Shape, count: int) -> Back:
    """Of a reduction of its first input of ``count``: all that one of its outputs, of shape ``kept``, is made of."""

    def back(asked: Sequence[Bools | None]) -> list[Bools | None]:
        (of,) = asked
        assert of is not None
        return [np.broadcast_to(of.reshape(kept), shape), *[None] * (count - 1)]

    return back


def taken(numbers: Sequence[NDArray[np.int64]], shapes: Sequence[Shape | None]) -> Back:
    """Of an operator that moves elements: ``numbers`` say of each output which it took, 0 for none.

    The elements of the inputs that carry data are numbered from 1; ``shapes`` are theirs, None for the others.
    """
    sizes = [0 if shape is None else int(np.prod(shape)) for shape in shapes]
    starts = np.cumsum([1, *sizes]).tolist()

    def back(asked: Sequence[Bools | None]) -> list[Bools | None]:
        seen = np.zeros(starts[-1], dtype=np.bool_)
        for of, number in zip(asked, numbers, strict=True):
            if of is not None:
                seen[number.reshape(-1)[of.reshape(-1)]] = True
        parts = zip(starts, sizes, shapes, strict=False)
        return [None if shape is None else seen[start : start + n].reshape(shape) for start, n, shape in parts]

    return back
