"""striate completion: the shell's completion script."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from striate.cli.app import app
from striate.cli.terminal import deliver


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
