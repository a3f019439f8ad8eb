"""One zero-padded convolution as numbers: the canonical form that every algorithm computes from."""

from __future__ import annotations

from dataclasses import dataclass

from striate.errors import ShapeError
from striate.geometry import Window

Pair = tuple[int, int]
Pads = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Problem:
    """Sizes and steps of a zero-padded, grouped, strided, dilated cross-correlation.

    ``padding`` is (top, bottom, left, right). The constructor checks that the sizes make a convolution
    and raises ShapeError, naming what was expected and what came, where they do not.

    >>> Problem(n=1, c=3, h=6, w=6, k=8, kh=3, kw=3).output_shape
    (1, 8, 4, 4)
    """

    n: int
    c: int
    h: int
    w: int
    k: int
    kh: int
    kw: int
    stride: Pair = (1, 1)
    padding: Pads = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1

    def __post_init__(self) -> None:
        if self.c % self.groups or self.k % self.groups:
            raise ShapeError(
                f"channels must split evenly over groups={self.groups}, got {self.c} input and {self.k} output channels"
            )
        for axis, n, window in (("height", self.h, self.rows), ("width", self.w, self.columns)):
            padded = n + window.pad_before + window.pad_after
            if padded < window.extent:
                raise ShapeError(
                    f"kernel size can't be greater than actual input size: along the {axis} the kernel "
                    f"spans {window.extent} pixels, the padded input has {padded}; "
                    f"pad by {window.extent - padded} more"
                )

    @property
    def rows(self) -> Window:
        """The window along the height."""
        return Window(self.kh, self.stride[0], self.dilation[0], self.padding[0], self.padding[1])

    @property
    def columns(self) -> Window:
        """The window along the width."""
        return Window(self.kw, self.stride[1], self.dilation[1], self.padding[2], self.padding[3])

    @property
    def steps(self) -> tuple[Pair, Pads, Pair, int]:
        """Stride, padding, dilation and groups."""
        return self.stride, self.padding, self.dilation, self.groups

    @property
    def input_shape(self) -> tuple[int, int, int, int]:
        """(N, C, H, W) of the input."""
        return self.n, self.c, self.h, self.w

    @property
    def weight_shape(self) -> tuple[int, int, int, int]:
        """(K, C / groups, kh, kw) of the weight."""
        return self.k, self.c // self.groups, self.kh, self.kw

    @property
    def output_shape(self) -> tuple[int, int, int, int]:
        """(N, K, OH, OW) of the result."""
        return self.n, self.k, self.rows.output_size(self.h), self.columns.output_size(self.w)

    @property
    def empty(self) -> bool:
        """Whether the result is empty or sums over no channel."""
        return 0 in (self.n, self.k, self.c)

    @property
    def macs(self) -> int:
        """Multiply-accumulates, taps in the padding counted, bias not."""
        n, k, oh, ow = self.output_shape
        return n * k * oh * ow * (self.c // self.groups) * self.kh * self.kw
