"""What is held by key: made once, side by side with others, the oldest dropped."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from striate.run.recent import Recent


def test_a_key_is_made_once_for_all_threads() -> None:
    made: list[int] = []
    recent: Recent[int] = Recent(3)

    def make() -> int:
        made.append(1)
        return len(made)

    with ThreadPoolExecutor(16) as pool:
        found = set(pool.map(lambda _: recent.get("key", make), range(200)))
    assert found == {1}
    assert len(made) == 1


def test_other_keys_are_made_meanwhile() -> None:
    both = Barrier(2, timeout=20)
    recent: Recent[int] = Recent(3)
    with ThreadPoolExecutor(2) as pool:
        found = [pool.submit(recent.get, key, both.wait) for key in "ab"]
        assert sorted(one.result() for one in found) == [0, 1]


def test_what_fails_is_made_again_and_the_oldest_is_dropped() -> None:
    recent: Recent[str] = Recent(2)
    with pytest.raises(KeyError):
        recent.get("a", lambda: dict[str, str]()["nothing"])
    assert recent.get("a", lambda: "made") == "made"
    recent.get("b", lambda: "b")
    recent.get("a", lambda: "never")
    recent.get("c", lambda: "c")
    assert [recent.get(key, lambda: "anew") for key in "ab"] == ["made", "anew"]
