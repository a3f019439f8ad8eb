"""Units: the one rule for which axes a place has an index for, and the same answers however a unit is written."""

from __future__ import annotations

from itertools import product
from random import Random
from typing import Any

import numpy as np
import pytest
from support.odd import wrongly
from support.pairs import random_pair

import striate
from striate.errors import InputError
from striate.fields import Fields, Unit, effective_field, reach, region
from striate.fields.unit import LayerAxes, first_unit_axis, unit_axes, unit_sizes

SHAPES = [shape for rank in range(6) for shape in product((1, 3), repeat=rank)]


# N C | H W;  N C | L;  N | C;  one axis: the batch;  none
@pytest.mark.parametrize(
    ("shape", "axes"),
    [((1, 3, 8, 9), (2, 3)), ((1, 3, 8), (2,)), ((2, 10), (1,)), ((4,), ()), ((), ()), ((1, 3, 4, 5, 6), (2, 3, 4))],
)
def test_which_axes_a_place_has_an_index_for(shape: tuple[int, ...], axes: tuple[int, ...]) -> None:
    assert tuple(unit_axes(shape)) == axes
    assert unit_sizes(shape) == tuple(shape[axis] for axis in axes)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_unit_names_one_place_of_all_channels(shape: tuple[int, ...]) -> None:
    values, axes = np.arange(int(np.prod(shape, dtype=np.int64))).reshape(shape), LayerAxes.of(shape)
    places = [axes.index(Unit("layer", at)) for at in np.ndindex(unit_sizes(shape))]
    named = [values[place] for place in places]
    assert all(part.shape == shape[: first_unit_axis(shape)] for part in named)
    assert sorted(np.concatenate([part.ravel() for part in named]).tolist()) == values.ravel().tolist()
    assert axes.index(Unit("layer", axes.centre)) in places
    for at in np.ndindex(shape):
        assert values[axes.index(Unit("layer", at))] == values[at]


@pytest.mark.parametrize(
    ("unit", "said"),
    [
        (Unit("y", (1,)), r"a unit of shape \(1, 3, 8, 9\) needs 2 indices, got 1"),
        (Unit("y", (8, 0)), r"index 8 must be in \[0, 8\)"),
        (Unit("y", (-1, 0)), r"index -1 must be in \[0, 8\)"),
        (Unit("y", (0, 0), 3), r"channel 3 lies outside"),
    ],
)
def test_a_unit_outside_its_layer_is_refused(unit: Unit, said: str) -> None:
    with pytest.raises(InputError, match=said):
        LayerAxes.of((1, 3, 8, 9)).index(unit)


@pytest.mark.parametrize("seed", range(12))
def test_a_unit_and_its_three_words_are_asked_alike(seed: int) -> None:
    pair, random = random_pair(seed), Random(seed)
    fields = Fields(pair.network(), layout="NCHW")
    axes = fields.layer_axes(pair.tensor)
    at = tuple(random.randrange(n) for n in axes.sizes)
    channel = None if axes.channel is None else random.choice([None, random.randrange(axes.shape[axes.channel])])
    unit = Unit(pair.tensor, at, channel)
    words: Any = (pair.tensor, list(map(np.int64, at)), channel)
    one, other = region(fields, unit), region(fields, *words)
    assert one.unit == other.unit == unit
    assert (one.layer, one.at, one.channel) == (pair.tensor, at, channel)
    np.testing.assert_array_equal(one.mask, other.mask)
    assert fields.hull(unit) == fields.hull(*words) == one.hull
    pixel = tuple(random.randrange(n) for n in pair.shape[2:])
    there, again = reach(fields, Unit(fields.source, pixel), pair.tensor), reach(fields, pixel, pair.tensor)
    assert (there.pixel, there.source, there.at) == (again.pixel, fields.source, pixel)
    np.testing.assert_array_equal(there.mask, again.mask)
    if one.cover.size:
        assert effective_field(fields, unit).radii == effective_field(fields, *words).radii


def test_what_is_no_unit_is_refused_in_one_line() -> None:
    fields = Fields(random_pair(0).network(), layout="NCHW")
    layer = next(iter(fields))
    with pytest.raises(InputError, match="is a unit already"):
        region(fields, Unit(layer, (0, 0)), (0, 0))
    with pytest.raises(InputError, match="the unit's place must be a sequence, got None"):
        region(fields, layer)
    with pytest.raises(InputError, match=f"is no pixel of {fields.source}"):
        reach(fields, Unit(layer, (0, 0)), layer)
    with pytest.raises(InputError, match="layer must be a string, got 3"):
        wrongly(fields.hull)(3, (0, 0))
    with pytest.raises(InputError, match="did you mean"):
        region(fields, Unit("layr", (0, 0)))
    with pytest.raises(striate.InputError, match="channel must be an integer, got 'red'"):
        wrongly(region)(fields, layer, (0, 0), "red")
