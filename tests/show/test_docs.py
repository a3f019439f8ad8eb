"""The documentation is current: operators, public names, links, and every command the pages mention."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

import striate
from striate.cli import COMMANDS
from striate.network.operators import OPERATORS, Operator
from striate.reference.api import api_page, public_names
from striate.reference.operators import field_docs, operators_page

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(DOCS.glob("*.md"))


def read(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def test_the_operators_page_is_current() -> None:
    assert read("operators.md") == operators_page(), "run: python -m striate.reference.operators > docs/operators.md"


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.word)
def test_every_operator_says_what_it_does(operator: type[Operator]) -> None:
    assert operator.__doc__
    assert list(field_docs(operator)) == [field.name for field in fields(operator)]


def test_the_api_page_is_current() -> None:
    assert read("api.md") == api_page(), "run: python -m striate.reference.api > docs/api.md"


def test_every_public_name_is_documented() -> None:
    undocumented = [name for name in public_names() if not name.startswith("__") and not getattr(striate, name).__doc__]
    assert undocumented == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (DOCS / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_the_pages_exist(page: Path) -> None:
    known = {command.name for command in COMMANDS}
    text = page.read_text(encoding="utf-8")
    shell = "\n".join(re.findall(r"```sh\n(.*?)```", text, flags=re.S))
    named = set(re.findall(r"`striate ([a-z]+)", text)) | set(re.findall(r"^striate ([a-z]+)", shell, flags=re.M))
    assert named <= known
