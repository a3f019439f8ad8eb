"""What the recorder knows of a tensor: the element source it stands for, and the views it was taken by.

A view is not copied: it is read through its parent when somebody needs it, so that a write into the parent or into
any other view of it is seen. A write into a view replaces the parent by the parent with that region exchanged.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from striate.network import Weight
from striate.network.operators import Operator
from striate.network.relation import Shape

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class View:
    """One operator of the common form (``op`` None: the same elements) that a view is taken from its parent by.

    ``after`` is a view, and its shape, that stands between the parent and this one. ``unseen`` says that it stands on
    the parent's memory in a way that no operator told.
    """

    op: Operator | None = None
    after: tuple[View, Shape] | None = None
    unseen: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Fixed:
    """Elements of a tensor that are the constant ``fill``: those where ``keep`` (which broadcasts to it) is false.

    ``keep`` is None where there may be such elements and nobody knows which.
    """

    keep: Bools | None
    fill: float


class Value:
    """A tensor while recording; ``source`` is its number in the network, None for a constant.

    ``name`` is the path of a parameter or buffer, as long as nothing is written to it. ``learned`` are the keys of the
    learned tensors it was made of; ``shared`` says that other tensors stand on its memory by a view that was not seen,
    ``place`` where it was first met. ``fixed`` is what is known of elements of data that are a constant all the same,
    as long as nothing has been written since ``fixed_at``.
    """

    __slots__ = (
        *("call", "fixed", "fixed_at", "item_bytes", "label", "learned", "name", "parent", "place", "root", "seen"),
        *("shape", "shared", "source", "version", "view"),
    )

    def __init__(self, shape: Shape, item_bytes: int, source: int | None, parameters: frozenset[int]) -> None:
        self.shape, self.item_bytes, self.source, self.learned = shape, item_bytes, source, parameters
        self.root: Value = self
        self.parent: Value | None = None
        self.view = View()
        self.version = self.seen = 0
        self.call, self.label, self.name = 0, "", ""
        self.shared = False
        self.place: Hashable = None
        self.fixed: Fixed | None = None
        self.fixed_at = 0

    def take(self, view: View, shape: Shape, item_bytes: int, call: int, label: str) -> Value:
        """A view of this value, recorded at module call ``call``."""
        if view.after is not None:
            between = self.take(*view.after, item_bytes, call, label)
            return between.take(View(view.op, unseen=view.unseen), shape, item_bytes, call, label)
        value = Value(shape, item_bytes, None, frozenset())
        value.root, value.parent, value.view, value.seen = self.root, self, view, -1
        value.call, value.label = call, label
        return value

    def fix(self, fixed: Fixed | None) -> None:
        """Say what is known of the elements from now on, also of those this is the whole of."""
        value: Value | None = self
        while value is not None:
            value.fixed, value.fixed_at = fixed, self.root.version
            value = value.parent if value.view.op is None and not value.view.unseen else None

    @property
    def stored(self) -> tuple[str, tuple[Operator, ...]]:
        """The name of the module's tensor that a constant is a view of, and the views; empty where it is of none."""
        views: list[Operator] = []
        value: Value = self
        while value.parent is not None:
            if value.view.unseen:
                return "", ()
            views += [] if value.view.op is None else [value.view.op]
            value = value.parent
        return (value.name, tuple(reversed(views))) if value.name else ("", ())

    @property
    def parameters(self) -> frozenset[int]:
        """The keys of the learned tensors that a constant, or what it is a view of, is made of."""
        return self.root.learned

    @property
    def constant(self) -> bool:
        """Whether no element depends on an input."""
        return self.root.source is None


@dataclass(slots=True)
class Record:
    """One node before it has a name; tensors are numbers. ``spare`` nodes go where nobody reads them.

    ``at_most`` nodes may read less than they claim.
    """

    op: Operator
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    label: str
    call: int
    parameters: int = 0
    spare: bool = False
    at_most: bool = False
    weights: tuple[Weight, ...] = ()
