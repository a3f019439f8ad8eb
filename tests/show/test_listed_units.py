"""Units without a rule, as the document lists them, beside the regions of units."""

import json
from collections.abc import Iterator
from importlib.resources import files
from itertools import product
from typing import Any

import jsonschema
import pytest

from striate.fields import Fields, region
from striate.fields.listed import MOST_UNITS, listed
from striate.geometry import Interval
from striate.network import Builder
from striate.network.operators import Concat, Conv, Gather, Places, Reduce, Reshape, Slice, Transpose
from striate.show import describe


def unrolled(runs: list[list[int]]) -> Iterator[Interval]:
    """What each unit sees."""
    for units, start, stop, move in runs:
        for i in range(units):
            yield Interval(start + i * move, stop + i * move)


def tokens(side: int) -> Fields:
    """Patches as tokens, the mean of all before them and the third once more behind them."""
    b = Builder("tokens", image=(1, 1, side, side))
    patches = b.add(Conv((6, 6), stride=(4, 4), padding=((1, 1), (1, 1)), out_channels=2), "image", name="patches")
    n = (side // 4) ** 2
    rows = b.add(Transpose((0, 2, 1)), b.add(Reshape((1, 2, n)), patches), name="rows")
    mean = b.add(Reduce((1,)), rows, name="mean")
    third = b.add(Slice((1,), (2,), (1,), (1,)), rows, name="third")
    b.add(Concat(1), mean, rows, third, name="joined")
    return Fields(b.network())


def shuffled() -> Fields:
    """Places of both axes in no order."""
    b = Builder("shuffled", x=(1, 1, 9, 8))
    picked = b.add(Gather(2, Places.of([4, 0, 8, 2])), "x", name="picked")
    b.add(Gather(3, Places.of([7, 7, 0, 1, 2, 5])), picked, name="joined")
    return Fields(b.network())


@pytest.mark.parametrize("fields", [tokens(16), tokens(24), shuffled()], ids=["tokens", "more tokens", "shuffled"])
def test_listed_units_see_what_their_regions_say(fields: Fields) -> None:
    document = describe(fields)
    jsonschema.validate(
        json.loads(json.dumps(document)), json.loads(files("striate.show").joinpath("fields.schema.json").read_text())
    )
    described = next(layer for layer in document["layers"] if layer["name"] == "joined")
    shape = described["shape"]
    places = list(product(*(range(n) for n in shape[2 if len(shape) > 3 else 1 :])))
    for k, axis in enumerate(described["axes"]):
        assert axis["status"] == "irregular"
        units: Any = axis["units"]
        seen = dict(zip(product(*(range(shape[a]) for a in units["axes"])), unrolled(units["runs"]), strict=True))
        for place in places:
            index = (*(0,) * (len(shape) - len(place)), *place)
            assert seen[tuple(index[a] for a in units["axes"])] == region(fields, "joined", place).hull[k], place


def test_layers_of_many_units_are_not_listed() -> None:
    b = Builder("one", x=(1, 1, 1, MOST_UNITS + 3))
    for name, n in (("few", MOST_UNITS), ("many", MOST_UNITS + 1)):
        b.add(Gather(3, Places.of([*range(n - 1), 2])), "x", name=name)
    fields = Fields(b.network())
    found = listed(fields, "few", "width")
    assert found is not None
    assert found.runs == ((MOST_UNITS - 1, 0, 1, 1), (1, 2, 3, 0))
    assert listed(fields, "many", "width") is None


def test_regular_layers_list_no_units() -> None:
    (axis, _) = next(layer for layer in describe(tokens(16))["layers"] if layer["name"] == "patches")["axes"]
    assert "units" not in axis
