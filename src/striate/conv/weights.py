"""Weights in and out of files and torch tensors."""

from __future__ import annotations

import os
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from striate.conv.arrays import Array
from striate.errors import ArrayTypeError, InputError, MissingDependencyError
from striate.files import replace_file

if TYPE_CHECKING:
    from torch import Tensor


def _safetensors() -> Any:
    try:
        import safetensors
        import safetensors.numpy
    except ImportError:
        raise MissingDependencyError("needs safetensors; install it with 'pip install safetensors'") from None
    return safetensors


def write_tensors(path: str | PathLike[str], tensors: dict[str, Array]) -> None:
    """Writes a safetensors file in one step: a reader sees the old file or the whole new one."""
    data = _safetensors().numpy.save({name: np.ascontiguousarray(array) for name, array in tensors.items()})
    replace_file(path, data)


def read_tensors(path: str | PathLike[str], prefix: str, names: list[str]) -> dict[str, Array]:
    """The arrays ``{prefix}{name}`` of a safetensors file. Raises InputError where one is not there."""
    module = _safetensors()
    try:
        with module.safe_open(os.fspath(path), framework="numpy") as file:
            there = set(file.keys())
            missing = [prefix + name for name in names if prefix + name not in there]
            if missing:
                raise InputError(f"{os.fspath(path)} does not hold {missing}; it holds {sorted(there)[:20]}")
            return {name: file.get_tensor(prefix + name) for name in names}
    except module.SafetensorError as error:
        raise InputError(f"{os.fspath(path)} is not a sound safetensors file: {error}") from None


def tensor_array(tensor: Tensor) -> Array:
    """A CPU tensor as a NumPy array on the same memory; bfloat16 by way of ml_dtypes."""
    if tensor.device.type != "cpu":
        raise ArrayTypeError(f"expected a tensor in CPU memory, got one on {tensor.device}; move it with .cpu()")
    plain = tensor.detach() if tensor.requires_grad else tensor
    if plain.element_size() != 2 or str(plain.dtype) != "torch.bfloat16":
        return plain.numpy()
    try:
        from ml_dtypes import bfloat16
    except ImportError:
        raise MissingDependencyError("bfloat16 needs ml_dtypes; install it with 'pip install ml-dtypes'") from None
    import torch

    return plain.view(torch.int16).numpy().view(bfloat16)
