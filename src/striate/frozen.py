"""A dict that nobody can change, so that a value which holds one has a hash."""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class FrozenDict(dict[K, V]):
    """A dict that nobody can change: equal ones have equal hashes, whatever the order of their keys.

    >>> held = FrozenDict({"x": (1, 3)})
    >>> held, held == {"x": (1, 3)}, hash(held) == hash(FrozenDict(x=(1, 3)))
    ({'x': (1, 3)}, True, True)
    """

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenDict, (dict(self),)

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("a FrozenDict cannot be changed")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse
