"""striate explain: one output of a convolution taken apart."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click
import numpy as np
from numpy.typing import NDArray

from striate.cli.options import FILE, POSITION, lang_option
from striate.cli.terminal import say
from striate.conv import conv2d, explain
from striate.conv.kernels import NAMED, parse_grid, parse_kernel
from striate.errors import InputError
from striate.photos import read_photo
from striate.show.words import word

LARGEST_SHOWN = 16


@click.command("explain")
@click.argument("grid", required=False)
@click.option("--kernel", required=True, metavar="NAME|ROWS", help=f"{', '.join(NAMED)}, or rows: '1 0 -1; 2 0 -2'.")
@click.option("--at", type=POSITION, default="0,0", show_default=True, metavar="Y,X", help="The output to take apart.")
@click.option("--bias", type=float, help="What is added to every output.")
@click.option("--stride", type=click.IntRange(1, 10_000), default=1, show_default=True, help="Step of the window.")
@click.option("--padding", type=click.IntRange(0, 10_000), default=0, show_default=True, help="Zeros on every side.")
@click.option("--dilation", type=click.IntRange(1, 10_000), default=1, show_default=True, help="Distance between taps.")
@click.option("--image", type=FILE, help="A photograph in place of GRID: its three channels, each with the kernel.")
@click.option("--patch", type=POSITION, metavar="Y,X,H,W", help="This part of the photograph alone.")
@lang_option
def explain_command(
    grid: str | None,
    kernel: str,
    at: tuple[int, ...],
    bias: float | None,
    stride: int,
    padding: int,
    dilation: int,
    image: Path | None,
    patch: tuple[int, ...] | None,
    lang: Literal["en", "zh"],
) -> None:
    """Window times kernel, the products, their sum over taps and channels, the bias; and what the layer's weights cost.

    GRID is rows of numbers, '1 2 3; 4 5 6; 7 8 9', or a size such as 4x4, which counts 0 1 2 and on.

    \b
    Examples:
      striate explain 4x4 --kernel sobel-x --at 1,1
      striate explain "0 0 9; 0 9 9; 9 9 9" --kernel "1 0; 0 1" --bias 0.5 --padding 1
      striate explain --image photo.jpg --patch 40,60,8,8 --kernel laplace --at 2,3
    """
    x = _input(grid, image, patch)
    weights = np.broadcast_to(parse_kernel(kernel), (1, x.shape[0], *parse_kernel(kernel).shape)).copy()
    offset = None if bias is None else np.array([bias])
    if len(at) != 2:
        raise InputError(f"--at takes two numbers, Y,X; got {len(at)}")
    output = conv2d(x, weights, offset, stride, padding, dilation)[0]
    if at[0] >= output.shape[0] or at[1] >= output.shape[1]:
        raise InputError(f"--at {at[0]},{at[1]} lies outside the output of {output.shape[0]} x {output.shape[1]}")
    for line in explain(x, weights, offset, stride, padding, dilation, at=(0, at[0], at[1])).lines(lang):
        say(line)
    if max(output.shape) <= LARGEST_SHOWN:
        say(word("whole_output", lang, size=f"{output.shape[0]} x {output.shape[1]}"))
        for row in output:
            say("  " + " ".join(f"{value:9.4g}" for value in row))


def _input(grid: str | None, image: Path | None, patch: tuple[int, ...] | None) -> NDArray[np.float64]:
    """The grid as one channel, or the photograph, or a part of it, as three."""
    if (grid is None) == (image is None):
        raise InputError("give a GRID or --image, one of the two; such as: striate explain 4x4 --kernel sobel-x")
    if grid is not None:
        if patch is not None:
            raise InputError("--patch belongs to --image")
        return parse_grid(grid)[None]
    photo = read_photo(str(image)).astype(np.float64).transpose(2, 0, 1)
    if patch is None:
        return np.ascontiguousarray(photo)
    height, width = photo.shape[1:]
    if len(patch) != 4 or patch[0] + patch[2] > height or patch[1] + patch[3] > width or not patch[2] * patch[3]:
        raise InputError(f"--patch takes Y,X,H,W inside the photograph's {height}x{width} pixels")
    top, left, rows, columns = patch
    return np.ascontiguousarray(photo[:, top : top + rows, left : left + columns])
