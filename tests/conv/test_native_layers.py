"""The compiled kernels lie in folders that know only those below them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

KERNELS = Path(__file__).parents[2] / "native" / "kernels"
FOLDERS = ("base", "simd", "ways", "choose")


def climbs(folder: str, text: str) -> list[str]:
    """What a source of ``folder`` includes from a folder above it."""
    included = re.findall(r'#include "(\w+)/', text)
    return [other for other in included if FOLDERS.index(other) > FOLDERS.index(folder)]


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_include_goes_up(folder: Any) -> None:
    sources = [path for path in KERNELS.joinpath(folder).iterdir() if path.suffix in (".cpp", ".hpp")]
    assert sources
    assert {path.name: climbs(folder, path.read_text()) for path in sources} == {path.name: [] for path in sources}


def test_every_source_lies_in_a_folder() -> None:
    assert sorted(path.name for path in KERNELS.iterdir()) == sorted(FOLDERS)


def test_an_include_that_goes_up_is_seen() -> None:
    assert climbs("simd", '#include "base/numbers.hpp"\n#include "ways/way.hpp"\n') == ["ways"]
