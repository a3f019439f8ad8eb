"""Which function an aten operator computes, by the name the common form has for it, with the constants it is given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from striate.network.operators import Function, Operator
from striate.network.operators.function import UNKNOWN, Constant

NAMES = (
    (re.compile(r"_?(adaptive_)?max_pool\dd(_with_indices)?"), "max"),
    (re.compile(r"_?(adaptive_)?avg_pool\dd"), "average"),
    (re.compile(r".*batch_norm.*"), "batch_norm"),
    (re.compile(r"_?(native_)?group_norm"), "group_norm"),
    (re.compile(r"native_layer_norm"), "layer_norm"),
    (re.compile(r"_fused_rms_norm"), "rms_norm"),
    (re.compile(r"clamp|hardtanh"), "clip"),
    (re.compile(r"_(log_)?softmax"), None),
    (re.compile(r"_to_copy"), "cast"),
    (re.compile(r"clone|contiguous|native_dropout|dropout|lift_fresh_copy"), "identity"),
    (re.compile(r"_prelu_kernel"), "prelu"),
    (re.compile(r"amax"), "max"),
    (re.compile(r"amin"), "min"),
    (re.compile(r"masked_fill"), "where"),
    (re.compile(r"grid_sampler.*|_grid_sampler.*|cudnn_grid_sampler"), "grid_sample"),
    (re.compile(r"rnn_(tanh|relu)"), "rnn"),
)
RENAMED = {
    "eps": "epsilon",
    "negative_slope": "alpha",
    "count_include_pad": "include_pad",
    "min_val": "min",
    "max_val": "max",
}
PLACES = frozenset(
    {"dim", "keepdim", "ceil_mode", "training", "momentum", "cudnn_enabled", "half_to_float", "group", "N", "C", "HxW"}
    | {"non_blocking", "pin_memory", "both_ways", "time", "train", "p", "start_dim"}
)
"""Arguments that an operator's fields hold, or that do not count in inference."""


def described(op: Operator, key: str, arguments: Mapping[str, Any]) -> Operator:
    """The operator with the function that a call computes, where it has a place for one and does not know it."""
    if getattr(op, "function", None) != UNKNOWN:
        return op
    return replace(op, function=function(key, arguments))  # type: ignore[call-arg]


def function(key: str, arguments: Mapping[str, Any]) -> Function:
    """The function of a call: its name, and the numbers and texts it is given."""
    constants: dict[str, Constant] = {
        RENAMED.get(name, name): value
        for name, value in arguments.items()
        if name not in PLACES and isinstance(value, bool | int | float | str) and (name, value) != ("alpha", 1)
    }
    if key == "rnn_relu":
        constants["nonlinearity"] = "relu"
    return Function.of(_name(key), **constants)


@cache
def _name(key: str) -> str:
    for pattern, name in NAMES:
        if pattern.fullmatch(key):
            return name or key.removeprefix("_")
    return key.rpartition("::")[2]
