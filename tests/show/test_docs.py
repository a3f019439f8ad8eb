"""The documentation is current: operators, public names, links, and every command the pages mention."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from importlib.resources import files
from pathlib import Path

import pytest

import striate
from striate.cli import COMMANDS
from striate.network.operators import OPERATORS, Operator
from striate.reference.api import api_page, public_names
from striate.reference.operators import field_docs, operators_page

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(DOCS.rglob("*.md"))


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
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_every_page_is_linked_from_the_first() -> None:
    linked = set(re.findall(r"\]\(([^)#:]+)\)", read("index.md")))
    assert {page.name for page in DOCS.glob("*.md")} - {"index.md"} <= linked
    assert {f"{page.parent.name}/index.md" for page in DOCS.glob("*/index.md")} <= linked


def test_every_guide_is_linked_from_the_first() -> None:
    linked = set(re.findall(r"\]\(([^)#:]+)\)", read("index.md")))
    guides = {f"guides/{page.name}" for page in (DOCS / "guides").glob("*.md")}
    users = ("detector", "tiles", "transformers", "misaligned", "pictures", "converting")
    assert {f"guides/{user}.md" for user in users} <= guides <= linked


def test_the_readme_shows_a_convolution_and_its_links_lead_somewhere() -> None:
    text = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    assert "striate.conv2d(" in text
    assert "docs/conv.md" in links
    assert [link for link in links if not (DOCS.parent / link).exists()] == []


def test_decisions_are_numbered() -> None:
    names = sorted(page.name for page in (DOCS / "decisions").glob("*.md") if page.name != "index.md")
    assert [name[:5] for name in names] == [f"{k:04}-" for k in range(1, len(names) + 1)]


def test_the_glossary_says_each_word_once() -> None:
    terms = re.findall(r"^\*\*([^*]+)\.\*\*", read("glossary.md"), re.MULTILINE)
    words = [word.strip().lower() for term in terms for word in term.split(",")]
    assert len(words) == len(set(words)) >= 30
    schema = json.loads(files("striate.show").joinpath("fields.schema.json").read_text(encoding="utf-8"))
    facts = schema["$defs"]["axis"]["properties"]["facts"]["items"]["enum"]
    assert set(facts) <= set(words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_the_pages_exist(page: Path) -> None:
    known = {command.name for command in COMMANDS}
    text = page.read_text(encoding="utf-8")
    shell = "\n".join(re.findall(r"```sh\n(.*?)```", text, flags=re.S))
    named = set(re.findall(r"`striate ([a-z]+)", text)) | set(re.findall(r"^striate ([a-z]+)", shell, flags=re.M))
    assert named <= known
