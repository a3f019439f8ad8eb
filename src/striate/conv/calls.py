"""From arguments to a ready call: which way computes it, cached by shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from os import PathLike
from typing import Any

import numpy as np

from striate.conv import reference
from striate.conv.arguments import Arguments, PaddingArg, PairArg, exact, parse_count, parse_name
from striate.conv.arrays import Array, apply_activation, compute_dtype, empty_like_layout, pad_border
from striate.conv.errors import InputError, named
from striate.conv.matrix import conv_matrix
from striate.conv.measured import set_folder
from striate.conv.native import check_way, compiled_ways, kernels, maker
from striate.conv.plans import fastest_measured, make_plan
from striate.conv.problem import Pads, Problem

PLAIN_WAYS = ("reference", "matrix")
CHOOSERS = ("auto", "measured")
ACCURACIES = ("normal", "strict")
IN_ORDER = 0x101  # NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED


class Generation:
    """Everything found under one of these holds until another takes its place in ``settings``."""


class Settings:
    """What calls depend on beside their arguments; ``generation`` is replaced whenever it changes."""

    __slots__ = ("generation",)

    def __init__(self) -> None:
        self.generation = Generation()


settings = Settings()


@dataclass(frozen=True, slots=True)
class Call:
    """One shape's way of computing; ``plan`` is None where plain NumPy or SciPy computes.

    ``simple`` says that the plan takes the caller's arrays as they are, where :func:`in_order` holds for them;
    ``make(shape, compute)`` makes the array of the result; calls of one ``layout`` share packed weights.
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
    layout: str

    def run(
        self, x: Array, weight: Array, bias: Array | None, activation: str, out: Array | None, packed: Any = None
    ) -> Array:
        """The convolution of ``x``, in ``out`` where one is given; ``packed`` saves packing ``weight`` again."""
        compute, plan = self.compute, self.plan
        result = empty_like_layout(x, self.shape, x.dtype) if out is None else out
        direct = result.dtype == compute and in_order(result)
        if out is not None and direct:
            direct = not any(np.may_share_memory(out, read) for read in (x, weight, bias) if read is not None)
        source = pad_border(x, self.pads, self.mode) if any(self.pads) else x
        source = plain(source, compute).reshape(self.problem.input_shape)
        offset = None if bias is None else plain(bias, compute)
        if plan is None:
            target = self._plain_way(source, plain(weight, compute), offset)
            apply_activation(target, activation)
            result[...] = target.reshape(self.shape)
            return result
        target = np.asarray(result) if direct else self.make(self.shape, compute)
        if packed is None:
            packed = plan.pack(plain(weight, compute))
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


def plain(array: Array, dtype: np.dtype[np.floating]) -> Array:
    """The array as one of class ``numpy.ndarray``, of ``dtype``, C-contiguous and aligned: itself where it is."""
    if type(array) is np.ndarray and array.dtype == dtype and in_order(array):
        return array
    return np.require(np.asarray(array), dtype, ["C", "A"])


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
    threads: int = 0,
) -> Call:
    """The call for these shapes and arguments, made once; the arguments are those of ``conv2d``.

    ``threads`` are those of :func:`striate.conv.plans.make_plan`.
    """
    ints = type(stride) is int and type(padding) is int and type(dilation) is int
    # Only where equal arguments are alike in type: a cache takes 1.0 for 1.
    if (ints or (exact(stride) and exact(padding) and exact(dilation))) and type(groups) is int:
        rest = padding_mode, algorithm, accuracy, threads
        try:
            return _known_call(settings.generation, x, weight, dtype, stride, padding, dilation, groups, *rest)
        except TypeError:
            pass  # A name that cannot be a key, or a type that is refused: below by name.
    arguments = Arguments.parse(stride, padding, dilation, groups, padding_mode)
    return call_for(x, weight, dtype, arguments, algorithm, accuracy, threads)


