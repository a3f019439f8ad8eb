"""What an error says in Python's words, said in the command line's: options for arguments, 1x3x8x8 for (1, 3, 8, 8)."""

from __future__ import annotations

import re

from striate.show.grid import shortened

LONGEST_WORD = 120

_SIZES = r"\(([\w?.]+(?:, *[\w?.]+)+|[\w?.]+,)\)"
_NAMED_SHAPE = re.compile(rf"\binput_shape=\{{'([^']+)': (?:{_SIZES}|\(\.\.\.\))\}}")
_ONE = r"\((?:\d+(?:, *\d+)*,?)?\)"
_ENTRY = rf"'([^']+)': (\[{_ONE}(?:, {_ONE})*\]|{_ONE})"
_MAPPED = re.compile(rf"\binput_shape=\{{({_ENTRY}(?:, {_ENTRY})*)\}}")
_VALUES = re.compile(r"\bvalues=\{'([^']+)': ([^}]+)\}")
_SHAPES = re.compile(rf"(?:\b(?:shapes?|such as|declares)|--input) {_SIZES}(?:,? (?:and )?{_SIZES})*")
_ARGUMENT = re.compile(r"\b(input_shape|unknown|layout|source|passes|seed|fit|dtype)=(?:['\"]([^'\"]*)['\"])?")
_BARE = re.compile(r"\binput_shape\b|(?<=with )layout\b")
_LONG = re.compile(rf"[^\s'\"]{{{LONGEST_WORD + 1},}}")
_OPTIONS = {"input_shape": "--input"}


def command_words(text: str) -> str:
    """The text as a user of the command line would write it, names of hundreds of letters shortened in the middle.

    >>> command_words("input 'x' of shape (1, H): give a size, input_shape={'x': (1, N)}")
    "input 'x' of shape 1xH: give a size, --input x=1xN"
    >>> command_words("input_shape={'x': (1, 8), 'k': ()}, values={'k': 1}, dtype='int64'")
    '--input x=1x8 --input k=scalar, --set k=1, --dtype int64'
    >>> command_words('unknown="whole" counts it')
    '--unknown whole counts it'
    """
    text = _MAPPED.sub(_inputs, text)
    text = _VALUES.sub(lambda found: f"--set {found[1]}={found[2]}", text)
    text = _NAMED_SHAPE.sub(lambda found: f"--input {found[1]}={crossed(found[2] or 'SHAPE')}", text)
    text = _ARGUMENT.sub(lambda found: f"{_option(found[1])} {found[2] or ''}", text)
    text = _BARE.sub(lambda found: _option(found[0]), text)
    text = _SHAPES.sub(lambda found: re.sub(_SIZES, lambda sizes: crossed(sizes[1]), found[0]), text)
    return _LONG.sub(lambda found: shortened(found[0], LONGEST_WORD), text)


def _inputs(found: re.Match[str]) -> str:
    """Shapes by name as options, those of a list of tensors one by one."""
    options = []
    for name, shapes in re.findall(_ENTRY, found[1]):
        listed = shapes.startswith("[")
        for k, one in enumerate(re.findall(_ONE, shapes)):
            sizes = crossed(one[1:-1]) or "scalar"
            options.append(f"--input {name}{f'.{k}' if listed else ''}={sizes}")
    return " ".join(options)


def crossed(sizes: str) -> str:
    """``1, 3, N`` as ``1x3xN``."""
    return "x".join(re.findall(r"[^, ]+", sizes))


def _option(argument: str) -> str:
    return _OPTIONS.get(argument, f"--{argument}")
