"""striate size: what frameworks make of one window."""

from __future__ import annotations

import json

import click

from striate.cli.terminal import deliver, say
from striate.show import output_sizes
from striate.show.conventions import CONVENTION_COLUMNS, convention_rows
from striate.show.tables import grid


@click.command("size")
@click.argument("n", type=click.IntRange(1, 10_000_000))
@click.option("--kernel", type=click.IntRange(1, 10_000), required=True, help="Taps of the window.")
@click.option("--stride", type=click.IntRange(1, 10_000), default=1, show_default=True, help="Step of the window.")
@click.option("--dilation", type=click.IntRange(1, 10_000), default=1, show_default=True, help="Distance between taps.")
@click.option(
    "--padding", type=click.IntRange(0, 10_000), default=0, show_default=True, help="What PyTorch and Caffe get."
)
@click.option("--json", "as_json", is_flag=True, help="JSON.")
def size_command(n: int, kernel: int, stride: int, dilation: int, padding: int, as_json: bool) -> None:
    """What PyTorch, TensorFlow and Caffe make of one window over N pixels, and why.

    \b
    Example:
      striate size 4 --kernel 3 --stride 2
    """
    if not as_json:
        title = f"{n} pixels, kernel {kernel}, stride {stride}, dilation {dilation}"
        say(grid(CONVENTION_COLUMNS, convention_rows(n, kernel, stride, dilation, padding), title))
        return
    answers = [
        {
            "convention": answer.convention,
            "output": answer.output,
            "pads": list(answer.pads),
            "never_read": list(answer.never_read),
            "unused_padding": list(answer.unused_padding),
            "why": answer.why,
        }
        for answer in output_sizes(n, kernel, stride, dilation, padding)
    ]
    deliver(json.dumps(answers, indent=2) + "\n", None)
