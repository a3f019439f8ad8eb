"""From arguments to a ready call: which way computes it, cached by shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from os import PathLike
from typing import Any

import numpy as np

from striate.conv import reference
from striate.conv.arguments import PaddingArg, PairArg, parse_problem
from striate.conv.arrays import Array, apply_activation, compute_dtype, empty_like_layout, pad_border
from striate.conv.choices import set_folder
from striate.conv.choosing import fastest_measured, make_plan
from striate.conv.errors import InputError
from striate.conv.matrix import conv_matrix
from striate.conv.native import check_way, engine, maker
from striate.conv.problem import Pads, Problem

PLAIN_WAYS = ("reference", "matrix")
CHOOSERS = ("auto", "measured")
ACCURACIES = ("normal", "strict")
IN_ORDER = 0x101  # NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED


@dataclass(frozen=True, slots=True)
class Call:
    """One shape's way of computing; ``plan`` is None where plain NumPy or SciPy computes.

    ``simple`` says that the plan takes the caller's arrays as they are, where :func:`in_order` holds for them;
    ``make(shape, compute)`` makes the array of the result.
    """

    problem: Problem
    pads: Pads
    mode: str
    way: str
    compute: np.dtype[np.floating]
    shape: tuple[int, ...]
    plan: Any
    simple: bool
    make: Callable[..., Array]

    def run(
        self, x: Array, weight: Array, bias: Array | None, activation: str, out: Array | None, packed: Any = None
    ) -> Array:
        """The convolution of ``x``, in ``out`` where one is given; ``packed`` saves packing ``weight`` again."""
        compute, plan = self.compute, self.plan
        result = empty_like_layout(x, self.shape, x.dtype) if out is None else out
        direct = result.dtype == compute and in_order(result)
        if out is not None and direct:
            direct = not np.may_share_memory(out, x)
        source = pad_border(x, self.pads, self.mode) if any(self.pads) else x
        source = _plain(source, compute).reshape(self.problem.input_shape)
        offset = None if bias is None else _plain(bias, compute)
        if plan is None:
            target = self._plain_way(source, _plain(weight, compute), offset)
            apply_activation(target, activation)
            result[...] = target.reshape(self.shape)
            return result
        target = result if direct else self.make(self.shape, compute)
        if packed is None:
            packed = plan.pack(_plain(weight, compute))
        plan.run(source, packed, offset, activation, target.reshape(self.problem.output_shape))
        if not direct:
            result[...] = target
        return result

    def _plain_way(self, x: Array, weight: Array, bias: Array | None) -> Array:
        p = self.problem
        if p.empty:
            out = np.zeros(p.output_shape, self.compute)
        elif self.way == "matrix":
            matrix = conv_matrix(weight, (p.h, p.w), p.stride, _sides(p.padding), p.dilation, p.groups)
            columns = matrix @ x.reshape(p.n, -1).T
            out = np.ascontiguousarray(columns.T).reshape(p.output_shape)
        else:
            summed = reference.conv2d(x, weight, None, p.stride, p.padding, p.dilation, p.groups)
            out = summed.astype(self.compute)
        return out if bias is None else out + bias.reshape(1, -1, 1, 1)


def _sides(pads: Pads) -> tuple[tuple[int, int], tuple[int, int]]:
    return pads[:2], pads[2:]


def in_order(array: Array) -> bool:
    """Whether an array is C-contiguous and aligned.

    >>> in_order(np.zeros((2, 3))), in_order(np.zeros((2, 3)).T)
    (True, False)
    """
    return array.flags.num & IN_ORDER == IN_ORDER


def _plain(array: Array, dtype: np.dtype[np.floating]) -> Array:
    if array.dtype == dtype and in_order(array):
        return array
    return np.require(array, dtype, ["C", "A"])


def hashable(value: Any) -> Any:
    """Lists as tuples, all the way down, so that arguments can be a key."""
    return tuple(hashable(item) for item in value) if isinstance(value, (list, tuple)) else value


@lru_cache(maxsize=4096)
def find_call(
    x: tuple[int, ...],
    weight: tuple[int, ...],
    dtype: np.dtype[np.floating],
    stride: PairArg = 1,
    padding: PaddingArg = 0,
    dilation: PairArg = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    algorithm: str = "auto",
    accuracy: str = "normal",
) -> Call:
    """The call for these shapes and arguments, made once; the arguments are those of ``conv2d``."""
    compute = compute_dtype(dtype)
    problem, pads = parse_problem(x, weight, stride, padding, dilation, groups, padding_mode)
    shape = problem.output_shape if len(x) == 4 else problem.output_shape[1:]
    check_way(algorithm, (*CHOOSERS, *PLAIN_WAYS))
    plain = problem.empty or algorithm in PLAIN_WAYS
    plan = None if plain else find_plan(problem, compute.name, algorithm, accuracy)
    check_accuracy(accuracy)
    way = algorithm if plan is None else plan.algorithm
    simple = plan is not None and len(x) == 4 and not any(pads) and compute == dtype
    return Call(problem, pads, padding_mode, way, compute, shape, plan, simple, maker(shape, compute))


def check_accuracy(accuracy: str) -> None:
    """Raises InputError for an unknown accuracy."""
    if accuracy not in ACCURACIES:
        raise InputError(f"accuracy must be one of {ACCURACIES}, got {accuracy!r}")


@lru_cache(maxsize=4096)
def find_plan(problem: Problem, dtype: str, algorithm: str, accuracy: str) -> Any:
    """The compiled plan of a problem; raises InputError where the way cannot compute it."""
    strict = accuracy == "strict"
    if algorithm == "measured":
        return fastest_measured(problem, dtype, strict)
    plan = make_plan(problem, dtype, algorithm, strict)
    if strict and not plan.strict:
        raise InputError(
            f"algorithm={algorithm!r} rounds more than 'direct', which accuracy='strict' rules out; "
            "leave algorithm at 'auto'"
        )
    return plan


generation = [0]
"""One number, raised when every call kept anywhere must be found anew."""


def set_threads(count: int) -> None:
    """Threads a convolution may use from now on; 0 means the CPUs this process may use. Results do not change.

    >>> set_threads(1)
    >>> get_threads()
    1
    >>> set_threads(0)
    """
    if count < 0:
        raise InputError(f"threads must be 0 or more, got {count}")
    engine().set_threads(count)
    find_anew()


def set_cache(folder: str | PathLike[str] | bool | None) -> None:
    """Where the ways that ``algorithm="measured"`` found fastest are kept from one process to the next.

    A folder, True for the user's cache folder, False for nowhere, None (as at the start) for what the environment
    variable ``STRIATE_CACHE`` says: a folder, 1 for the user's, nothing or 0 for nowhere. A choice holds for one
    processor model, instruction set, number of threads and version of striate. A damaged file is told of, ignored and
    replaced.

    >>> set_cache(False)
    """
    set_folder(folder)
    find_anew()


def find_anew() -> None:
    """Forgets every call and plan, wherever one is kept."""
    generation[0] += 1
    for cache in (find_call, find_plan, fastest_measured):
        cache.cache_clear()


def get_threads() -> int:
    """Threads a convolution may use."""
    return int(engine().get_threads())
