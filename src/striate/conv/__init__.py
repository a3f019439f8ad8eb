"""Convolutions of NumPy arrays: ``torch.nn.Conv2d``'s meaning, computed several ways."""

from striate.conv.budget import cache_bytes, get_cache_limit, set_cache_limit
from striate.conv.explanation import Explanation, explain
from striate.conv.functional import conv1d, conv2d
from striate.conv.gradients import conv2d_bias_grad, conv2d_input_grad, conv2d_weight_grad
from striate.conv.images import read_image
from striate.conv.layer import Conv2d
from striate.conv.matrix import conv_matrix
from striate.conv.native import compiled_algorithms, compiled_ways, get_threads, instruction_sets
from striate.conv.plan import ConvPlan, plan_conv
from striate.conv.settings import set_cache, set_threads
from striate.conv.transpose import conv_transpose2d
from striate.errors import ArrayTypeError, EngineError, ShapeError

__all__ = [
    "ArrayTypeError",
    "Conv2d",
    "ConvPlan",
    "EngineError",
    "Explanation",
    "ShapeError",
    "cache_bytes",
    "compiled_algorithms",
    "compiled_ways",
    "conv1d",
    "conv2d",
    "conv2d_bias_grad",
    "conv2d_input_grad",
    "conv2d_weight_grad",
    "conv_matrix",
    "conv_transpose2d",
    "explain",
    "get_cache_limit",
    "get_threads",
    "instruction_sets",
    "plan_conv",
    "read_image",
    "set_cache",
    "set_cache_limit",
    "set_threads",
]
