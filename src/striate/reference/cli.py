"""The command line's reference, written from the command line itself.

``python -m striate.reference.cli`` prints ``docs/cli.md``.
"""

from __future__ import annotations

import inspect
import sys

import click

from striate.cli import COMMANDS, app
from striate.cli.app import EXIT_CODES

HEAD = """# The command line

This page is written from the program by `python -m striate.reference.cli > docs/cli.md`.

`MODEL` is an `.onnx` file, or `package.module:callable` for a torch model: the callable is imported (the current folder
first) and called, unless it is a module already, with the literal arguments that may follow, as in
`timm:create_model("resnet18", num_classes=3)`. Only name code you trust: importing runs it.

Results go to stdout, without colour or wrapping in a pipe; progress goes to stderr, on a terminal only. An error is one
line on stderr and an exit code. Files are written whole or not at all.

No number is ever cut. Where a terminal is too narrow for a table, counts are rounded with their unit (99.5 M), then
whole columns are left out, and a line beneath names them; a wider terminal, a pipe such as `| less -S`, and the other
formats show everything.

`--lang zh` makes every word Chinese, in the terminal, in HTML, Markdown and SVG; names, numbers and errors stay. What
holds no words, JSON and CSV, refuses it, and so do pictures without Chinese letters: PNG, GIF, and a field over pixels.
"""

COMPLETION = """
## Completion in the shell

```sh
striate completion bash >> ~/.bashrc
striate completion zsh >> ~/.zshrc
striate completion fish > ~/.config/fish/completions/striate.fish
```
"""


def reference_page() -> str:
    """The page as Markdown: exit codes, then each command with its usage, options and examples."""
    codes = "\n".join(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES)
    parts = [HEAD, f"\n## Exit codes\n\n| code | meaning |\n|---|---|\n{codes}\n"]
    parts.append(f"\n## striate\n\n{_options(app)}")
    parts += [_command(command) for command in COMMANDS]
    return "".join((*parts, COMPLETION))


def _command(command: click.Command) -> str:
    text = inspect.cleandoc(command.help or "")
    words, _, examples = text.partition("\b\n")
    _, _, lines = examples.partition("\n")
    context = click.Context(command, info_name=f"striate {command.name}")
    usage = " ".join(command.get_usage(context).removeprefix("Usage: ").split())
    example = inspect.cleandoc(lines)
    return (
        f"\n## striate {command.name}\n\n{words.strip()}\n\n```sh\n{example}\n```\n\n`{usage}`\n\n{_options(command)}"
    )


def _options(command: click.Command) -> str:
    rows = ["| option | meaning |", "|---|---|"]
    for option in (each for each in command.params if isinstance(each, click.Option)):
        record = option.get_help_record(click.Context(command))
        if record is not None:
            names, meaning = (text.replace("|", "\\|") for text in record)
            rows.append(f"| `{names}` | {' '.join(meaning.split())} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(reference_page())
