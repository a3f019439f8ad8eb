"""striate demo: the tutorial's numbers, then a real network on a real photograph."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import RenderableType

from striate.cli.options import lang_option
from striate.cli.terminal import say
from striate.demo.demo import demo
from striate.show.words import word

NEXT = (
    "striate tuning v1 v1 --input 1x1x64x64 --out rings.png",
    "striate sharing denoiser --input 1x3x300x448",
    "striate hierarchy denoiser --photos FOLDER --out stages.html",
    "striate fields MODEL",
    "striate serve",
    "striate export --out page.html",
)


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
    say("")
    say(word("demo_next", lang))
    for line in NEXT:
        say(f"  {line}")
