"""Commands beside the questions: check, size, demo, completion."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import click
from click.shell_completion import get_completion_class
from rich.console import RenderableType

from striate.check import check
from striate.cli.app import DISAGREED, app
from striate.cli.models import model_source
from striate.cli.options import (
    POSITION,
    input_option,
    lang_option,
    layout_option,
    named_input,
    shapes_of,
    source_option,
)
from striate.cli.terminal import deliver, progress, say
from striate.demo.demo import demo
from striate.demo.lessons import CONVENTION_COLUMNS, convention_rows
from striate.show import output_sizes
from striate.show.tables import grid
from striate.show.words import word


@click.command("check")
@click.argument("model")
@input_option
@click.option(
    "--layer", "layers", multiple=True, metavar="NAME", help="A layer to check (default: a dozen, evenly spread)."
)
@click.option("--unit", "units", type=POSITION, multiple=True, metavar="Y,X", help="A unit to check in every layer.")
@source_option
@layout_option
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Chooses the random units and pixels."
)
@click.option(
    "--passes", type=click.IntRange(1), help="At most so many passes that light pixels (default: by the model's size)."
)
def check_command(
    model: str,
    inputs: tuple[tuple[str, tuple[int, ...]], ...],
    layers: tuple[str, ...],
    units: tuple[tuple[int, ...], ...],
    source: str | None,
    layout: str | None,
    seed: int,
    passes: int | None,
) -> None:
    """Prove the claimed fields on the model itself, run by onnxruntime or torch.

    A twin of the network with positive weights answers exactly where a pixel is read; the model as it is must not
    change by a bit when all it is not said to read is replaced by noise. Prints what was proved, and exits 1 where
    a unit disagrees.

    \b
    Example:
      striate check model.onnx --input 1x3x224x224 --layer layer4
    """
    with progress("checking") as report:
        answer = check(
            model_source(model),
            shapes_of(inputs),
            list(layers) or None,
            list(units) or None,
            seed,
            report,
            passes,
            named_input(inputs) if source is None else source,
            layout,
        )
    for line in replace(answer, model=model).lines():
        say(line)
    if not answer.ok:
        raise click.exceptions.Exit(DISAGREED)


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


@click.command("demo")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("striate-demo"),
    show_default=True,
    help="Folder for the files.",
)
@lang_option
def demo_command(out: Path, lang: str) -> None:
    """The tutorial's numbers, then a real network on a real photograph; ends with files to open. Offline.

    \b
    Example:
      striate demo --out striate-demo --lang zh
    """

    def print_part(part: RenderableType) -> None:
        if isinstance(part, str) and part[:1].isdigit():
            say("")
        say(part)

    written = demo(out, lang, print_part)
    say("")
    say(word("demo_open", lang))
    for path in written:
        say(f"  {path}")


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion_command(shell: str) -> None:
    """Print the shell's completion script.

    \b
    Example:
      striate completion bash >> ~/.bashrc
    """
    completer = get_completion_class(shell)
    if completer is not None:
        deliver(completer(app, {}, "striate", "_STRIATE_COMPLETE").source() + "\n", None)
