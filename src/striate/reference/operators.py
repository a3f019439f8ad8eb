"""The documentation of every operator, written from the classes themselves: what each says of itself and its fields.

``python -m striate.reference.operators`` prints ``docs/operators.md``.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from enum import Enum
from functools import cache
from inspect import getdoc, getsource
from sys import modules
from types import ModuleType
from typing import Any

from striate.network.operators import FAMILIES, OPERATORS, Operator
from striate.network.operators.function import UNKNOWN

HEAD = """# Operators

Every operator of the common form is a class in `striate.network.operators`, a frozen value that says how its output
reads its inputs, the output's shape, and its multiply-accumulates. Readers translate a model's own operators to these.
An operator that has no such class is an error that names the node; with `--unknown whole` it counts as seeing
everything, and the report says so.

This page is written from the classes by `python -m striate.reference.operators > docs/operators.md`.
"""


def operators_page() -> str:
    """The page as Markdown: families in the order of their modules, in each the operators by name."""
    parts = [HEAD]
    for family in FAMILIES:
        parts.append(f"## {(family.__doc__ or '').strip().rstrip('.')}\n")
        members = [operator for operator in OPERATORS if operator.__module__ == family.__name__]
        parts += [_section(operator) for operator in sorted(members, key=lambda operator: operator.word)]
    return "\n".join(parts)


def _section(operator: type[Operator]) -> str:
    """One operator: its word and class, what it says, and a line for each field."""
    doc = " ".join((getdoc(operator) or "").split()).replace("``", "`")
    described = field_docs(operator)
    lines = [f"- `{f.name}`{_default(f)}: {described[f.name]}" for f in fields(operator)]
    return "\n".join([f"### `{operator.word}` ({operator.__name__})\n", f"{doc}\n", *lines, *([""] if lines else [])])


def _default(field: Field[Any]) -> str:
    if field.default is MISSING or field.default in (UNKNOWN, (), "", None):
        return ""
    shown = field.default.value if isinstance(field.default, Enum) else field.default
    return f" (default `{shown}`)"


def field_docs(operator: type[Operator]) -> Mapping[str, str]:
    """What stands under each field of an operator, those it has from its base included."""
    found: dict[str, str] = {}
    for base in reversed(operator.__mro__):
        if issubclass(base, Operator):
            found.update(_written(modules[base.__module__]).get(base.__name__, {}))
    return found


@cache
def _written(module: ModuleType) -> Mapping[str, Mapping[str, str]]:
    """The texts under the fields of every class of a module."""
    classes = [node for node in ast.parse(getsource(module)).body if isinstance(node, ast.ClassDef)]
    return {node.name: dict(_under(node)) for node in classes}


def _under(node: ast.ClassDef) -> list[tuple[str, str]]:
    found = []
    for field, after in zip(node.body, node.body[1:], strict=False):
        match field, after:
            case ast.AnnAssign(ast.Name(name)), ast.Expr(ast.Constant(str(text))):
                found.append((name, " ".join(text.split()).replace("``", "`")))
    return found


if __name__ == "__main__":
    sys.stdout.write(operators_page())
