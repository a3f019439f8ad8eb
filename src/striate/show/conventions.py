"""What frameworks make of one window, as rows of a table."""

from __future__ import annotations

from striate.geometry.conventions import output_sizes

CONVENTION_COLUMNS = ("convention", "output", "pads", "windows", "never read", "why")


def convention_rows(n: int, kernel: int, stride: int, dilation: int = 1, padding: int = 0) -> list[tuple[str, ...]]:
    """The answers of ``output_sizes`` as cells: convention, output, pads, windows, never read, why."""
    return [
        (
            answer.convention,
            str(answer.output),
            f"{answer.pads[0]} before, {answer.pads[1]} after",
            answer.drawing,
            pixel_list(answer.never_read),
            answer.why,
        )
        for answer in output_sizes(n, kernel, stride, dilation, padding)
    ]


def pixel_list(pixels: tuple[int, ...]) -> str:
    """Pixel numbers as text, shortened in the middle where there are many; ``none`` for none.

    >>> pixel_list((3,)), pixel_list(())
    ('3', 'none')
    """
    if len(pixels) <= 8:
        return " ".join(map(str, pixels)) or "none"
    return f"{' '.join(map(str, pixels[:3]))} ... {pixels[-1]} ({len(pixels)} in all)"
