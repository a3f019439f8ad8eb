"""Operators as JSON, both ways: what comes in is checked as if it were written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from striate.errors import InputError, ModelError
from striate.names import did_you_mean
from striate.network.operators import BY_WORD
from striate.network.operators.base import Operator, kinds
from striate.values import shown

WORD = "op"


def to_json(op: Operator) -> dict[str, Any]:
    """The operator's word and its fields, those at their default left out.

    >>> from striate.network.operators import Transpose
    >>> to_json(Transpose((0, 2, 1)))
    {'op': 'transpose', 'order': [0, 2, 1]}
    """
    found: dict[str, Any] = {WORD: op.word}
    defaults = {field.name: field.default for field in fields(op)}
    for name, kind in kinds(type(op)).items():
        value = getattr(op, name)
        if defaults[name] is MISSING or value != defaults[name]:
            found[name] = kind.json(value)
    return found


def from_json(found: Any) -> Operator:
    """The operator that ``to_json`` wrote; ModelError for anything else.

    >>> from_json({"op": "concat", "axis": 1})
    Concat(axis=1)
    """
    if not isinstance(found, Mapping) or not isinstance(found.get(WORD), str):
        raise ModelError(f"an operator must be an object with its word under {WORD!r}, got {shown(found)}")
    word = found[WORD]
    if word not in BY_WORD:
        raise ModelError(f"no operator {word!r}{did_you_mean(word, BY_WORD)}")
    return _made(BY_WORD[word], {name: value for name, value in found.items() if name != WORD})


def _made(operator: type[Operator], given: Mapping[str, Any]) -> Operator:
    known = kinds(operator)
    missing = [f.name for f in fields(operator) if f.default is MISSING and f.name not in given]
    for name in given:
        if name not in known:
            raise ModelError(f"{operator.word}: no field {name!r}{did_you_mean(str(name), known)}")
    if missing:
        raise ModelError(f"{operator.word}: field {missing[0]!r} is missing")
    try:
        return operator(**{name: known[name].parse(f"{operator.word}: {name}", value) for name, value in given.items()})
    except InputError as error:
        raise ModelError(str(error)) from None
