"""Every word that striate prints, in English and Chinese; names, numbers and errors are the same in both."""

from __future__ import annotations

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

LANGUAGES = ("en", "zh")

WORDS: dict[str, tuple[str, str]] = {
    **REPORT, **ANSWERS, **DRAWINGS, **CHECK, **DEMO, **EXPLORE, **PAGE, **VIEWS, **QUESTIONS, **TUNING,
}  # fmt: skip


def word(key: str, lang: str = "en", **values: object) -> str:
    """One message in a language, with its values filled in.

    >>> word("layers", "zh")
    '各层'
    """
    return WORDS[key][LANGUAGES.index(lang)].format(**values)
