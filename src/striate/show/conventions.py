"""What frameworks make of one window, as rows of a table."""

from __future__ import annotations

import re
from functools import partial

from striate.geometry.conventions import output_sizes
from striate.show.words import word

CONVENTION_COLUMNS = ("convention", "output", "pads", "windows", "never read", "why")


def convention_rows(
    n: int, kernel: int, stride: int, dilation: int = 1, padding: int = 0, lang: str = "en"
) -> list[tuple[str, ...]]:
    """The answers of ``output_sizes`` as cells: convention, output, pads, windows, never read, why."""
    return [
        (
            answer.convention,
            str(answer.output),
            word("pads_text", lang, before=answer.pads[0], after=answer.pads[1]),
            answer.drawing if answer.output else word("none", lang),
            pixel_list(answer.never_read, lang),
            reason(answer.why, lang),
        )
        for answer in output_sizes(n, kernel, stride, dilation, padding)
    ]


_PHRASES = (
    (re.compile(r"; (?P<over>\d+) over"), "why_over"),
    (re.compile(r": (?P<before>\d+) before, (?P<after>\d+) after"), "why_pads"),
    (re.compile(r"; reads (?P<before>\d+) before, (?P<after>\d+) after"), "why_reads"),
    (re.compile(r"; pads "), "why_padded"),
    (re.compile(r", less the window that would start in the padding"), "why_less"),
    (re.compile(r": the window is larger than the padded input, nothing comes out"), "why_nothing"),
)


def reason(why: str, lang: str = "en") -> str:
    """The formula of an answer, the words in it in a language.

    >>> reason("ceil(4/2) = 2; pads max((2-1)*2 + 3 - 4, 0) = 1: 0 before, 1 after", "zh")
    'ceil(4/2) = 2；填充 max((2-1)*2 + 3 - 4, 0) = 1：前 0，后 1'
    """
    for phrase, key in _PHRASES:
        why = phrase.sub(partial(_worded, key, lang), why)
    return why


def _worded(key: str, lang: str, found: re.Match[str]) -> str:
    return word(key, lang, **found.groupdict())


def pixel_list(pixels: tuple[int, ...], lang: str = "en") -> str:
    """Pixel numbers as text, shortened in the middle where there are many; ``none`` for none.

    >>> pixel_list((3,)), pixel_list(())
    ('3', 'none')
    """
    if len(pixels) <= 8:
        return " ".join(map(str, pixels)) or word("none", lang)
    shown = f"{' '.join(map(str, pixels[:3]))} ... {pixels[-1]}"
    return word("in_all", lang, shown=shown, count=len(pixels))
