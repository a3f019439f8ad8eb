"""Which function an ONNX node computes, by the name the common form has for it, with the constants it is given."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from striate.formats.onnx.call import Call
from striate.network.operators import Function, Operator
from striate.network.operators.function import UNKNOWN, Constant

NAMES = {
    "MaxPool": "max",
    "AveragePool": "average",
    "LpPool": "lp",
    "LRN": "local_response_norm",
    "GlobalAveragePool": "mean",
    "GlobalMaxPool": "max",
    "GlobalLpPool": "lp",
    "com.microsoft:QLinearAveragePool": "average",
    "com.microsoft:QLinearGlobalAveragePool": "mean",
    "BatchNormalization": "batch_norm",
    "InstanceNormalization": "instance_norm",
    "GroupNormalization": "group_norm",
    "LayerNormalization": "layer_norm",
    "RMSNormalization": "rms_norm",
    "SimplifiedLayerNormalization": "rms_norm",
    "LpNormalization": "lp_norm",
    "Identity": "identity",
    "CumSum": "cumsum",
    "CumProd": "cumprod",
    "Equal": "eq",
    "Greater": "gt",
    "GreaterOrEqual": "ge",
    "Less": "lt",
    "LessOrEqual": "le",
    "HardSwish": "hardswish",
    "HardSigmoid": "hardsigmoid",
    "PRelu": "prelu",
    "Swish": "silu",
    "DFT": "dft",
    "RNN": "rnn",
    "GRU": "gru",
    "LSTM": "lstm",
    "TopK": "topk",
    "IsNaN": "isnan",
    "IsInf": "isinf",
}

DEFAULTS: dict[str, dict[str, Constant]] = {
    "LeakyRelu": {"alpha": 0.01},
    "Elu": {"alpha": 1.0},
    "Celu": {"alpha": 1.0},
    "Selu": {"alpha": 1.67326319217681884765625, "gamma": 1.05070102214813232421875},
    "HardSigmoid": {"alpha": 0.2, "beta": 0.5},
    "ThresholdedRelu": {"alpha": 1.0},
    "Shrink": {"bias": 0.0, "lambd": 0.5},
    "Gelu": {"approximate": "none"},
    "Swish": {"alpha": 1.0},
    "Mod": {"fmod": 0},
    "BatchNormalization": {"epsilon": 1e-5},
    "InstanceNormalization": {"epsilon": 1e-5},
    "GroupNormalization": {"epsilon": 1e-5},
    "LayerNormalization": {"epsilon": 1e-5},
    "RMSNormalization": {"epsilon": 1e-5},
    "SimplifiedLayerNormalization": {"epsilon": 1e-5},
    "LpNormalization": {"p": 2},
    "AveragePool": {"count_include_pad": 0},
    "LpPool": {"p": 2},
    "GlobalLpPool": {"p": 2},
    "LRN": {"alpha": 1e-4, "beta": 0.75, "bias": 1.0},
    "TopK": {"largest": 1, "sorted": 1},
    "DFT": {"inverse": 0, "onesided": 0},
    "GridSample": {"align_corners": 0, "mode": "linear", "padding_mode": "zeros"},
    "RoiAlign": {
        "coordinate_transformation_mode": "half_pixel", "mode": "avg", "sampling_ratio": 0, "spatial_scale": 1.0
    },
    "ScatterND": {"reduction": "none"},
    "ScatterElements": {"reduction": "none"},
    "ArgMax": {"select_last_index": 0},
    "ArgMin": {"select_last_index": 0},
    "GRU": {"linear_before_reset": 0},
    "Cast": {"to": 1},
}

RENAMED = {"count_include_pad": "include_pad"}
WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def described(op: Operator, call: Call) -> Operator:
    """The operator with the function that the node computes, where it has a place for one and does not know it."""
    return replace(op, function=function(call)) if getattr(op, "function", None) == UNKNOWN else op  # type: ignore[call-arg]


def function(call: Call) -> Function:
    """The node's function; settings that the file leaves out have the values of ONNX's definition."""
    constants = {RENAMED.get(key, key): _plain(call.get(key, default)) for key, default in _settings(call).items()}
    if "include_pad" in constants:
        constants["include_pad"] = bool(constants["include_pad"])
    if call.op == "Clip":
        constants |= _limits(call)
    return Function.of(_name(call.op), **constants)


def _settings(call: Call) -> dict[str, Constant]:
    return DEFAULTS.get(call.op, {})


def _name(op: str) -> str:
    if op in NAMES:
        return NAMES[op]
    return WORDS.sub("_", op.rpartition(":")[2].removeprefix("QLinear").removeprefix("Reduce")).lower()


def _plain(value: Any) -> Constant:
    found: Constant = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return found


def _limits(call: Call) -> dict[str, Constant]:
    """Clip's limits: attributes before opset 11, inputs since."""
    found: dict[str, Constant] = {}
    for place, key in enumerate(("min", "max"), start=1):
        if key in call.attributes:
            found[key] = call.number(key, 0.0)
        elif call.constant(place) and call.value(place).size == 1:
            found[key] = float(call.value(place).reshape(-1)[0])
    return found
