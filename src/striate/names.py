"""The known name that somebody may have meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: object, known: Iterable[str]) -> str | None:
    """The known name that is most like ``name``, however little; None where none is known.

    >>> nearest("cnov", ("conv", "relu"))
    'conv'
    """
    return next(iter(get_close_matches(str(name), list(known), n=1, cutoff=0.0)), None)


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """The end of an error about an unknown name: what may have been meant, empty where nothing is known.

    >>> "no layer 'cnov'" + did_you_mean("cnov", ("conv", "relu"))
    "no layer 'cnov'; did you mean 'conv'?"
    """
    near = nearest(name, known)
    return "" if near is None else f"; did you mean {near!r}?"
