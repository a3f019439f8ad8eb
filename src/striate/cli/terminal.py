"""What goes to the terminal: results on stdout, progress on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from threading import Timer

from rich.console import Console, RenderableType
from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from striate.files import write_atomically
from striate.progress import Progress
from striate.show.grid import wrapped

PIPE_WIDTH = 100_000
SHOW_AFTER_SECONDS = 0.7


def say(part: RenderableType) -> None:
    """Print to stdout: coloured and fitted on a terminal, plain and unwrapped in a pipe."""
    if sys.stdout.isatty():
        show(part, Console(file=sys.stdout, highlight=False, emoji=False))
    else:
        sys.stdout.write(plain_text(part))


def room() -> int:
    """How many letters stand in a line: the terminal's width, as many as one likes in a pipe."""
    return Console(file=sys.stdout).width if sys.stdout.isatty() else PIPE_WIDTH


def show(part: RenderableType, console: Console) -> None:
    """Print at the console's width; no number and no word is cut, also where they are longer than a line."""
    if isinstance(part, str):
        part = "\n".join(line for text in part.split("\n") for line in wrapped(text, console.width))
    console.print(part, markup=False, crop=False, overflow="ignore", no_wrap=True)


def plain_text(part: RenderableType) -> str:
    """The part without colours, wrapping or trailing spaces."""
    stream = StringIO()
    console = Console(
        file=stream, width=PIPE_WIDTH, highlight=False, emoji=False, color_system=None, force_terminal=False
    )
    show(part, console)
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())


def deliver(content: str | bytes, out: Path | None) -> None:
    """Write a finished result to a file, whole or not at all, or to stdout; text as UTF-8."""
    if out is not None:
        write_atomically(out, content)
        note(f"wrote {out}")
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(content.encode() if isinstance(content, str) else content)
        sys.stdout.buffer.flush()


def note(text: str) -> None:
    """One line for the person, on stderr, only on a terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(f"{text}\n")


@contextmanager
def progress(label: str) -> Iterator[Progress]:
    """A bar on stderr for work that takes about a second or longer, on a terminal only.

    Yields what to call as the work goes on.
    """
    bar = Bar(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    task = bar.add_task(label, total=None)
    timer = Timer(SHOW_AFTER_SECONDS, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield lambda done, total: bar.update(task, completed=done, total=total)
    finally:
        timer.cancel()
        timer.join()
        bar.stop()
