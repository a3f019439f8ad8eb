"""The version of striate that runs."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def striate_version() -> str:
    """The installed version of striate, or ``0+unknown`` when it runs from a source tree that is not installed."""
    try:
        return version("striate")
    except PackageNotFoundError:
        return "0+unknown"
