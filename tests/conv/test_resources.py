"""What a call takes beside its arrays: NumPy's memory is counted, so that a copy nobody asked for is seen."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from striate.conv import Conv2d, cache_bytes, conv2d, set_cache_limit

SMALL = 20_000
X = np.ones((1, 16, 64, 64), np.float32)
W = np.ones((16, 16, 3, 3), np.float32)
OUT = np.empty((1, 16, 62, 62), np.float32)
LAYER = Conv2d(16, 16, 3, bias=False, rng=0)


def taken(call: Callable[[], object]) -> int:
    """The most bytes of arrays that a call holds at one time, of the second such call."""
    call()
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# (1, 16, 64, 64) -> (1, 16, 62, 62), 246 kB; in order the input is read where it lies, else laid out once.
@pytest.mark.parametrize(
    ("call", "arrays"),
    [
        (lambda: conv2d(X, W), OUT.nbytes),
        (lambda: conv2d(X[0], W), OUT.nbytes),
        (lambda: conv2d(X, W, out=OUT), 0),
        (lambda: LAYER(X), OUT.nbytes),
        (lambda: LAYER(X, out=OUT), 0),
        (lambda: conv2d(X[..., ::-1], W), X.nbytes + OUT.nbytes),
        (lambda: conv2d(X, W, padding=1, padding_mode="reflect"), 16 * 66 * 66 * 4 + X.nbytes),
    ],
    ids=["function", "unbatched", "out", "layer", "layer with out", "reversed", "reflected"],
)
def test_a_call_holds_its_result_and_no_copy_of_what_lies_in_order(call: Callable[[], object], arrays: int) -> None:
    assert arrays <= taken(call) + SMALL
    assert taken(call) <= arrays + SMALL


def test_packed_weights_keep_to_the_budget_whatever_is_called() -> None:
    layers = [Conv2d(16, 16, 3, bias=False, rng=i) for i in range(8)]
    try:
        set_cache_limit(3 * W.nbytes)
        for layer in layers:
            layer(X)
            assert cache_bytes() <= 3 * W.nbytes
    finally:
        set_cache_limit(None)
