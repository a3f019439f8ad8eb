"""How much room letters take."""

from __future__ import annotations

from rich.cells import cell_len

from striate.show.grid import shortened


def letters_wide(text: str) -> bool:
    """Whether any letter takes two cells, as Chinese ones do.

    >>> letters_wide("field"), letters_wide("感受野")
    (False, True)
    """
    return cell_len(text) > len(text)


def text_width(text: str, size: float) -> float:
    """About how many pixels a text of letters of ``size`` pixels takes, rather too many than too few."""
    return 0.6 * size * cell_len(text)


def fitting(text: str, size: float, room: float, least: float = 9) -> float:
    """The letters' size, at most ``size``, at which a text stands in ``room`` pixels; ``least`` at the smallest."""
    return max(min(size, size * room / max(text_width(text, size), 1)), least)


def cut_to(name: str, size: float, room: float) -> str:
    """A name, shortened in the middle until its letters stand in ``room`` pixels."""
    lengths = range(cell_len(name), 1, -1)
    return next((cut for n in lengths if text_width(cut := shortened(name, n), size) <= room), name[:1])
