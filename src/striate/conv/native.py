"""The door to the compiled module: whatever crosses it crosses here."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from striate.conv.problem import Problem
from striate.errors import EngineError, InputError

try:
    from striate.conv import _native
except ImportError as missing:
    _REASON = str(missing)
else:
    _REASON = ""

Plan: TypeAlias = "_native.Plan"
Packed: TypeAlias = "_native.Packed"

_MOST_THREADS = 2**15
_ALIGNED_FROM = 2**19
"""From this size on, starting with a cache line, which NumPy's arrays do not, is worth the 0.3 us that it costs."""


def check_compiled() -> None:
    """Raises EngineError, saying what to do, where the module was not built."""
    if _REASON:
        raise EngineError(
            "the compiled convolutions are not there "
            f"({_REASON}); build them with 'pip install .' in the source tree, which needs a C++20 compiler, "
            "or pass algorithm='reference' or algorithm='matrix'"
        )
    threads = os.environ.get("STRIATE_NUM_THREADS", "")
    if threads and not (threads.isascii() and threads.isdigit() and int(threads) >= 1):
        raise InputError(f"STRIATE_NUM_THREADS must be a number of threads of at least 1, got {threads!r}; or unset it")


def stand_in() -> str:
    """``"reference"`` where the module was not built, which is said once, else ``""``."""
    if not _REASON:
        return ""
    _say_so()
    return "reference"


@cache
def _say_so() -> None:
    warnings.warn(
        "striate was installed without its compiled convolutions: conv2d and its kin run in NumPy, many times slower; "
        "fields and check are as fast as ever. Install a C++20 compiler and run "
        "pip install --force-reinstall --no-cache-dir striate",
        RuntimeWarning,
        stacklevel=2,
    )


def compiled_algorithms() -> tuple[str, ...]:
    """Names of the compiled algorithms, none where the compiled module was not built."""
    return () if _REASON else tuple(_native.algorithms())


def compiled_ways() -> tuple[str, ...]:
    """The former name of :func:`compiled_algorithms`."""
    return compiled_algorithms()


def instruction_sets() -> tuple[str, ...]:
    """Instruction sets this machine can run the compiled algorithms with, best first."""
    return () if _REASON else tuple(_native.available_isas())


def instruction_set() -> str:
    """The instruction set in use."""
    check_compiled()
    return _native.isa()


def use_threads(count: int) -> None:
    """Sets what :func:`get_threads` gives; 0 means what the environment says, or the CPUs of the process."""
    check_compiled()
    _native.set_threads(min(count, _MOST_THREADS))


def get_threads() -> int:
    """Threads a convolution may use."""
    check_compiled()
    return _native.get_threads()


def compile_plan(
    problem: Problem, dtype: str, algorithm: str, strict: bool = False, threads: int = 0, once: bool = False
) -> Plan:
    """A new plan; raises InputError where the algorithm refuses the problem."""
    check_compiled()
    p = problem
    try:
        return _native.Plan(*p.input_shape, p.k, p.kh, p.kw, *p.steps, dtype, algorithm, strict, threads, once)
    except ValueError as refusal:
        raise InputError(str(refusal)) from None


def deciding_threads() -> int:
    """Threads for which whatever decides the bits of a result is chosen, however many there are."""
    return _native.deciding_threads()


def input_gradient_us(problem: Problem, threads: int) -> float:
    """Microseconds that :func:`input_gradient` should take in float32; infinite where it needs too much memory."""
    return _native.input_gradient_us(problem.input_shape, problem.weight_shape, *problem.steps, threads)


def input_gradient(
    grad: NDArray[Any],
    weight: NDArray[Any],
    bias: NDArray[Any] | None,
    activation: str,
    out: NDArray[Any],
    problem: Problem,
    threads: int,
) -> None:
    """Writes the input's gradient, with a transposed convolution's bias and activation, to ``out``.

    The arrays are of float32, in C order.
    """
    _native.input_gradient(grad, weight, bias, activation, out, *problem.steps, threads)


def weight_gradient(
    x: NDArray[Any], grad: NDArray[Any], out: NDArray[Any], problem: Problem, strict: bool, threads: int
) -> None:
    """Writes the weights' gradient to ``out``; the arrays are of one computing type, in C order."""
    check_compiled()
    _native.weight_gradient(x, grad, out, *problem.steps, strict, threads)


def bias_gradient(grad: NDArray[Any], out: NDArray[Any], threads: int) -> None:
    """Writes the bias's gradient to ``out``; both arrays are of one computing type, in C order."""
    check_compiled()
    _native.bias_gradient(grad, out, threads)


def same_bytes(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> bool:
    """Whether two arrays of bytes hold the same, compared on every thread."""
    check_compiled()
    return _native.same_bytes(a, b)


def maker(shape: tuple[int, ...], dtype: np.dtype[np.floating]) -> Callable[..., NDArray[np.floating]]:
    """What makes uninitialised arrays of ``shape`` and ``dtype`` fastest, called with both."""
    if _REASON or math.prod(shape) * dtype.itemsize < _ALIGNED_FROM or dtype.name not in ("float32", "float64"):
        return np.empty
    return lambda shape, dtype: _native.empty(shape, dtype.itemsize == 8)
