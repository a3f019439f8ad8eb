"""A node of a network: one operator at work on named tensors."""

from __future__ import annotations

from dataclasses import dataclass

from striate.network.operators import Operator


@dataclass(frozen=True, slots=True)
class Node:
    """One operator at work: ``op`` says what it does, ``source`` is the model's own word for it.

    ``inputs`` name tensors; those that no node writes and that are no network input are constants.
    ``parameters`` counts the learned values the node holds. ``at_most`` says that the node may read less than its
    operator claims: positions that come from data, a constant that is not known.
    """

    name: str
    op: Operator
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    source: str = ""
    parameters: int = 0
    at_most: bool = False
