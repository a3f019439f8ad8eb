"""The door to the compiled module."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.conv.errors import EngineError, InputError

_ALIGNED_FROM = 2**19
"""From this size on, starting with a cache line, which NumPy's arrays do not, is worth the 0.3 us that it costs."""


def _load() -> tuple[Any, str]:
    try:
        return import_module("striate.conv._native"), ""
    except ImportError as missing:
        return None, str(missing)


_native, _REASON = _load()


def kernels() -> Any:
    """The compiled module; raises EngineError, saying what to do, where it was not built."""
    if _native is None:
        raise EngineError(
            "the compiled convolutions are not there "
            f"({_REASON}); build them with 'pip install .' in the source tree, which needs a C++20 compiler, "
            "or pass algorithm='reference' or algorithm='matrix'"
        )
    _check_environment()
    return _native


def _check_environment() -> None:
    threads = os.environ.get("STRIATE_NUM_THREADS", "")
    if threads and not (threads.isascii() and threads.isdigit() and int(threads) >= 1):
        raise InputError(f"STRIATE_NUM_THREADS must be a number of threads of at least 1, got {threads!r}; or unset it")


def maker(shape: tuple[int, ...], dtype: np.dtype[np.floating]) -> Callable[..., NDArray[np.floating]]:
    """What makes uninitialised arrays of ``shape`` and ``dtype`` fastest, called with both."""
    if _native is None or math.prod(shape) * dtype.itemsize < _ALIGNED_FROM or dtype.name not in ("float32", "float64"):
        return np.empty
    make = _native.empty
    return lambda shape, dtype: make(shape, dtype.itemsize == 8)


def compiled_ways() -> tuple[str, ...]:
    """Names of the compiled ways, none where the compiled module was not built."""
    return () if _native is None else tuple(_native.algorithms())


def instruction_sets() -> tuple[str, ...]:
    """Instruction sets this machine can run the compiled ways with, best first."""
    return () if _native is None else tuple(_native.available_isas())


def check_way(name: str, others: tuple[str, ...]) -> None:
    """Raises InputError for a name that is neither one of ``others`` nor a compiled way."""
    if name in others:
        return
    if _native is None or name not in compiled_ways():
        kernels()
        raise InputError(f"algorithm must be one of {(*others, *compiled_ways())}, got {name!r}")
