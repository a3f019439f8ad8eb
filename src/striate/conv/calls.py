"""A call: how arrays of one shape are computed, found once for a shape and its arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from striate.conv import reference
from striate.conv.arguments import Arguments, PaddingMode
from striate.conv.arrays import Activation, Array, apply_activation, compute_dtype, empty_like_layout, pad_border
from striate.conv.matrix import conv_matrix
from striate.conv.native import Packed, Plan, maker, stand_in
from striate.conv.plan import CHOOSERS, PLAIN, Accuracy, check_accuracy, check_algorithm, find_plan
from striate.conv.problem import Pads, Pair, Problem
from striate.conv.settings import Generation, remembered, settings

IN_ORDER = 0x101  # NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED


@dataclass(frozen=True, slots=True)
class Call:
    """How arrays of one shape are computed; ``plan`` is None where plain NumPy or SciPy computes.

    ``simple`` says that the plan takes the caller's arrays as they are, where :func:`in_order` holds for them;
    ``make(shape, compute)`` makes the array of the result; calls of one ``layout`` share packed weights.
    """

    problem: Problem
    pads: Pads
    mode: PaddingMode
    algorithm: str
    compute: np.dtype[np.floating]
    shape: tuple[int, ...]
    plan: Plan | None
    simple: bool
    make: Callable[..., Array]
    layout: str

    def run(
        self,
        x: Array,
        weight: Array,
        bias: Array | None,
        activation: Activation,
        out: Array | None,
        packed: Packed | None = None,
        taps: tuple[Pair, Pair] | None = None,
    ) -> Array:
        """The convolution of ``x``, in ``out`` where one is given; ``packed`` saves packing ``weight`` again.

        With ``taps``, which a plan takes, ``weight`` is (C, K / groups, height, width), and the convolution is with
        what it transposes to: the first and the step of its rows, and of its columns, from last to first.
        """
        compute, plan = self.compute, self.plan
        result = empty_like_layout(x, self.shape, x.dtype) if out is None else out
        direct = result.dtype == compute and in_order(result)
        if out is not None and direct:
            direct = not any(np.may_share_memory(out, read) for read in (x, weight, bias) if read is not None)
        source = pad_border(x, self.pads, self.mode) if any(self.pads) else x
        source = plain(source, compute).reshape(self.problem.input_shape)
        offset = None if bias is None else plain(bias, compute)
        if plan is None:
            target = self._by_numpy(source, plain(weight, compute), offset)
            apply_activation(target, activation)
            result[...] = target.reshape(self.shape)
            return result
        target = np.asarray(result) if direct else self.make(self.shape, compute)
        written = target.reshape(self.problem.output_shape)
        if taps is not None:
            plan.run_turned(source, plain(weight, compute), *taps, offset, activation, written)
        else:
            plan.run(source, packed or plan.pack(plain(weight, compute)), offset, activation, written)
        if not direct:
            result[...] = target
        return result

    def _by_numpy(self, x: Array, weight: Array, bias: Array | None) -> Array:
        p = self.problem
        if p.empty:
            out = np.zeros(p.output_shape, self.compute)
        elif self.algorithm == "matrix":
            sides = p.padding[:2], p.padding[2:]
            columns = conv_matrix(weight, (p.h, p.w), p.stride, sides, p.dilation, p.groups) @ x.reshape(p.n, -1).T
            out = np.ascontiguousarray(columns.T).reshape(p.output_shape)
        else:
            summed = reference.conv2d(x, weight, None, *p.steps)
            out = summed.astype(self.compute)
        return out if bias is None else out + bias.reshape(1, -1, 1, 1)


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
    arguments: Arguments,
    algorithm: str = "auto",
    accuracy: Accuracy = "normal",
    threads: int = 0,
    once: bool = False,
) -> Call:
    """The call for arrays of these shapes and this type, made once.

    ``threads`` and ``once`` are those of :func:`striate.conv.plan.find_plan`. Raises InputError or ShapeError for what
    makes no convolution, ArrayTypeError for a type that is not computed with.
    """
    try:
        return _known_call(settings.generation, x, weight, dtype, arguments, algorithm, accuracy, threads, once)
    except TypeError:
        check_algorithm(algorithm), check_accuracy(accuracy)  # a name that cannot be a key
        raise


@remembered
def _known_call(
    generation: Generation,
    x: tuple[int, ...],
    weight: tuple[int, ...],
    dtype: np.dtype[np.floating],
    arguments: Arguments,
    algorithm: str,
    accuracy: Accuracy,
    threads: int,
    once: bool,
) -> Call:
    algorithm, accuracy = check_algorithm(algorithm), check_accuracy(accuracy)
    algorithm = (stand_in() or algorithm) if algorithm in CHOOSERS else algorithm
    compute = compute_dtype(dtype)
    problem, pads = arguments.problem(x, weight)
    shape = problem.output_shape if len(x) == 4 else problem.output_shape[1:]
    plan = None
    if not problem.empty and algorithm not in PLAIN:
        plan = find_plan(problem, compute.name, algorithm, accuracy, threads, once)
    name, layout = (algorithm, "") if plan is None else (plan.algorithm, plan.layout)
    simple = plan is not None and len(x) == 4 and not any(pads) and compute == dtype
    make = maker(shape, compute)
    return Call(problem, pads, arguments.padding_mode, name, compute, shape, plan, simple, make, layout)
