"""However a function is written, its fields and regions are the same, and its spellings compute the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from support.spellings import CASES, MASKED, Case

import striate
from striate.fields import region

Seen = Mapping[Any, tuple[Any, Any]]

# A convolution as large as its input keeps the size that is published for it, and slides where the input is larger.
SLIDING = {("dense over everything", "convolution"), ("dense over the width", "full kernel")}
# The uneven windows are five means side by side, too few to tell that they would go on like this.
APART = {("mean pooling to an uneven size", "slices")}


@pytest.mark.parametrize("case", CASES + MASKED, ids=lambda case: case.name)
def test_the_spellings_compute_the_same(case: Case) -> None:
    x = torch.rand(case.shape, generator=torch.Generator().manual_seed(1)) + 0.1
    with torch.no_grad():
        first, *others = (case.module(name)(x) for name in case.spellings)
    for other in others:
        torch.testing.assert_close(other, first, rtol=1e-4, atol=1e-5)


def regions(case: Case, spelling: str) -> Seen:
    """Hull and cover of some units of the output: corners, the middle, one off it; all channels, first, last."""
    fields = striate.load(case.module(spelling), case.shape).fields()
    last = list(fields)[-1]
    channels, height, width = fields[last].shape[1:]
    units = {(0, 0), (height - 1, width - 1), (height // 2, width // 2), (height // 3, width // 3)}
    found = {}
    for at in units:
        for channel in (None, 0, channels - 1):
            seen = region(fields, last, at, channel)
            found[at, channel] = seen.hull, seen.cover
    return found


@pytest.mark.parametrize("case", CASES + MASKED, ids=lambda case: case.name)
def test_the_spellings_have_the_same_regions(case: Case) -> None:
    first, *others = case.spellings
    expected = regions(case, first)
    for name in others:
        for unit, (hull, cover) in regions(case, name).items():
            assert hull == expected[unit][0], (name, unit)
            np.testing.assert_array_equal(cover, expected[unit][1], f"{name}, unit {unit}")


def summary(case: Case, spelling: str) -> tuple[dict[str, Any], bool]:
    """Status, size, stride, start and phases of each axis, with and without global paths; whether a path is global."""
    fields = striate.load(case.module(spelling), case.shape).fields()
    last = fields[list(fields)[-1]]
    told = {
        name: (axis.status, axis.size, axis.stride, axis.start, axis.phases, axis.local)
        for name, axis in last.axes.items()
    }
    return told, bool(last.global_via)


@pytest.mark.parametrize("case", CASES + MASKED, ids=lambda case: case.name)
def test_the_spellings_have_the_same_fields(case: Case) -> None:
    first, *others = (name for name in case.spellings if (case.name, name) not in SLIDING | APART)
    expected = summary(case, first)
    for name in others:
        assert summary(case, name) == expected, name
