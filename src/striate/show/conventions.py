"""What frameworks make of one window, as rows of a table."""

from __future__ import annotations

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
            answer.drawing,
            pixel_list(answer.never_read, lang),
            answer.why,
        )
        for answer in output_sizes(n, kernel, stride, dilation, padding)
    ]


def pixel_list(pixels: tuple[int, ...], lang: str = "en") -> str:
    """Pixel numbers as text, shortened in the middle where there are many; ``none`` for none.

    >>> pixel_list((3,)), pixel_list(())
    ('3', 'none')
    """
    if len(pixels) <= 8:
        return " ".join(map(str, pixels)) or word("none", lang)
    shown = f"{' '.join(map(str, pixels[:3]))} ... {pixels[-1]}"
    return word("in_all", lang, shown=shown, count=len(pixels))
