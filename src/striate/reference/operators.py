"""The documentation of every operator's rule, written from the table of rules itself.

``python -m striate.reference.operators`` prints ``docs/operators.md``.
"""

from __future__ import annotations

import sys

from striate.network.rules import RULES

HEAD = """# Operators

One table in `striate.network.rules` holds a rule for each operator: how its output reads its inputs, the output's
shape, and its multiply-accumulates. Readers translate a model's own operators to these names. An operator that is not
in the table is an error that names the node; with `--unknown whole` it counts as seeing everything, and the report says
so.

This page is written from that table by `python -m striate.reference.operators > docs/operators.md`.

| rule | family | what it says |
|---|---|---|
"""


def operators_page() -> str:
    """The page as Markdown: one row per rule, in the order of families and names."""
    lines = []
    for rule in sorted(RULES.values(), key=lambda r: (r.apply.__module__, r.op)):
        family = rule.apply.__module__.rsplit(".", 1)[-1]
        doc = " ".join(rule.doc.split()).replace("|", "\\|")
        lines.append(f"| `{rule.op}` | {family} | {doc} |")
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(operators_page())
