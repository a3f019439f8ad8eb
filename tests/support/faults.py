"""Faults that a reader or a rule could have: a network's nodes changed so that shapes hold and reads do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from striate.network import Network, Node

Attributes = Mapping[str, Any]
Change = Callable[[Attributes], dict[str, Any] | None]


def _pairs(a: Attributes) -> list[tuple[int, int]]:
    """The padding before and behind each axis; none where a convention works it out."""
    found = [pad if isinstance(pad, tuple) else (pad, pad) for pad in a.get("padding", ())]
    return found if all(isinstance(n, int) for pair in found for n in pair) else []


def _narrower(a: Attributes) -> dict[str, Any] | None:
    """A dilation that was dropped, the padding with it so that shapes hold."""
    dilation, pads = a.get("dilation", ()), _pairs(a)
    totals = [sum(p) - (d - 1) * (k - 1) for p, d, k in zip(pads, dilation, a["kernel"], strict=False)]
    if set(dilation) <= {1} or not totals or min(totals) < 0:
        return None
    return {"dilation": (1,) * len(dilation), "padding": tuple((n // 2, n - n // 2) for n in totals)}


def _shifted(a: Attributes) -> dict[str, Any] | None:
    """Padding moved from before to behind."""
    pads = _pairs(a)
    if not any(before for before, _ in pads):
        return None
    return {"padding": tuple((max(before - 1, 0), after + min(before, 1)) for before, after in pads)}


def _swapped(a: Attributes) -> dict[str, Any] | None:
    """Two axes of a permutation exchanged; shapes tell unless they are of one size."""
    order = list(a["order"])
    order[-1], order[-2] = order[-2], order[-1]
    return {"order": tuple(order)}


def _beside(a: Attributes) -> dict[str, Any] | None:
    """A slice that begins one element further on, or one before."""
    starts = tuple(start + (1 if start == 0 else -1) for start in a["starts"])
    return {"starts": starts}


def _nearest(a: Attributes) -> dict[str, Any] | None:
    """Every pick of a nearest resize one off."""
    picks = a.get("picks")
    if picks is None:
        return None
    return {"picks": tuple(tuple(max(i - 1, 0) for i in axis) if axis is not None else None for axis in picks)}


def _turned(a: Attributes) -> dict[str, Any] | None:
    return {"reverse": not a.get("reverse", False)}


def _including(a: Attributes) -> dict[str, Any] | None:
    return {"exclusive": False} if a.get("exclusive") else None


def _other_axis(a: Attributes) -> dict[str, Any] | None:
    return {"axes": tuple(axis - 1 if axis else axis + 1 for axis in a["axes"])}


def _unmasked(a: Attributes) -> dict[str, Any] | None:
    return {"keep": None} if a.get("keep") is not None else None


def _inverted(a: Attributes) -> dict[str, Any] | None:
    return {"keep": ~np.asarray(a["keep"])}


def _crossed(a: Attributes) -> dict[str, Any] | None:
    return {"column_major": not a.get("column_major", False)}


CHANGES: dict[str, tuple[tuple[str, Change], ...]] = {
    "conv": (("dilation dropped", _narrower), ("padding shifted", _shifted)),
    "pool": (("dilation dropped", _narrower), ("padding shifted", _shifted)),
    "conv_transpose": (("padding shifted", _shifted),),
    "transpose": (("axes swapped", _swapped),),
    "slice": (("start one off", _beside),),
    "resize": (("nearest one off", _nearest),),
    "scan": (("reversed", _turned), ("not exclusive", _including)),
    "mix": (("another axis", _other_axis), ("mask dropped", _unmasked)),
    "elementwise": (("mask dropped", _unmasked),),
    "mask": (("mask inverted", _inverted),),
    "depth_to_space": (("columns for rows", _crossed),),
    "space_to_depth": (("columns for rows", _crossed),),
}


def faulty(network: Network) -> list[tuple[str, Network]]:
    """The network with one fault each, as many as fit it."""
    found = []
    for k, node in enumerate(network.nodes):
        for name, change in CHANGES.get(node.op, ()):
            changed = change(node.attributes)
            if changed is None:
                continue
            nodes = (
                *network.nodes[:k],
                replace(node, attributes={**node.attributes, **changed}),
                *network.nodes[k + 1 :],
            )
            found.append((f"{node.op}: {name}", replace(network, nodes=nodes)))
        for inputs in _fewer_inputs(node):
            nodes = (*network.nodes[:k], replace(node, inputs=inputs), *network.nodes[k + 1 :])
            found.append((f"{node.op}: input lost", replace(network, nodes=nodes)))
    return found


def _fewer_inputs(node: Node) -> list[tuple[str, ...]]:
    """A merge that reads its first operand in place of the second, as when a tensor is taken for a constant."""
    if len(node.inputs) == 2 and node.op in ("elementwise", "concat") and node.inputs[0] != node.inputs[1]:
        return [(node.inputs[0], node.inputs[0])]
    return []
