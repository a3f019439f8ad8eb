"""The page's own files."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

# Types are told here: a machine's own table of types may call a script text, which browsers then do not run.
TYPES: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


@cache
def parts() -> Mapping[str, bytes]:
    """The page's own files by name."""
    folder = files("striate.serve") / "static"
    return {item.name: item.read_bytes() for item in folder.iterdir() if item.name[item.name.rfind(".") :] in TYPES}
