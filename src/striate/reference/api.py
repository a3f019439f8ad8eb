"""The list of public names with the first line of each, written from the package itself.

``python -m striate.reference.api`` prints ``docs/api.md``.
"""

from __future__ import annotations

import inspect
import sys

import striate

HEAD = """# Python names

Everything `import striate` offers, written by `python -m striate.reference.api > docs/api.md`.
`help(striate.load)` and the like tell the rest: arguments, units, errors, an example.

| name | what it is |
|---|---|
"""


def api_page() -> str:
    """The page as Markdown: one row per public name."""
    return HEAD + "".join(f"| `{name}` | {_first_line(getattr(striate, name))} |\n" for name in public_names())


def public_names() -> list[str]:
    """The names in ``striate.__all__``, in order."""
    return sorted(getattr(striate, "__all__", ()))


def _first_line(thing: object) -> str:
    text = thing if isinstance(thing, str) else inspect.getdoc(thing) or ""
    return text.partition("\n")[0].replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(api_page())
