"""Faults that a reader or a rule could have: a network's nodes changed so that shapes hold and reads do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from striate.network import Network, Node
from striate.network.operators import (
    Concat,
    Conv,
    ConvTranspose,
    DepthToSpace,
    Elementwise,
    Masked,
    Mix,
    Operator,
    Pool,
    Resize,
    Scan,
    Slice,
    SpaceToDepth,
    Transpose,
)

Change = Callable[[Any], dict[str, Any] | None]


def _narrower(op: Conv | Pool) -> dict[str, Any] | None:
    """A dilation that was dropped, the padding with it so that shapes hold."""
    totals = [sum(p) - (d - 1) * (k - 1) for p, d, k in zip(op.padding, op.dilation, op.kernel, strict=True)]
    if set(op.dilation) <= {1} or min(totals) < 0:
        return None
    return {"dilation": (1,) * len(op.dilation), "padding": tuple((n // 2, n - n // 2) for n in totals)}


def _shifted(op: Conv | ConvTranspose | Pool) -> dict[str, Any] | None:
    """Padding moved from before to behind."""
    if not any(before for before, _ in op.padding):
        return None
    return {"padding": tuple((max(before - 1, 0), after + min(before, 1)) for before, after in op.padding)}


def _swapped(op: Any) -> dict[str, Any] | None:
    """Two axes of a permutation exchanged; shapes tell unless they are of one size."""
    order = list(op.order)
    order[-1], order[-2] = order[-2], order[-1]
    return {"order": tuple(order)}


def _beside(op: Any) -> dict[str, Any] | None:
    """A slice that begins one element further on, or one before."""
    starts = tuple(start + (1 if start == 0 else -1) for start in op.starts)
    return {"starts": starts}


def _nearest(op: Any) -> dict[str, Any] | None:
    """Every pick of a nearest resize one off."""
    picks = op.picks
    if picks is None:
        return None
    return {"picks": tuple(tuple(max(i - 1, 0) for i in axis) if axis is not None else None for axis in picks)}


def _turned(op: Any) -> dict[str, Any] | None:
    return {"reverse": not op.reverse}


def _including(op: Any) -> dict[str, Any] | None:
    return {"exclusive": False} if op.exclusive else None


def _other_axis(op: Any) -> dict[str, Any] | None:
    return {"axes": tuple(axis - 1 if axis else axis + 1 for axis in op.axes)}


def _unmasked(op: Any) -> dict[str, Any] | None:
    return {"keep": () if isinstance(op, Elementwise) else None} if op.keep else None


def _inverted(op: Any) -> dict[str, Any] | None:
    return {"keep": ~op.keep.array}


def _crossed(op: Any) -> dict[str, Any] | None:
    return {"column_major": not op.column_major}


CHANGES: dict[type[Operator], tuple[tuple[str, Change], ...]] = {
    Conv: (("dilation dropped", _narrower), ("padding shifted", _shifted)),
    Pool: (("dilation dropped", _narrower), ("padding shifted", _shifted)),
    ConvTranspose: (("padding shifted", _shifted),),
    Transpose: (("axes swapped", _swapped),),
    Slice: (("start one off", _beside),),
    Resize: (("nearest one off", _nearest),),
    Scan: (("reversed", _turned), ("not exclusive", _including)),
    Mix: (("another axis", _other_axis), ("mask dropped", _unmasked)),
    Elementwise: (("mask dropped", _unmasked),),
    Masked: (("mask inverted", _inverted),),
    DepthToSpace: (("columns for rows", _crossed),),
    SpaceToDepth: (("columns for rows", _crossed),),
}


def faulty(network: Network) -> list[tuple[str, Network]]:
    """The network with one fault each, as many as fit it."""
    found = []
    for k, node in enumerate(network.nodes):
        for name, change in CHANGES.get(type(node.op), ()):
            changed = change(node.op)
            if changed is None:
                continue
            nodes = (
                *network.nodes[:k],
                replace(node, op=replace(node.op, **changed)),
                *network.nodes[k + 1 :],
            )
            found.append((f"{node.op.word}: {name}", replace(network, nodes=nodes)))
        for inputs in _fewer_inputs(node):
            nodes = (*network.nodes[:k], replace(node, inputs=inputs), *network.nodes[k + 1 :])
            found.append((f"{node.op.word}: input lost", replace(network, nodes=nodes)))
    return found


def _fewer_inputs(node: Node) -> list[tuple[str, ...]]:
    """A merge that reads its first operand in place of the second, as when a tensor is taken for a constant."""
    if len(node.inputs) == 2 and isinstance(node.op, Elementwise | Concat) and node.inputs[0] != node.inputs[1]:
        return [(node.inputs[0], node.inputs[0])]
    return []
