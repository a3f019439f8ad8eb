"""``--lang zh``: every word that a command prints is Chinese, and what has no Chinese words refuses it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.command_line import DENOISER, one_line, run

from striate.show.vocabulary.answers import ANSWERS
from striate.show.vocabulary.check import CHECK
from striate.show.vocabulary.demo import DEMO
from striate.show.vocabulary.drawings import DRAWINGS
from striate.show.vocabulary.explore import EXPLORE
from striate.show.vocabulary.page import PAGE
from striate.show.vocabulary.questions import QUESTIONS
from striate.show.vocabulary.report import REPORT
from striate.show.vocabulary.tuning import TUNING
from striate.show.vocabulary.views import VIEWS
from striate.show.words import WORDS

MODEL = (str(DENOISER), "--input", "1x3x32x48")
UNIT = (str(DENOISER), "mid1/conv", "0,3", "--input", "1x3x32x48")
NAMES = re.compile(
    r"\S+\.onnx|\w+/\w+|\b(?:stem|down|mid|enc|dec|up)\d*\b|--[a-z]+(?: \w+)?|denoised|image|NCHW|"
    r"padding=\S+|pad=\d|<[^>]*>|"
    r"\b(?:PyTorch|TensorFlow|Caffe|VALID|SAME|pooling|Conv\w*|Relu|Add|Sub|Resize|MiB|KiB|px|all|mod|div|floor|ceil|max)\b"
)

SAID: dict[str, tuple[str, ...]] = {
    "fields": ("fields", *MODEL),
    "table": ("fields", *MODEL, "--all"),
    "markdown": ("fields", *MODEL, "--format", "markdown"),
    "region": ("region", *UNIT, "--counts"),
    "region local": ("region", *UNIT, "--local"),
    "reach": ("reach", *UNIT),
    "effective": ("effective", *UNIT),
    "sweep": ("sweep", str(DENOISER), "mid1/conv", "32,36", "--input", "1x3x32x48"),
    "compare": ("compare", *MODEL, str(DENOISER), "--other-input", "1x3x32x32"),
    "size": ("size", "4x5", "--kernel", "3", "--stride", "2", "--draw"),
    "size too small": ("size", "2", "--kernel", "5"),
    "sharing": ("sharing", *MODEL),
    "sharing of a layer": ("sharing", str(DENOISER), "down1/conv", "--input", "1x3x32x48"),
    "explain": ("explain", "4x4", "--kernel", "mean", "--bias", "1"),
}
DRAWN: dict[str, tuple[str, ...]] = {
    "maps": ("region", *UNIT, "--draw", "maps"),
    "paths": ("region", *UNIT, "--draw", "paths"),
    "effective": ("effective", *UNIT),
    "windows": ("size", "4x5", "--kernel", "3", "--stride", "2"),
    "animation": ("animate", "4", "--kernel", "3"),
    "transposed": ("animate", "3", "--kernel", "3", "--transposed"),
}


def english(text: str) -> list[str]:
    """The words left where names, units, operators and options are taken out."""
    return re.findall(r"[A-Za-z]{2,}", NAMES.sub(" ", text))


@pytest.mark.parametrize("kind", SAID)
def test_what_a_command_says_is_chinese(kind: str) -> None:
    answer = run(*SAID[kind], "--lang", "zh")
    assert answer.exit_code in (0, 1), answer.output
    assert re.search(r"[一-龥]", answer.stdout)
    assert english(answer.stdout) == []
    assert english(run(*SAID[kind]).stdout) != []


@pytest.mark.parametrize("kind", DRAWN)
def test_what_a_drawing_says_is_chinese(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "drawn.svg"
    answer = run(*DRAWN[kind], "--lang", "zh", "--out", path)
    assert answer.exit_code == 0, answer.output
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", path.read_text(encoding="utf-8"))
    assert any(re.search(r"[一-龥]", text) for text in texts)
    assert [word for text in texts for word in english(text)] == []


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("fields", *MODEL, "--format", "json"), "json is the same in every language"),
        (("fields", *MODEL, "--format", "csv"), "csv is the same in every language"),
        (("region", *UNIT, "--json"), "--json is the same in every language"),
        (("reach", *UNIT, "--json"), "--json is the same in every language"),
        (("effective", *UNIT, "--json"), "--json is the same in every language"),
        (("size", "4", "--kernel", "3", "--json"), "--json is the same in every language"),
        (("region", *UNIT, "--out", "a.svg"), "--draw field has no Chinese letters"),
        (("region", *UNIT, "--draw", "maps", "--out", "a.png"), "a PNG has no Chinese letters: write an .svg"),
        (("effective", *UNIT, "--out", "a.png"), "a PNG has no Chinese letters: write an .svg"),
        (("size", "4", "--kernel", "3", "--out", "a.png"), "a PNG has no Chinese letters: write an .svg"),
        (("animate", "4", "--kernel", "3", "--out", "a.gif"), "a GIF has no Chinese letters: write an .svg"),
    ],
)
def test_what_has_no_chinese_words_refuses_them(arguments: tuple[str, ...], line: str) -> None:
    one_line(run(*arguments, "--lang", "zh"), 2, line)


def test_a_message_stands_in_one_place() -> None:
    rooms = (REPORT, ANSWERS, DRAWINGS, CHECK, DEMO, EXPLORE, PAGE, VIEWS, QUESTIONS, TUNING)
    assert len(WORDS) == sum(map(len, rooms))
