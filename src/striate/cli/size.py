"""striate size: what frameworks make of one window."""

from __future__ import annotations

import json
from pathlib import Path

import click

from striate.cli.options import lang_option, plain_json
from striate.cli.parsing import FILE, SIDES
from striate.cli.pictures import drawn, kind_of
from striate.cli.terminal import deliver, room, say
from striate.geometry.conventions import SizeAnswer
from striate.show import output_sizes
from striate.show.conventions import CONVENTION_COLUMNS, convention_rows
from striate.show.tables import grid
from striate.show.windows import MOST_DRAWN, size_texts, sizes_sketch
from striate.show.words import word

COUNTED = click.IntRange(1, 10_000)


@click.command("size")
@click.argument("n", type=SIDES, metavar="N|HxW")
@click.option("--kernel", type=SIDES, required=True, metavar="N|HxW", help="Taps of the window.")
@click.option("--stride", type=COUNTED, default=1, show_default=True, help="Step of the window.")
@click.option("--dilation", type=COUNTED, default=1, show_default=True, help="Distance between taps.")
@click.option(
    "--padding", type=click.IntRange(0, 10_000), default=0, show_default=True, help="What PyTorch and Caffe get."
)
@click.option("--draw", is_flag=True, help="Draw the windows of all conventions side by side, in letters.")
@click.option("--out", type=FILE, help="Draw them into this file: .svg or .png.")
@click.option("--json", "as_json", is_flag=True, help="JSON, one entry for each convention and axis.")
@lang_option
def size_command(
    n: tuple[int, int],
    kernel: tuple[int, int],
    stride: int,
    dilation: int,
    padding: int,
    draw: bool,
    out: Path | None,
    as_json: bool,
    lang: str,
) -> None:
    """What PyTorch, TensorFlow and Caffe make of one window over N pixels, or HxW of them, and why.

    A single number speaks of both axes.

    \b
    Examples:
      striate size 4 --kernel 3 --stride 2
      striate size 4x6 --kernel 3x5 --stride 2 --draw --out windows.svg
    """
    plain_json(as_json, lang)
    if out is not None:
        kind_of(out, lang=lang)
    rows, columns = (output_sizes(m, k, stride, dilation, padding) for m, k in zip(n, kernel, strict=True))
    pairs = list(zip(rows, columns, strict=True))
    if out is not None:
        deliver(drawn(sizes_sketch(pairs, lang), out), out)
    alike = n[0] == n[1] and kernel[0] == kernel[1]
    if as_json:
        deliver(json.dumps(_document(pairs, alike), indent=2) + "\n", None)
        return
    for axis, (m, k) in enumerate(zip(n, kernel, strict=True)):
        if axis and alike:
            break
        where = "" if alike else f"{word(('height', 'width')[axis], lang)}: "
        title = word("size_title", lang, n=m, kernel=k, stride=stride, dilation=dilation)
        say(grid(CONVENTION_COLUMNS, convention_rows(m, k, stride, dilation, padding, lang), where + title, lang))
    if draw:
        _say_drawing(pairs, lang)


def _say_drawing(pairs: list[tuple[SizeAnswer, SizeAnswer]], lang: str) -> None:
    if max(answer.n + sum(answer.pads) for pair in pairs for answer in pair) > MOST_DRAWN:
        say(word("too_large_to_draw", lang, most=MOST_DRAWN))
        return
    say(word("size_letters", lang))
    for line in size_texts(pairs, room(), lang):
        say(line)


def _document(pairs: list[tuple[SizeAnswer, SizeAnswer]], alike: bool) -> list[dict[str, object]]:
    return [
        {
            "convention": answer.convention,
            **({} if alike else {"axis": axis}),
            "output": answer.output,
            "pads": list(answer.pads),
            "never_read": list(answer.never_read),
            "unused_padding": list(answer.unused_padding),
            "why": answer.why,
        }
        for pair in pairs
        for axis, answer in zip(("height",) if alike else ("height", "width"), pair, strict=False)
    ]
