"""The floor plan: every room stands on a floor, no arrow leads up or beside, and some rooms never meet."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

import striate

ROOT = Path(striate.__file__).parent
PROJECT = Path(__file__).parents[1] / "pyproject.toml"
FACE = ("__init__", "__main__")
# Rooms to come are held to the same as those that stand.
NEVER: Mapping[str, tuple[str, ...]] = {
    "show": ("conv", "torch", "formats", "run"),
    "check": ("conv", "crop", "network.operators", "run"),
    "conv": ("network",),
    "torch": ("network",),
    "crop": ("fields", "formats"),
    "run": ("fields",),
    "tiles": ("show", "fields"),
    "explore": ("show",),
}


def floors() -> list[list[str]]:
    """The rooms of each floor, from the top down, as the project's own contract lists them."""
    contracts = tomllib.loads(PROJECT.read_text())["tool"]["importlinter"]["contracts"]
    (plan,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [re.findall(r"\w+", floor) for floor in plan]


def imported(source: str, package: str) -> Iterator[str]:
    """The modules of striate that some source imports, wherever in it, without the name of the whole."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            names = [f"{module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name.removeprefix("striate").lstrip(".") for name in names if f"{name}.".startswith("striate."))


def arrows(root: Path = ROOT) -> Iterator[tuple[str, str]]:
    """Each import as the importing room and what it imports."""
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if parts[0] not in FACE:
            package = ".".join(("striate", *parts[:-1]))
            yield from ((parts[0], name) for name in imported(path.read_text(), package))


def wrong(found: Sequence[tuple[str, str]], plan: Sequence[Sequence[str]]) -> list[str]:
    """The arrows that lead up, beside, or where they never may; below the top floor nobody imports the whole."""
    face = len(plan) - 0.5
    height = {room: len(plan) - k for k, floor in enumerate(plan) for room in floor}
    said = []
    for room, name in found:
        target = name.partition(".")[0]
        if target != room and height.get(target, face) >= height[room]:
            said.append(f"{room} imports {name or 'the whole package'}, which does not stand below it")
        if any(f"{name}.".startswith(f"{never}.") for never in NEVER.get(room, ())):
            said.append(f"{room} imports {name}, which it never may")
    return said


def test_every_room_stands_on_one_floor() -> None:
    rooms = {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    listed = [room for floor in floors() for room in floor]
    assert rooms - set(listed) == set(FACE)
    assert len(listed) == len(set(listed))
    assert NEVER.keys() <= set(listed)


def test_no_arrow_leads_up_or_beside() -> None:
    found = list(dict.fromkeys(arrows()))
    assert len(found) > 300
    assert wrong(found, floors()) == []


@pytest.mark.parametrize(
    ("source", "package", "said"),
    [
        ("from striate.cli.app import app", "striate.show", "show imports cli.app.app, which does not stand below it"),
        ("def f():\n    import striate.formats.onnx", "striate.fields", "fields imports formats.onnx, which does not"),
        ("from striate import load", "striate.check", "check imports load, which does not stand below it"),
        ("import striate", "striate.network.operators", "network imports the whole package, which does not stand"),
        ("from ...fields import Fields", "striate.network.operators", "network imports fields.Fields, which does not"),
        ("from striate.network import operators", "striate.check", "check imports network.operators, which it never"),
        ("from striate.fields import Fields", "striate.tiles", "tiles imports fields.Fields, which it never may"),
    ],
)
def test_a_wrong_arrow_is_seen(source: str, package: str, said: str) -> None:
    room = package.split(".")[1]
    assert [line for line in wrong([(room, name) for name in imported(source, package)], floors()) if said in line]


def test_right_arrows_are_none() -> None:
    source = "import numpy, striates\nfrom striate.network import Network\nfrom .pieces import Piece\n"
    assert list(imported(source, "striate.fields")) == ["network.Network", "fields.pieces.Piece"]
    assert wrong([("fields", "network.Network"), ("fields", "fields.pieces.Piece")], floors()) == []


def test_every_skipped_test_says_why() -> None:
    silent = []
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("pytest.skip", "pytest.mark.skip"):
                silent += [] if node.args or node.keywords else [f"{path.name}:{node.lineno}"]
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.skipif":
                told = any(word.arg == "reason" for word in node.keywords)
                silent += [] if told else [f"{path.name}:{node.lineno}"]
    assert silent == []
