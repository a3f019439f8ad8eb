"""striate animate: a convolution that moves, for a slide."""

from __future__ import annotations

from pathlib import Path

import click

from striate.cli.options import lang_option
from striate.cli.parsing import FILE, SIDES
from striate.cli.pictures import kind_of
from striate.cli.terminal import deliver
from striate.geometry import Window
from striate.show.sketch import to_animated_svg, to_gif
from striate.show.windows import Moving, frames


@click.command("animate")
@click.argument("size", type=SIDES, metavar="H[xW]")
@click.option("--kernel", type=SIDES, required=True, metavar="H[xW]", help="Taps of the window.")
@click.option("--stride", type=click.IntRange(1, 100), default=1, show_default=True, help="Step of the window.")
@click.option("--dilation", type=click.IntRange(1, 100), default=1, show_default=True, help="Distance between taps.")
@click.option("--padding", type=click.IntRange(0, 100), default=0, show_default=True, help="Zeros on every side.")
@click.option("--transposed", is_flag=True, help="Transposed: each input pixel spreads over the output.")
@click.option(
    "--output-padding", type=click.IntRange(0, 100), default=0, show_default=True, help="Of a transposed convolution."
)
@click.option(
    "--seconds", type=click.FloatRange(0.05, 10), default=0.6, show_default=True, help="How long each place is shown."
)
@click.option("--out", type=FILE, required=True, help="Where it goes: .svg or .gif.")
@lang_option
def animate_command(
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: int,
    dilation: int,
    padding: int,
    transposed: bool,
    output_padding: int,
    seconds: float,
    out: Path,
    lang: str,
) -> None:
    """A convolution over an input of H x W pixels, place by place, as an animated SVG or GIF.

    \b
    Examples:
      striate animate 5 --kernel 3 --stride 2 --padding 1 --out conv.svg
      striate animate 3 --kernel 3 --stride 2 --transposed --out transposed.gif
    """
    kind = kind_of(out, ("svg", "gif"), lang)
    rows, columns = (Window(taps, stride, dilation, padding, padding) for taps in kernel)
    shown = frames(Moving.of((rows, columns), size, transposed, output_padding), lang)
    deliver(to_animated_svg(shown, seconds) if kind == "svg" else to_gif(shown, seconds), out)
