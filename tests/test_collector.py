"""The garbage collector is left as it was found."""

import gc

import pytest

from striate.collector import held


@pytest.mark.parametrize("running", [True, False])
def test_held_leaves_the_collector_as_it_was(running: bool) -> None:
    before = gc.isenabled()
    try:
        (gc.enable if running else gc.disable)()
        with pytest.raises(ZeroDivisionError), held(), held():
            assert not gc.isenabled()
            raise ZeroDivisionError
        assert gc.isenabled() == running
    finally:
        (gc.enable if before else gc.disable)()
