"""A check that could not fail would prove nothing: every kind of wrong claim must be caught and located."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.small_graphs import GRAPHS, Graph
from torch import nn

from striate.check import CheckReport, check, flow
from striate.fields import region
from striate.geometry import Interval

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Claim:
    mask: Mask


def shifted(mask: Mask) -> Mask:
    return np.roll(mask, 1, axis=1)


def one_larger(mask: Mask) -> Mask:
    """One more column on the right of the hull."""
    columns = np.flatnonzero(mask.any(axis=0))
    grown = mask.copy()
    grown[:, columns[-1] + 1] = mask[:, columns[-1]]
    return grown


def one_smaller(mask: Mask) -> Mask:
    rows = np.flatnonzero(mask.any(axis=1))
    shrunk = mask.copy()
    shrunk[rows[0]] = False
    return shrunk


def without_holes(mask: Mask) -> Mask:
    """The hull where the cover has holes."""
    rows, columns = (Interval.of(np.flatnonzero(mask.any(axis=axis)).tolist()) for axis in (1, 0))
    filled = np.zeros_like(mask)
    filled[rows.start : rows.stop, columns.start : columns.stop] = True
    return filled


def nothing(mask: Mask) -> Mask:
    return np.zeros_like(mask)


def one_pixel_missing(mask: Mask) -> Mask:
    """A single pixel inside the cover."""
    pixels = np.argwhere(mask)
    bitten = mask.copy()
    bitten[tuple(pixels[len(pixels) // 2])] = False
    return bitten


WRONG: list[Callable[[Mask], Mask]] = [shifted, one_larger, one_smaller, without_holes, nothing, one_pixel_missing]


def claim(monkeypatch: pytest.MonkeyPatch, wrong: Callable[[Mask], Mask]) -> None:
    true = region
    monkeypatch.setattr(flow, "region", lambda *unit: Claim(wrong(true(*unit).mask)))


def first_difference(true: Mask, claimed: Mask) -> tuple[str, tuple[int, ...]]:
    pixel = tuple(int(i) for i in np.argwhere(true != claimed)[0])
    return ("read but not claimed" if true[pixel] else "claimed but not read"), pixel


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_claim_about_a_file(
    wrong: Callable[[Mask], Mask], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    graph = Graph(1, 3, 30, 30)
    path = graph.save(tmp_path, GRAPHS["holes"](graph))
    claim(monkeypatch, wrong)
    expect(check(path, layers=["conv2"], units=[(7, 7)]), wrong)


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_claim_about_a_module(wrong: Callable[[Mask], Mask], monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3, dilation=3, padding=3), nn.ReLU(), nn.Conv2d(4, 4, 1, stride=2))
    claim(monkeypatch, wrong)
    expect(check(model, (1, 3, 30, 30), layers=["2"], units=[(7, 7)]), wrong)


def expect(report: CheckReport, wrong: Callable[[Mask], Mask]) -> None:
    """The true cover of unit (7, 7): nine pixels, three apart, around (14, 14)."""
    true: Any = np.zeros((30, 30), dtype=np.bool_)
    true[11:18:3, 11:18:3] = True
    found = report.first
    assert not report.ok
    assert found is not None
    assert found.first is not None
    assert str(found).startswith("DISAGREES: ")
    kind, pixel = first_difference(true, wrong(true))
    assert (found.first.kind, found.first.pixel) == (kind, pixel)


def test_one_wrong_pixel_in_a_large_field(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    graph = Graph(1, 3, 60, 60)
    x = "image"
    for channels in (3, 4, 4, 4, 4):
        x = graph.conv(x, channels, 4, 3, pads=[1, 1, 1, 1])
    path = graph.save(tmp_path, x)
    claim(monkeypatch, one_pixel_missing)
    report = check(path, layers=[x], units=[(30, 30)], passes=10)
    assert report.first is not None
    assert report.first.first is not None
    assert (report.first.first.kind, report.first.first.pixel) == ("read but not claimed", (30, 30))
