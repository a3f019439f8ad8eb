"""striate explain: one output of a convolution taken apart, of a plain kernel or of a layer of a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click
import numpy as np
from click.core import ParameterSource
from numpy.typing import NDArray

from striate.cli.explained import page, plain_document, step_document, told
from striate.cli.options import black_option, fit_option, lang_option, level, plain_json, white_option
from striate.cli.parsing import FILE, POSITION
from striate.cli.pictures import model_for
from striate.cli.question import Question, Shaped, input_option, layout_option, named_input, shapes_of, unknown_option
from striate.cli.terminal import deliver, progress, say
from striate.conv import conv2d, explain
from striate.conv.kernels import NAMED, parse_grid, parse_kernel
from striate.errors import InputError
from striate.explore import Product, Step, step
from striate.explore.photo import photo_input, photo_size
from striate.explore.sparse import sparse_product
from striate.photos import read_photo
from striate.show import to_json
from striate.show.words import word

LARGEST_SHOWN = 16
OF_KERNELS = ("kernel", "at", "bias", "stride", "padding", "dilation", "patch")
OF_LAYERS = ("channel", "inputs", "layout", "unknown", "black", "white", "fit")


@click.command("explain")
@click.argument("grid", required=False, metavar="[GRID|MODEL]")
@click.argument("layer", required=False)
@click.argument("unit", type=POSITION, required=False, metavar="[Y,X]")
@click.option("--kernel", metavar="NAME|ROWS", help=f"For GRID: {', '.join(NAMED)}, or rows: '1 0 -1; 2 0 -2'.")
@click.option("--at", type=POSITION, default="0,0", show_default=True, metavar="Y,X", help="The output of GRID.")
@click.option("--bias", type=float, help="What is added to every output of GRID.")
@click.option("--stride", type=click.IntRange(1, 10_000), default=1, show_default=True, help="Step of the window.")
@click.option("--padding", type=click.IntRange(0, 10_000), default=0, show_default=True, help="Zeros on every side.")
@click.option("--dilation", type=click.IntRange(1, 10_000), default=1, show_default=True, help="Distance between taps.")
@click.option("--image", type=FILE, help="The photograph for MODEL; or in place of GRID, its channels by the kernel.")
@click.option("--patch", type=POSITION, metavar="Y,X,H,W", help="With --kernel: this part of the photograph alone.")
@click.option("--channel", type=click.IntRange(0), default=0, show_default=True, help="The output channel of LAYER.")
@input_option
@layout_option
@unknown_option
@fit_option
@black_option
@white_option
@click.option(
    "--most", type=click.IntRange(1), default=4, show_default=True, help="Channels shown, those of the largest sums."
)
@click.option(
    "--matrix", is_flag=True, help="The same as a row times a column, and as a sparse matrix if the input is small."
)
@click.option("--json", "as_json", is_flag=True, help="JSON, with every channel.")
@click.option("--out", type=FILE, help="All of it as a page, .html, with the sparse matrix drawn.")
@lang_option
@click.pass_context
def explain_command(
    context: click.Context,
    /,
    grid: str | None,
    layer: str | None,
    unit: tuple[int, ...] | None,
    image: Path | None,
    most: int,
    matrix: bool,
    as_json: bool,
    out: Path | None,
    lang: Literal["en", "zh"],
    **chosen: Any,
) -> None:
    """Window times kernel, the products, their sum over taps and channels, the bias; and what the layer's weights cost.

    GRID is rows of numbers, '1 2 3; 4 5 6; 7 8 9', or a size such as 4x4, which counts 0 1 2 and on. With MODEL LAYER
    Y,X the output of a convolution layer of a network on a photograph is taken apart, with what follows it, beside
    the number that the runtime gives. The network's input has --black where the photograph is black and --white where
    it is white, 0 and 1 where nothing is said; give an option once for all channels or once for each.

    \b
    Examples:
      striate explain 4x4 --kernel sobel-x --at 1,1
      striate explain "0 0 9; 0 9 9; 9 9 9" --kernel "1 0; 0 1" --bias 0.5 --padding 1
      striate explain --image photo.jpg --patch 40,60,8,8 --kernel laplace --at 2,3
      striate explain 4x4 --kernel "1 2 3; 4 5 6; 7 8 9" --matrix --out matrix.html
      striate explain model.onnx conv1 20,30 --channel 5 --image photo.jpg --input 1x3x224x224 --fit crop
    """
    plain_json(as_json, lang)
    _refuse(context, *((OF_LAYERS, "MODEL LAYER Y,X") if layer is None else (OF_KERNELS, "GRID or a photograph alone")))
    if out is not None and out.suffix.lower() != ".html":
        raise InputError(f"{out}: the page is an .html file")
    matrix = matrix or out is not None
    if layer is None:
        _plain(grid, image, most, matrix, as_json, out, lang, **{name: chosen[name] for name in OF_KERNELS})
        return
    if grid is None or unit is None or image is None:
        raise InputError("MODEL LAYER takes Y,X and --image; such as: striate explain m.onnx conv1 3,4 --image a.jpg")
    with progress("running the model"):
        found = _step(grid, layer, unit, image, matrix, **{name: chosen[name] for name in OF_LAYERS})
    lines = found.lines(lang, most, matrix=matrix)
    if out is not None:
        title = word("explain_title", lang, layer=layer, model=Path(grid).name)
        deliver(page(title, lines, found.explanation.at[0], found.sparse, lang), out)
    if as_json:
        deliver(to_json(step_document(grid, found)), None)
        return
    for line in lines:
        say(line)


def _refuse(context: click.Context, names: tuple[str, ...], owner: str) -> None:
    """InputError for an option that is given and belongs to the other use of the command."""
    for option in context.command.params:
        given = context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
        if given and option.name in names:
            raise InputError(f"{option.opts[0]} belongs to {owner}")


def _step(
    model: str, layer: str, unit: tuple[int, ...], image: Path, matrix: bool, channel: int, inputs: Shaped,
    layout: str | None, unknown: str, black: tuple[float, ...], white: tuple[float, ...], fit: str,
) -> Step:  # fmt: skip
    """One output of a layer on a photograph in the shape of the network's input."""
    opened = model_for(question := Question(model, shapes_of(inputs), named_input(inputs), layout, unknown), image)
    fields = question.fields_of(opened)
    shown = photo_input(fields, read_photo(image, photo_size(fields), fit), level(black), level(white))
    return step(opened, layer, unit, shown, channel, sparse=matrix)


