"""The stub of the compiled module says what the module has: every name, every parameter, every default."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import striate.conv
from striate.conv import _native

STUB = Path(striate.conv.__file__).with_name("_native.pyi")
ARRAY, NOT_SAID = "NDArray[Any]", {"dict": "dict[str, int]"}


def signature_of(function: ast.FunctionDef) -> str:
    """Parameters, types, defaults and result; of arrays that they are some."""
    assert function.returns is not None
    text = re.sub(r"NDArray\[[\w.]+\]", ARRAY, f"({ast.unparse(function.args)}) -> {ast.unparse(function.returns)}")
    return text.replace("'", '"')


def stubbed(text: str) -> dict[str, str]:
    """The functions, methods and properties of a stub by dotted name."""
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = signature_of(node)
        elif isinstance(node, ast.ClassDef):
            members = [member for member in node.body if isinstance(member, ast.FunctionDef)]
            found |= {f"{node.name}.{member.name}": signature_of(member) for member in members}
    return found


def told_by(function: Any) -> str:
    """The signature that the binding keeps of a function, in the stub's words."""
    ((text, _, defaults),) = function.__nb_signature__
    for i in reversed(range(len(defaults or ()))):
        text = text.replace(f"\\{i}", repr(defaults[i]))
    text = (
        re.sub(r"(?:numpy\.)?ndarray\[[^\]]*\]", ARRAY, text)
        .replace("collections.abc.", "")
        .replace("striate.conv._native.", "")
    )
    text = re.sub(r"^def \(", "def get(", text)
    parsed = ast.parse(text + ": ...").body[0]
    assert isinstance(parsed, ast.FunctionDef)
    result = signature_of(parsed)
    arrow = result.index(" -> ") + 4
    return result[:arrow] + NOT_SAID.get(result[arrow:], result[arrow:])


def compiled() -> Iterator[tuple[str, str]]:
    """What the compiled module has, as :func:`stubbed` gives it."""
    for name, value in vars(_native).items():
        if name.startswith("_"):
            continue
        if not isinstance(value, type):
            yield name, told_by(value)
            continue
        for member, inner in vars(value).items():
            if isinstance(inner, property) or hasattr(inner, "fget"):
                yield f"{name}.{member}", told_by(inner.fget)
            elif hasattr(inner, "__nb_signature__"):
                yield f"{name}.{member}", told_by(inner)


def test_the_stub_says_what_the_compiled_module_has() -> None:
    assert stubbed(STUB.read_text()) == dict(compiled())


def test_a_stub_that_says_something_else_is_seen() -> None:
    text = STUB.read_text()
    for right, wrong in (
        ("threads: int = 0", "threads: int = 1"),
        ("def isa", "def other"),
        ("-> Packed", "-> Plan"),
        ("count: int", "number: int"),
    ):
        assert right in text
        assert stubbed(text.replace(right, wrong, 1)) != dict(compiled())
