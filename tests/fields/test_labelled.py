"""Covers for other tools: arrays of xarray by the numbers of pixels, a field drawn on axes of matplotlib."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from matplotlib import pyplot
from matplotlib.patches import Rectangle
from support.odd import wrongly
from support.sure import sure
from torch import nn

import striate
from striate.errors import InputError, MissingDependencyError


@pytest.fixture(autouse=True)
def no_figure_stays() -> Iterator[None]:
    with pyplot.rc_context({"backend": "agg"}):
        yield
        pyplot.close("all")


def dilated(*shape: int) -> striate.LoadedModel:
    kind = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[len(shape)]
    return striate.load(kind(2, 3, 3, padding=4, dilation=4), (1, 2, *shape))


def read_by_gradient(module: nn.Module, shape: tuple[int, ...], unit: tuple[int, ...]) -> np.ndarray:
    """Which pixels move a unit, by torch's own gradient."""
    x = torch.zeros(1, 2, *shape, requires_grad=True)
    module(x)[(0, 0, *unit)].backward()
    return (sure(x.grad) != 0).any(1)[0].numpy()


@pytest.mark.parametrize(("shape", "unit"), [((40,), (1,)), ((12, 17), (0, 9)), ((5, 6, 7), (2, 3, 0))])
def test_a_cover_knows_the_numbers_of_its_pixels(shape: tuple[int, ...], unit: tuple[int, ...]) -> None:
    network = dilated(*shape)
    cover = network.region("output", unit).to_xarray()
    assert cover.dims == tuple(network.fields().spatial)
    assert (cover.attrs["at"], "channel" in cover.attrs) == (unit, False)
    kind = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[len(shape)]
    places = np.argwhere(read_by_gradient(kind(2, 3, 3, padding=4, dilation=4), shape, unit))
    read = np.argwhere(cover.values)
    numbers = [cover[axis].values[read[:, k]] for k, axis in enumerate(cover.dims)]
    assert np.stack(numbers, 1).tolist() == places.tolist()


def test_a_reach_knows_the_numbers_of_its_units() -> None:
    network = dilated(12, 17)
    reached = network.reach((0, 9), "output").to_xarray()
    units = {
        (int(y), int(x))
        for y in reached["unit0"].values
        for x in reached["unit1"].values
        if reached.sel(unit0=y, unit1=x)
    }
    every = ((y, x) for y in range(12) for x in range(17))
    assert units == {unit for unit in every if network.region("output", unit).mask[0, 9]}


@pytest.mark.parametrize(("shape", "unit"), [((40,), (1,)), ((12, 17), (0, 9))])
def test_a_plot_shows_the_pixels_and_the_hull(shape: tuple[int, ...], unit: tuple[int, ...]) -> None:
    seen = dilated(*shape).region("output", unit)
    given = pyplot.figure().add_subplot()
    for axes in (seen.plot(), seen.plot(given)):
        drawn = np.asarray(axes.images[0].get_array())
        assert ((drawn > 0.5).reshape(shape) == seen.mask).all()
        boxes = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
        free = seen.unclipped
        assert free is not None
        for box, hull in zip(boxes, (free, seen.hull), strict=True):
            assert (box.get_x() + 0.5, box.get_width()) == (hull[-1].start, hull[-1].size)
        low, high = axes.get_xlim()
        assert low <= free[-1].start - 0.5
        assert high >= free[-1].stop - 0.5
    assert seen.plot(given) is given


def test_what_a_plot_cannot_draw_is_one_line() -> None:
    with pytest.raises(InputError, match="one or two spatial axes, this one has 3; see to_xarray"):
        dilated(5, 6, 7).region("output", (2, 3, 0)).plot()
    with pytest.raises(InputError, match="ax must be axes of matplotlib, got 3"):
        wrongly(dilated(9, 9).region("output", (2, 3)).plot)(3)


@pytest.mark.parametrize(("library", "ask"), [("xarray", "to_xarray"), ("matplotlib", "plot")])
def test_a_library_that_is_missing_is_named(library: str, ask: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = dilated(9, 9).region("output", (2, 3))
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingDependencyError, match=f"needs {library}: pip install"):
        getattr(seen, ask)()
