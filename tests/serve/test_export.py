"""The page as one file: its modules in one, and answers that are the server's."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from striate.formats.model import Model
from striate.serve.asking import QUESTIONS
from striate.serve.assets import parts
from striate.serve.desk import Desk
from striate.serve.examples import EXAMPLES
from striate.serve.export import bundle, exported, key, recorded
from striate.serve.subject import Subject

DENOISER = Path(str(files("striate") / "data" / "denoiser.onnx"))


@pytest.fixture(scope="module")
def desk() -> Desk:
    """The denoiser and a small picture of noise."""
    photo = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    return Desk(Subject(Model(DENOISER, (1, 3, 24, 32)), photo))


@pytest.fixture(scope="module")
def answers(desk: Desk) -> dict[str, Any]:
    """What the file holds."""
    return recorded(desk)


def test_a_held_answer_is_the_server_s(desk: Desk, answers: dict[str, Any]) -> None:
    kinds = set()
    for spelled, answer in list(answers.items())[1:]:
        question, _, given = spelled.partition(" ")
        kinds.add(question)
        if question in ("unit", "planes", "convolve", "maps", "graph"):
            assert json.dumps(QUESTIONS[question](desk, json.loads(given))) == json.dumps(answer)
    assert kinds >= set(QUESTIONS) - {"reach", "answer"}


def test_every_example_is_held_for_every_output_channel(answers: dict[str, Any]) -> None:
    for example in EXAMPLES.values():
        assert key("convolve", example) in answers
    assert key("convolve", {**EXAMPLES["rgb"], "channel": 1}) in answers


def test_a_question_has_one_spelling() -> None:
    assert key("unit", {"b": 1, "a": [1, 0.5]}) == key("unit", {"a": [1, 0.5], "b": 1}) == 'unit {"a":[1,0.5],"b":1}'


def test_modules_stand_behind_those_they_import_and_none_is_imported_from_outside() -> None:
    script = bundle()
    assert not re.search(r"^\s*(import|export)\b", script, re.M)
    places = {name: script.index(f'modules["{name}"] =') for name in parts() if name.endswith(".js")}
    assert len(places) == sum(name.endswith(".js") for name in parts())
    for name in places:
        for used in re.findall(r'from "\./([\w.]+)"', parts()[name].decode()):
            assert places[used] < places[name]


def test_the_policy_names_the_file_s_own_script_and_style(desk: Desk) -> None:
    page = exported(desk)
    policy = re.search(r'Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert "unsafe" not in policy[1]
    for tag in ('<script type="module">', "<style>"):
        text = page.split(tag)[1].split("</")[0]
        assert b64encode(sha256(text.encode()).digest()).decode() in policy[1]
    assert page.count("<script") == page.count("</script>") == 2
    assert not re.search(r"""(?:src|href)=["'](?!data:|#)""", page.split("<body>")[0])
