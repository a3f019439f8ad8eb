"""Compiled convolution kernels. Arrays are C-contiguous and NCHW, of the plan's type, where nothing else is said."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

def algorithms() -> list[str]:
    """The names of the algorithms, ``direct`` first."""

def isa() -> str:
    """The instruction set in use."""

def available_isas() -> list[str]:
    """The instruction sets this machine can run, best first."""

def set_threads(count: int) -> None:
    """Threads a plan takes when it names none.

    0 means what the environment says, or the CPUs this process may use.
    """

def get_threads() -> int:
    """Threads a plan takes when it names none."""

def deciding_threads() -> int:
    """Threads for which whatever decides the bits of a result is chosen, however many there are."""

def peak_gflops() -> float:
    """Float32 multiply-adds of one thread as measured, two operations each, in GFLOP/s."""

def empty(shape: Sequence[int], doubles: bool = False) -> NDArray[Any]:
    """An uninitialised float32 or float64 array that starts with a cache line.

    The memory of a large one, once freed, is kept for the next of its size.
    """

def same_bytes(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> bool:
    """Whether two byte arrays hold the same, compared on every thread."""

def input_gradient_us(
    input: tuple[int, int, int, int],
    weight: tuple[int, int, int, int],
    stride: tuple[int, int],
    padding: tuple[int, int, int, int],
    dilation: tuple[int, int],
    groups: int,
    threads: int,
) -> float:
    """Microseconds that input_gradient should take for these shapes; infinite where it needs too much memory."""

def input_gradient(
    grad: NDArray[Any],
    weight: NDArray[Any],
    bias: NDArray[Any] | None,
    activation: str,
    out: NDArray[Any],
    stride: tuple[int, int],
    padding: tuple[int, int, int, int],
    dilation: tuple[int, int],
    groups: int,
    threads: int = 0,
) -> None:
    """The transposed convolution of ``grad`` (n, k, oh, ow) in ``out`` (n, c, h, w).

    It is the input's gradient of the convolution with ``weight``; float32.
    """

def weight_gradient(
    x: NDArray[Any],
    grad: NDArray[Any],
    out: NDArray[Any],
    stride: tuple[int, int],
    padding: tuple[int, int, int, int],
    dilation: tuple[int, int],
    groups: int,
    strict: bool = False,
    threads: int = 0,
) -> None:
    """The weights' gradient (k, c/groups, kh, kw) in ``out``; strict takes no transform."""

def bias_gradient(grad: NDArray[Any], out: NDArray[Any], threads: int = 0) -> None:
    """The output's gradient (n, k, oh, ow) summed over all but k, in ``out``."""

class Packed:
    """Weights in one layout; immutable."""

    @property
    def bytes(self) -> int:
        """Size in memory."""

class Plan:
    """How one convolution shape is computed, with zero padding."""

    def __init__(
        self,
        n: int,
        c: int,
        h: int,
        w: int,
        k: int,
        kh: int,
        kw: int,
        stride: tuple[int, int] = (1, 1),
        padding: tuple[int, int, int, int] = (0, 0, 0, 0),
        dilation: tuple[int, int] = (1, 1),
        groups: int = 1,
        dtype: str = "float32",
        algorithm: str = "auto",
        strict: bool = False,
        threads: int = 0,
        once: bool = False,
    ) -> None: ...
    @property
    def algorithm(self) -> str:
        """The algorithm chosen."""

    @property
    def blocking(self) -> dict[str, int]:
        """How the algorithm splits the work."""

    @property
    def layout(self) -> str:
        """Plans of one layout take each other's packed weights."""

    @property
    def workspace_bytes(self) -> int:
        """Scratch memory of a call, all threads together."""

    @property
    def error_bound(self) -> float:
        """Largest float32 error for unit-variance data, as a share of 1 + sqrt(terms per output)."""

    @property
    def strict(self) -> bool:
        """Whether the algorithm rounds no more than ``direct``."""

    @property
    def predicted_us(self) -> float:
        """Microseconds a call should take."""

    @property
    def pack_us(self) -> float:
        """Microseconds that packing weights should take."""

    @property
    def price(self) -> float:
        """What ``auto`` multiplies the algorithm's time by, for its rounding."""

    @property
    def threads(self) -> int:
        """Threads a call may use."""

    @property
    def output_shape(self) -> tuple[int, int, int, int]:
        """(n, k, oh, ow)."""

    @property
    def candidates(self) -> list[tuple[str, float]]:
        """(algorithm, predicted microseconds) of every one that can, fastest first."""

    def pack(self, weight: NDArray[Any]) -> Packed:
        """Weights (k, c/groups, kh, kw) in this plan's layout."""

    def run(
        self, x: NDArray[Any], packed: Packed, bias: NDArray[Any] | None, activation: str, out: NDArray[Any]
    ) -> None:
        """Computes ``out``; a call of more than some microseconds releases the GIL."""

    def run_unpacked(
        self, x: NDArray[Any], weight: NDArray[Any], bias: NDArray[Any] | None, activation: str, out: NDArray[Any]
    ) -> bool:
        """As run, of weights packed for this call alone.

        ``x`` and ``weight`` may have any strides: False, with nothing done, where one is not in C order.
        """

    def run_turned(
        self,
        x: NDArray[Any],
        weight: NDArray[Any],
        rows: tuple[int, int],
        columns: tuple[int, int],
        bias: NDArray[Any] | None,
        activation: str,
        out: NDArray[Any],
    ) -> None:
        """As run, of the weights that (c, k/groups, height, width) transposes to, packed for this call alone.

        ``rows`` and ``columns``, each a first tap and a step, are taken from last to first.
        """
