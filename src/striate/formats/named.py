"""A model as text names it: a file, or a torch model as package.module:callable."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from striate.errors import InputError, MissingDependencyError, ModelError, StriateError

if TYPE_CHECKING:
    import torch

LONGEST_SHOWN = 300

_NAMED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def named_source(text: str) -> Path | torch.nn.Module:
    """What ``text`` names, unread: the path of a file, which goes first, or a torch module, imported and made.

    Raises InputError for what is neither, ModelError where importing or making the module fails.
    """
    return make_module(text) if not _exists(text) and _NAMED.fullmatch(text) else _file(text)


def make_module(text: str) -> torch.nn.Module:
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