@lru_cache(maxsize=4096)
def _known_call(
    generation: Generation,
    x: tuple[int, ...],
    weight: tuple[int, ...],
    dtype: np.dtype[np.floating],
    stride: PairArg,
    padding: PaddingArg,
    dilation: PairArg,
    groups: int,
    padding_mode: str,
    algorithm: str,
    accuracy: str,
    threads: int,
) -> Call:
    arguments = Arguments.parse(stride, padding, dilation, groups, padding_mode)
    return call_for(x, weight, dtype, arguments, algorithm, accuracy, threads)


def call_for(
    x: tuple[int, ...],
    weight: tuple[int, ...],
    dtype: np.dtype[np.floating],
    arguments: Arguments,
    algorithm: str = "auto",
    accuracy: str = "normal",
    threads: int = 0,
    once: bool = False,
) -> Call:
    """The call for these shapes and parsed arguments, made once.

    ``threads`` and ``once`` are those of :func:`striate.conv.plans.make_plan`.
    """
    names = check_algorithm(algorithm), check_accuracy(accuracy)
    return _parsed_call(settings.generation, x, weight, dtype, arguments, *names, threads, once)


@lru_cache(maxsize=4096)
def _parsed_call(
    generation: Generation,
    x: tuple[int, ...],
    weight: tuple[int, ...],
    dtype: np.dtype[np.floating],
    arguments: Arguments,
    algorithm: str,
    accuracy: str,
    threads: int,
    once: bool,
) -> Call:
    compute = compute_dtype(dtype)
    problem, pads = arguments.problem(x, weight)
    shape = problem.output_shape if len(x) == 4 else problem.output_shape[1:]
    without = problem.empty or algorithm in PLAIN_WAYS
    plan = None if without else find_plan(problem, compute.name, algorithm, accuracy, threads, once)
    way, layout = (algorithm, "") if plan is None else (plan.algorithm, plan.layout)
    simple = plan is not None and len(x) == 4 and not any(pads) and compute == dtype
    return Call(problem, pads, arguments.padding_mode, way, compute, shape, plan, simple, maker(shape, compute), layout)


def check_algorithm(algorithm: Any, others: tuple[str, ...] = (*CHOOSERS, *PLAIN_WAYS)) -> str:
    """The name of a compiled way or one of ``others``. Raises InputError for anything else."""
    if not isinstance(algorithm, str):
        return parse_name("algorithm", algorithm, (*others, *compiled_ways()))
    check_way(algorithm, others)
    return str(algorithm)


def check_accuracy(accuracy: Any) -> str:
    """The name of an accuracy. Raises InputError for an unknown one."""
    return parse_name("accuracy", accuracy, ACCURACIES)


def find_plan(problem: Problem, dtype: str, algorithm: str, accuracy: str, threads: int = 0, once: bool = False) -> Any:
    """The compiled plan of a problem; raises InputError where the way cannot compute it."""
    return _known_plan(settings.generation, problem, dtype, algorithm, accuracy == "strict", threads, once)


@lru_cache(maxsize=4096)
def _known_plan(
    generation: Generation, problem: Problem, dtype: str, algorithm: str, strict: bool, threads: int, once: bool
) -> Any:
    if algorithm == "measured":
        return fastest_measured(problem, dtype, strict)
    plan = make_plan(problem, dtype, algorithm, strict, threads, once)
    if strict and not plan.strict:
        raise InputError(
            f"algorithm={algorithm!r} rounds more than 'direct', which accuracy='strict' rules out; "
            "leave algorithm at 'auto'"
        )
    return plan


@named("set_threads")
def set_threads(count: int) -> None:
    """Threads a convolution may use from now on. Results do not change.

    0 means what the environment variable ``STRIATE_NUM_THREADS`` says, or else ``OMP_NUM_THREADS``, or else the CPUs
    this process may use.

    >>> set_threads(1)
    >>> get_threads()
    1
    >>> set_threads(0)
    """
    kernels().set_threads(min(parse_count("threads", count, least=0), 2**15))
    find_anew()


@named("set_cache")
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
    settings.generation = Generation()
    for cache in (_known_call, _parsed_call, _known_plan):
        cache.cache_clear()


def get_threads() -> int:
    """Threads a convolution may use."""
    return int(kernels().get_threads())
