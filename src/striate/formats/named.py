"""A model as text names it: a file, or a torch model as package.module:callable, with literal arguments or without."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from striate.errors import InputError, MissingDependencyError, ModelError, StriateError
from striate.formats.foreign import folder

if TYPE_CHECKING:
    import torch
    from torch.export import ExportedProgram

LONGEST_SHOWN = 300
SHIPPED = ("denoiser", "v1")
"""The networks that come with striate, by name."""

_DOTTED = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_NAMED = re.compile(rf"({_DOTTED}):({_DOTTED})\s*(\(.*\))?", re.DOTALL)
_NO_OPERATOR = re.compile(r"operator (\w+)::\w+ does not exist")


def named_source(text: str) -> Path | torch.nn.Module | ExportedProgram:
    """What ``text`` names, unread: the path of a file, which goes first, a network that ships with striate,
    ``denoiser`` or ``v1``, or a torch model, imported and made.

    Raises InputError for what is neither, ModelError where importing or making the module fails.
    """
    if _exists(text):
        return _file(text)
    if text in SHIPPED:
        return Path(str(files("striate") / "data" / f"{text}.onnx"))
    return make_module(text) if _NAMED.fullmatch(text) else _file(text)


@dataclass(frozen=True, slots=True)
class _Name:
    """``package.module:callable(arguments)`` in its parts; ``called`` where the parentheses are there."""

    text: str
    module: str
    attribute: str
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    called: bool


def make_module(text: str) -> torch.nn.Module | ExportedProgram:
    """The torch module or program that ``package.module:callable`` names, called unless it is one already.

    Literal arguments may follow, ``package.module:callable("name", classes=3)``; nothing else in them is evaluated.
    The folder one stands in is searched first, as ``python -m`` does.
    """
    name = _parsed(text)
    try:
        import torch
    except ImportError as error:
        raise MissingDependencyError("torch models need PyTorch: pip install 'striate[torch]'") from error
    named = _imported(name)
    kinds = (torch.nn.Module, torch.export.ExportedProgram)
    if isinstance(named, kinds) and not name.called:
        return named
    made = _called(name, named)
    if not isinstance(made, kinds):
        raise InputError(f"{text}: gave {type(made).__name__}, not a torch.nn.Module")
    return made


def _parsed(text: str) -> _Name:
    found = _NAMED.fullmatch(text)
    if found is None:
        raise InputError(f"{text}: a torch model is written as package.module:callable")
    if found[3] is None:
        return _Name(text, found[1], found[2], (), {}, False)
    try:
        call = ast.parse(f"f{found[3]}", mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            raise ValueError("more than one call")
        arguments = tuple(ast.literal_eval(argument) for argument in call.args)
        keywords = {str(word.arg): ast.literal_eval(word.value) for word in call.keywords if word.arg is not None}
        if len(keywords) < len(call.keywords):
            raise ValueError("a ** argument")
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise InputError(
            f"{text}: its arguments are no literals; write numbers, strings, lists or True and False, "
            f'as in {found[1]}:{found[2]}("name", classes=3)'
        ) from error
    return _Name(text, found[1], found[2], arguments, keywords, True)


def _imported(name: _Name) -> Any:
    """What the name stands for in its module."""
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        named: Any = importlib.import_module(name.module)
        for part in name.attribute.split("."):
            named = getattr(named, part)
    except ModuleNotFoundError as error:
        missing = str(error.name)
        here = "" if name.module.startswith(missing) else f", which {name.module} needs"
        package = missing.partition(".")[0]
        raise InputError(
            f"{name.text}: cannot import {missing}{here}; install {package} or run striate in the folder it is in"
        ) from error
    except AttributeError as error:
        raise InputError(f"{name.text}: {error}") from error
    except Exception as error:
        raise _import_failure(name, error) from error
    return named


def _import_failure(name: _Name, error: Exception) -> StriateError:
    operator = _NO_OPERATOR.search(str(error))
    if operator is None:
        return ModelError(f"{name.text}: importing it failed: {type(error).__name__}: {error}")
    package = operator[1]
    return MissingDependencyError(
        f"{name.text}: {package}{_version(package)} does not fit torch{_version('torch')} ({error}); install a pair "
        f"made for each other: pip install --force-reinstall torch {package}"
    )


def _version(package: str) -> str:
    try:
        return f" {version(package)}"
    except PackageNotFoundError:
        return ""


def _called(name: _Name, function: Any) -> Any:
    """What the callable makes of the arguments."""
    if not callable(function):
        raise InputError(f"{name.text}: is a {type(function).__name__}, neither a torch.nn.Module nor callable")
    needed = _needed(function, name)
    if needed:
        raise InputError(
            f"{name.text}: needs {', '.join(needed)}; write literal arguments, as in "
            f"{name.module}:{name.attribute}({', '.join(f'{word}=...' for word in needed)})"
        )
    try:
        return function(*name.arguments, **name.keywords)
    except StriateError:
        raise
    except Exception as error:
        raise ModelError(f"{name.text}: calling it failed: {type(error).__name__}: {error}") from error


def _needed(function: Any, name: _Name) -> list[str]:
    """The arguments without a default that the name does not give."""
    try:
        signature = inspect.signature(function)
        given = signature.bind_partial(*name.arguments, **name.keywords).arguments
    except (ValueError, TypeError):
        return []
    fixed = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [
        word
        for word, parameter in signature.parameters.items()
        if parameter.default is parameter.empty and parameter.kind not in fixed and word not in given
    ]


def _file(text: str) -> Path:
    path = Path(text)
    if not _exists(text):
        shown = text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."
        raise InputError(f"{shown}: no such file; a torch model is written as package.module:callable")
    if path.is_dir():
        raise InputError(f"{path} {folder(path)}")
    return path


def _exists(text: str) -> bool:
    """Whether a file or folder has this name; a name that the system refuses has none."""
    try:
        return Path(text).exists()
    except (OSError, ValueError):
        return False