def _plain(
    grid: str | None, image: Path | None, most: int, matrix: bool, as_json: bool, out: Path | None,
    lang: Literal["en", "zh"], kernel: str | None, at: tuple[int, ...], bias: float | None, stride: int, padding: int,
    dilation: int, patch: tuple[int, ...] | None,
) -> None:  # fmt: skip
    """One output of a plain kernel over a grid or a photograph."""
    x = _input(grid, image, patch)
    if kernel is None:
        raise InputError("give --kernel, such as sobel-x; or MODEL LAYER Y,X and --image for a layer of a network")
    weights = np.broadcast_to(parse_kernel(kernel), (1, x.shape[0], *parse_kernel(kernel).shape)).copy()
    offset = None if bias is None else np.array([bias])
    if len(at) != 2:
        raise InputError(f"--at takes two numbers, Y,X; got {len(at)}")
    arguments: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation}
    output = conv2d(x, weights, offset, **arguments)
    _, height, width = output.shape
    if at[0] >= height or at[1] >= width:
        raise InputError(f"--at {at[0]},{at[1]} lies outside the output of {height} x {width}")
    found = explain(x, weights, offset, **arguments, at=(0, at[0], at[1]))
    product, sparse = Product.of(found, (1, height, width), 1), None
    if matrix:
        sparse = sparse_product(found, x, weights, offset, output, "conv2d", (1, height, width), arguments)
    lines = told(found, product, sparse, lang, most, matrix=matrix)
    if max(height, width) <= LARGEST_SHOWN:
        lines.append(word("whole_output", lang, size=f"{height} x {width}"))
        lines += ["  " + " ".join(f"{value:9.4g}" for value in row) for row in output[0]]
    if out is not None:
        size = f"{x.shape[1]} x {x.shape[2]}"
        deliver(page(word("explain_kernel", lang, kernel=kernel, size=size), lines, 0, sparse, lang), out)
    if as_json:
        deliver(to_json(plain_document(found, product, sparse)), None)
        return
    for line in lines:
        say(line)


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
