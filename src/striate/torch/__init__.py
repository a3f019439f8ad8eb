"""striate's convolutions inside torch models: a module, and a swap of the convolutions of a whole model.

The convolution is a registered operator with autograd and fake-tensor rules, so ``torch.compile`` and ``torch.export``
take it. CPU tensors are read and written where they lie.
"""

from striate.errors import MissingDependencyError

try:
    import torch as _torch
except ImportError:
    raise MissingDependencyError("striate.torch needs PyTorch; install it with 'pip install torch'") from None

from striate.torch.module import Conv2d
from striate.torch.swapping import Acceleration, Left, Measured, accelerate
from striate.torch.weights import repack

__all__ = ["Acceleration", "Conv2d", "Left", "Measured", "accelerate", "repack"]

del _torch
