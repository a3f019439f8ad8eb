"""Names of aten operators: what users call them, and which ones give elements that depend on no input."""

from __future__ import annotations

CONSTANTS = frozenset(
    {
        *("arange", "linspace", "logspace", "range", "eye", "scalar_tensor", "tril_indices", "triu_indices"),
        *(f"{lead}{fill}" for lead in ("", "new_") for fill in ("empty", "full", "ones", "zeros", "empty_strided")),
        *(f"{fill}_like" for fill in ("empty", "full", "ones", "zeros", "rand", "randn", "randint")),
        *("rand", "randn", "randint", "randperm", "uniform", "random", "normal", "exponential", "zero"),
    }
)
LABELS = {
    "_adaptive_avg_pool2d": "adaptive_avg_pool2d",
    "_adaptive_avg_pool3d": "adaptive_avg_pool3d",
    "_log_softmax": "log_softmax",
    "_native_batch_norm_legit": "batch_norm",
    "_native_batch_norm_legit_no_training": "batch_norm",
    "_prelu_kernel": "prelu",
    "_scaled_dot_product_flash_attention_for_cpu": "attention",
    "_scaled_dot_product_fused_attention_overrideable": "attention",
    "_softmax": "softmax",
    "_to_copy": "to",
    "_unsafe_view": "view",
    "addmm": "linear",
    "cat": "cat",
    "constant_pad_nd": "pad",
    "convolution": "conv",
    "max_pool2d_with_indices": "max_pool2d",
    "max_pool3d_with_indices": "max_pool3d",
    "native_batch_norm": "batch_norm",
    "native_dropout": "dropout",
    "native_group_norm": "group_norm",
    "native_layer_norm": "layer_norm",
}


def label_of(key: str) -> str:
    """The last part of a node's name."""
    return LABELS.get(key) or key.rpartition("::")[2].strip("_")
