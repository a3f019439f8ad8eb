"""The version, the nearest name, progress."""

from __future__ import annotations

import subprocess
import sys

from striate.names import did_you_mean, nearest
from striate.progress import Ticker
from striate.version import striate_version

UNINSTALLED = """
import importlib.metadata as metadata
found = metadata.Distribution.from_name
def missing(name):
    if name == "striate":
        raise metadata.PackageNotFoundError(name)
    return found(name)
metadata.Distribution.from_name = missing
import striate
print(striate.__version__)
"""


def test_a_source_tree_that_is_not_installed_can_be_imported() -> None:
    done = subprocess.run([sys.executable, "-c", UNINSTALLED], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "0+unknown\n"
    assert striate_version()[0].isdigit()


def test_the_nearest_name() -> None:
    assert nearest("layer3", ["layer1.conv", "layer33", "head"]) == "layer33"
    assert nearest(3, ["3"]) == "3"
    assert nearest("anything", []) is None
    assert did_you_mean("anything", []) == ""
    assert did_you_mean("heda", ["head", "stem"]) == "; did you mean 'head'?"


def test_progress_never_passes_its_total() -> None:
    told: list[tuple[int, int]] = []
    ticker = Ticker(lambda done, total: told.append((done, total)), 2)
    for _ in range(3):
        ticker.step()
    ticker.finish()
    assert told == [(1, 2), (2, 2), (2, 2), (2, 2)]
    Ticker(None, 1).step()
