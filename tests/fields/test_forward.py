"""The pass through a network: a concatenation that goes on with a shorter one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.oracle import Builder

from striate.fields import Fields, forward, region
from striate.fields.tables import carried
from striate.network import Network

LAST = "last"


# x, then each convolution reads all before it: [x] -> a, [x a] -> b, [x a b] -> last
def dense() -> Network:
    b = Builder(1, 2, 9, 8)
    parts = ["image"]
    for k in range(3):
        read = b("concat", *parts, axis=1) if len(parts) > 1 else "image"
        parts.append(b("conv", read, out_channels=2, kernel=(3, 1 + k), padding=((1, 1), (0, k))))
    b("concat", *parts, axis=1, name=LAST)
    return b.network()


def test_each_channel_of_a_concatenation_sees_what_its_part_sees() -> None:
    fields = Fields(dense(), layout="NCHW")
    for channel in range(8):
        for at in np.ndindex(9, 8):
            assert fields.hull(LAST, at, channel) == region(fields, LAST, at, channel).hull, (at, channel)


@pytest.mark.parametrize("short", [True, False])
def test_a_concatenation_follows_its_last_part_alone(short: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fields and the merges are those of all parts followed, with less work."""
    whole = Fields(dense(), layout="NCHW")
    calls: list[str] = []
    def counted(*given: Any, **more: Any) -> Any:
        calls.append(given[2])
        return carried(*given, **more)

    monkeypatch.setattr(forward, "carried", counted)
    if not short:
        monkeypatch.setattr(forward.Forward, "_short", lambda *_: [])
    fields = Fields(dense(), layout="NCHW")
    assert {name: fields[name].axes for name in fields} == {name: whole[name].axes for name in whole}
    assert fields.misalignments == whole.misalignments
    assert calls.count(LAST) == (2 * 2 if short else 2 * 4)
