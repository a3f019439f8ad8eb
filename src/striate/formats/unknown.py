"""What becomes of an operator without a rule."""

from __future__ import annotations

from enum import StrEnum

from striate.values import text


class Unknown(StrEnum):
    """What a reader does with an operator that it has no rule for: refuse the model, or say that it sees everything."""

    REFUSE = "refuse"
    WHOLE = "whole"

    @classmethod
    def of(cls, word: object) -> Unknown:
        """The member that a caller's word names; InputError for any other.

        >>> Unknown.of("whole") is Unknown.WHOLE
        True
        """
        return cls(text("unknown", word, map(str, cls)))
