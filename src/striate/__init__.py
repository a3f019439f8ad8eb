"""striate: which input pixels does each output of a convolutional network see?"""

from striate.conv import (
    Conv2d,
    conv1d,
    conv2d,
    conv2d_bias_grad,
    conv2d_input_grad,
    conv2d_weight_grad,
    conv_matrix,
    conv_transpose2d,
    explain,
    plan_conv,
    read_image,
)
from striate.errors import (
    InputError,
    MissingDependencyError,
    ModelError,
    StriateError,
    UnsupportedError,
)
from striate.fields import AxisField, Field, Fields, Reach, Region, effective_field_gradient
from striate.formats.model import Model
from striate.geometry import Interval, Window
from striate.loaded import LoadedModel, load
from striate.network import Network
from striate.version import striate_version

__version__ = striate_version()

__all__ = [
    "AxisField",
    "Conv2d",
    "Field",
    "Fields",
    "InputError",
    "Interval",
    "LoadedModel",
    "MissingDependencyError",
    "Model",
    "ModelError",
    "Network",
    "Reach",
    "Region",
    "StriateError",
    "UnsupportedError",
    "Window",
    "__version__",
    "conv1d",
    "conv2d",
    "conv2d_bias_grad",
    "conv2d_input_grad",
    "conv2d_weight_grad",
    "conv_matrix",
    "conv_transpose2d",
    "effective_field_gradient",
    "explain",
    "load",
    "plan_conv",
    "read_image",
]
