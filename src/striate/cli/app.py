"""The program itself: the group of commands, its exit codes, and the one place where errors become one line."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Any

import click

from striate.cli.spelling import command_words
from striate.errors import (
    InputError,
    MissingDependencyError,
    ModelError,
    StriateError,
    UnsupportedError,
)
from striate.version import striate_version

DISAGREED, BAD_INPUT, INTERNAL, INTERRUPTED = 1, 2, 70, 130

EXIT_CODES: tuple[tuple[int, str], ...] = (
    (0, "done; check agreed, compare found no difference"),
    (DISAGREED, "check found a disagreement, or compare a difference"),
    (BAD_INPUT, "bad usage or input: an option, a shape, a layer name, an image, a file that cannot be written"),
    (3, "the model cannot be read"),
    (4, "the model is sound but uses an operator or feature without a rule"),
    (5, "an optional library is missing; the message says what to install"),
    (INTERNAL, "an error inside striate; --debug shows the traceback"),
    (INTERRUPTED, "interrupted"),
)

_CODE_OF: tuple[tuple[type[StriateError], int], ...] = (
    (UnsupportedError, 4),
    (ModelError, 3),
    (MissingDependencyError, 5),
    (InputError, BAD_INPUT),
)

EPILOG = "\b\nExit codes:\n" + "\n".join(f"  {code:<4} {meaning}" for code, meaning in EXIT_CODES)


class App(click.Group):
    """A click group whose every error is one line on stderr and a documented exit code."""

    def main(self, args: Sequence[str] | None = None, *_: Any, **extra: Any) -> Any:
        """Run the program on ``args`` and end it with an exit code."""
        extra["standalone_mode"] = False
        try:
            code = super().main(args, **extra)
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message())
            code = 0
        except click.ClickException as error:
            code = _fail(command_words(_usage_text(error)), BAD_INPUT)
        except click.Abort:
            code = INTERRUPTED
        sys.exit(code if isinstance(code, int) else _flush())

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; errors end here."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit, KeyboardInterrupt):
            raise
        except BrokenPipeError:
            return _silence()
        except StriateError as error:
            _show_traceback(ctx)
            code = next((code for kind, code in _CODE_OF if isinstance(error, kind)), BAD_INPUT)
            return _fail(command_words(str(error)), code)
        except Exception as error:
            _show_traceback(ctx)
            hint = "" if ctx.params.get("debug") else " (striate --debug ... shows the traceback)"
            return _fail(f"internal error: {type(error).__name__}: {error}{hint}", INTERNAL)


@click.group(cls=App, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(striate_version(), "-V", "--version", prog_name="striate", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def app(debug: bool) -> None:
    """Which input pixels does each output of a convolutional network see? Exactly.

    MODEL is an .onnx, .tflite or .keras file, or package.module:callable for a torch model, such as
    torchvision.models:resnet18 or 'timm:create_model("resnet18", num_classes=3)'. Two networks come with striate:
    denoiser, and v1, a layer of filters like those of the visual cortex.

    \b
    Example:
      striate fields model.onnx --input 1x3x224x224
    """


def main() -> None:
    """Run the command line; ends the process with one of ``EXIT_CODES``."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    app.main(prog_name="striate")


def _usage_text(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f"{error.format_message()} (see {context.command_path} --help)" if context else error.format_message()


def _fail(message: str, code: int) -> int:
    click.echo(f"striate: {' '.join(message.split())}", err=True)
    return code


def _show_traceback(ctx: click.Context) -> None:
    if ctx.params.get("debug"):
        traceback.print_exc()


def _flush() -> int:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return _silence()
    return 0


def _silence() -> int:
    """The reader of our output has gone: nothing more is written, and that is no error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
