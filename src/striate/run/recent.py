"""Values that take long to make, by key: those used last are held."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

from striate.values import integer

V = TypeVar("V")


class Recent(Generic[V]):
    """Values by key, ``most`` of those used last; older ones are dropped.

    >>> recent = Recent[object](1)
    >>> [recent.get(key, lambda: object()) is recent.get(key, lambda: object()) for key in "ab"], len(recent)
    ([True, True], 1)
    """

    def __init__(self, most: int) -> None:
        self.most = integer("most", most, 1)
        self._held: OrderedDict[Hashable, V] = OrderedDict()
        self._turns: WeakValueDictionary[Hashable, threading.Lock] = WeakValueDictionary()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """The value of a key, made where it is not held; what one thread makes the others wait for."""
        with self.turn(key):
            with self._lock:
                if key in self._held:
                    self._held.move_to_end(key)
                    return self._held[key]
            made = make()
            with self._lock:
                self._held[key] = made
                if len(self._held) > self.most:
                    self._held.popitem(last=False)
            return made

    def turn(self, key: Hashable) -> threading.Lock:
        """What lets one thread at a time work with a key."""
        with self._lock:
            found = self._turns.get(key)
            if found is None:
                self._turns[key] = found = threading.Lock()
            return found
