"""MODEL on the command line: a file, or a torch model named as package.module:callable."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from striate.errors import InputError, MissingDependencyError, ModelError, StriateError
from striate.model import Network, load

Shapes = Mapping[str, tuple[int, ...]] | tuple[int, ...] | None

LONGEST_SHOWN = 300

_ARGUMENT = re.compile(r"input_shape=\{'([^']+)': \(([^()]*)\)\}")
_NAMED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def open_model(text: str, shape: Shapes, unknown: str = "refuse") -> Network:
    """Read MODEL at an input shape; raises the StriateError that says what is wrong."""
    try:
        return _open(text, shape, unknown)
    except InputError as error:
        raise InputError(_ARGUMENT.sub(_option, str(error))) from error


def _option(argument: re.Match[str]) -> str:
    """Python's ``input_shape={'image': (N, 3, N, N)}`` as it is written on the command line."""
    return f"--input {argument[1]}={'x'.join(re.findall(r'[^, ]+', argument[2]))}"


def _open(text: str, shape: Shapes, unknown: str) -> Network:
    if _exists(text) or not _NAMED.fullmatch(text):
        return load(_file(text), shape, unknown=unknown)
    if shape is None:
        raise InputError(f"{text} is a torch model: give its input, such as --input 1x3x224x224")
    return load(make_module(text), shape, unknown=unknown)


def open_for_photo(text: str, photo_size: tuple[int, int], unknown: str) -> Network:
    """Read MODEL at the size of a photograph where its input is free, else at its own size."""
    try:
        return open_model(text, (1, 3, *photo_size), unknown)
    except InputError as error:
        with suppress(InputError):
            return open_model(text, None, unknown)
        raise error


def model_source(text: str) -> Any:
    """What MODEL names, unread: a path, or the torch module."""
    return make_module(text) if not _exists(text) and _NAMED.fullmatch(text) else _file(text)


def make_module(text: str) -> Any:
    """The torch module that ``package.module:callable`` names, called without arguments unless it is one already.

    The folder one stands in is searched first, as ``python -m`` does.
    """
    module_name, _, attribute = text.partition(":")
    try:
        import torch
    except ImportError as error:
        raise MissingDependencyError("torch models need PyTorch: pip install 'striate[torch]'") from error
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        named: Any = importlib.import_module(module_name)
        for name in attribute.split("."):
            named = getattr(named, name)
    except ModuleNotFoundError as error:
        raise InputError(f"{text}: cannot import {error.name}") from error
    except AttributeError as error:
        raise InputError(f"{text}: {error}") from error
    except Exception as error:
        raise ModelError(f"{text}: importing it failed: {type(error).__name__}: {error}") from error
    if isinstance(named, torch.nn.Module):
        return named
    try:
        made = named()
    except StriateError:
        raise
    except Exception as error:
        raise ModelError(f"{text}: calling it failed: {type(error).__name__}: {error}") from error
    if not isinstance(made, torch.nn.Module):
        raise InputError(f"{text}: gave {type(made).__name__}, not a torch.nn.Module")
    return made


def _file(text: str) -> Path:
    path = Path(text)
    if not _exists(text):
        shown = text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."
        raise InputError(f"{shown}: no such file; a torch model is written as package.module:callable")
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the model file in it")
    return path


def _exists(text: str) -> bool:
    """Whether a file or folder has this name; a name that the system refuses has none."""
    try:
        return Path(text).exists()
    except (OSError, ValueError):
        return False
