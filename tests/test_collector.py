"""The garbage collector is left as it was found."""

import gc

import pytest

from striate.collector import held


@pytest.mark.parametrize("running", [True, False])
def test_held_leaves_the_collector_as_it_was(running: bool) -> None:
    before = gc.isenabled()
    (gc.enable if running else gc.disable)()
    try:
        with held(), held():
            inside = gc.isenabled()
        after = gc.isenabled()
    finally:
        (gc.enable if before else gc.disable)()
    assert (inside, after) == (False, running)
