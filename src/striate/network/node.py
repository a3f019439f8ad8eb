"""A node of a network: one operator at work on named tensors."""

from __future__ import annotations

from dataclasses import dataclass

from striate.network.operators import Operator
from striate.network.relation import Shape


@dataclass(frozen=True, slots=True)
class Weight:
    """A tensor that a node uses and no input of the network changes: where the model holds it, not its elements."""

    role: str
    """What the node uses it for: ``weight``, ``bias``, ``mean``; ``operand 1`` where it is one among equals."""
    name: str
    """Its name in the model (an initialiser, a parameter's path); empty where the model computes it and has none."""
    shape: Shape
    """Its shape as the node takes it."""
    views: tuple[Operator, ...] = ()
    """What leads from the tensor of that name to what the node takes, in order."""


@dataclass(frozen=True, slots=True)
class Node:
    """One operator at work: ``op`` says what it does, ``source`` is the model's own word for it.

    ``inputs`` name tensors; those that no node writes and that are no network input are constants.
    ``parameters`` counts the learned values the node holds, ``weights`` says where the model has them. ``at_most`` says
    that the node may read less than its operator claims: positions that come from data, a constant that is not known.
    """

    name: str
    op: Operator
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    source: str = ""
    parameters: int = 0
    at_most: bool = False
    weights: tuple[Weight, ...] = ()
