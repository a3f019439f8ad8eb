"""Layers without axes: one unit, which has no index."""

import pytest

from striate.errors import InputError
from striate.fields import Fields, borders, effective_field, reach, region
from striate.geometry import Box
from striate.network import Builder
from striate.network.operators import Elementwise, Reduce


@pytest.mark.parametrize("shape", [(1, 3, 6, 8), (1, 3, 6), (5, 4), (7,)])
def test_a_scalar_sees_all(shape: tuple[int, ...]) -> None:
    b = Builder("sum", x=shape)
    total = b.add(Reduce(tuple(range(len(shape))), keepdims=False), "x", name="total")
    b.add(Elementwise(), total, name="double")
    fields = Fields(b.network())
    everything = Box.whole([fields.network.shapes["x"][axis] for axis in fields.spatial.values()])
    pixel = (0,) * (len(shape) - min(2, len(shape) - 1))
    for layer in ("total", "double"):
        assert {axis.status for axis in fields[layer].axes.values()} == {"whole"}
        assert fields.hull(layer, ()) == region(fields, layer, ()).hull == everything
        assert reach(fields, pixel, layer).mask.all()
        assert effective_field(fields, layer).box == everything
        assert borders(fields, layer).centre is None
        with pytest.raises(InputError, match="needs 0 indices, got 1"):
            fields.hull(layer, (0,))
    assert "scalar" in str(fields.summary())
