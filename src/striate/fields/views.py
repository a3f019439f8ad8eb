"""Views: which digits of a row-major index each axis of a tensor runs over.

A reshape or a transpose moves no element, so a table keeps its arrays and only its view changes: an axis is a
row of digits of the table's dimensions. What is undone again is then undone exactly, and only an operator that
works on an axis of several digits has to write them out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Digit(NamedTuple):
    """The digit ``i // stride % size`` of an index ``i`` over ``root``: a dimension, or several digits as one."""

    root: int | tuple[Digit, ...]
    size: int
    stride: int = 1


class Place(NamedTuple):
    """An axis of ``size`` elements: its element ``offset`` is the first of the row of digits, none stand outside it."""

    digits: tuple[Digit, ...]
    size: int
    offset: int = 0

    @property
    def full(self) -> bool:
        """Whether the digits stand for every element."""
        return self.offset == 0 and self.size == span(self.digits)


def span(digits: Iterable[Digit]) -> int:
    """The number of elements that a row of digits counts."""
    found = 1
    for digit in digits:
        found *= digit.size
    return found


def joined(left: tuple[Digit, ...], right: tuple[Digit, ...]) -> tuple[Digit, ...]:
    """The digits of two axes merged row-major; neighbours that were one digit become it again.

    >>> outer, inner = cut((Digit(0, 6),), 2)
    >>> joined(outer, inner)
    (Digit(root=0, size=6, stride=1),)
    """
    found = list(left)
    for digit in right:
        _push(found, digit)
    return tuple(found)


def _push(found: list[Digit], digit: Digit) -> None:
    while found and found[-1].root == digit.root and found[-1].stride == digit.size * digit.stride:
        digit = Digit(digit.root, found.pop().size * digit.size, digit.stride)
    if isinstance(digit.root, tuple) and digit.size == span(digit.root):
        for part in digit.root:
            _push(found, part)
    else:
        found.append(digit)


def cut(digits: tuple[Digit, ...], inner: int) -> tuple[tuple[Digit, ...], tuple[Digit, ...]]:
    """The digits of the two axes a row of digits is split into, the second of ``inner`` elements.

    >>> cut((Digit(0, 2), Digit(1, 6)), 3)[0]
    (Digit(root=0, size=2, stride=1), Digit(root=1, size=2, stride=3))
    """
    head, tail, rest = list(digits), [], inner
    while rest > 1:
        last = head.pop()
        if rest % last.size == 0:
            tail.append(last)
            rest //= last.size
        elif last.size % rest == 0:
            tail.append(Digit(last.root, rest, last.stride))
            head.append(Digit(last.root, last.size // rest, last.stride * rest))
            rest = 1
        else:
            block = [last]
            while span(block) % rest:
                block.insert(0, head.pop())
            root = tuple(block)
            head.append(Digit(root, span(root) // rest, rest))
            tail.append(Digit(root, rest))
            rest = 1
    return tuple(digit for digit in head if digit.size > 1), tuple(reversed(tail))


def leaves(places: Iterable[Place]) -> tuple[int, ...]:
    """The dimensions of a view in the order in which it names them, each once."""
    found: dict[int, None] = {}

    def visit(digits: tuple[Digit, ...]) -> None:
        for digit in digits:
            if isinstance(digit.root, int):
                found[digit.root] = None
            else:
                visit(digit.root)

    for place in places:
        visit(place.digits)
    return tuple(found)


def renamed(place: Place, names: dict[int, int]) -> Place:
    """The same axis over dimensions with other numbers; those that ``names`` leaves out keep theirs."""
    return Place(_renamed(place.digits, names), place.size, place.offset)


def _renamed(digits: tuple[Digit, ...], names: dict[int, int]) -> tuple[Digit, ...]:
    return tuple(
        Digit(names.get(d.root, d.root) if isinstance(d.root, int) else _renamed(d.root, names), d.size, d.stride)
        for d in digits
    )


def replaced(digits: tuple[Digit, ...], root: int | tuple[Digit, ...], new: dict[Digit, Digit]) -> tuple[Digit, ...]:
    """The row with each digit of ``root`` exchanged for what ``new`` names."""
    return tuple(
        new[d] if d.root == root
        else d if isinstance(d.root, int)
        else Digit(replaced(d.root, root, new), d.size, d.stride)
        for d in digits
    )


def digits_of(places: Iterable[Place], root: int | tuple[Digit, ...]) -> tuple[Digit, ...]:
    """Every digit of ``root`` in a view, each once, the most significant first."""
    found: set[Digit] = set()

    def visit(digits: tuple[Digit, ...]) -> None:
        for digit in digits:
            if digit.root == root:
                found.add(digit)
            elif isinstance(digit.root, tuple):
                visit(digit.root)

    for place in places:
        visit(place.digits)
    return tuple(sorted(found, key=lambda digit: -digit.stride))
