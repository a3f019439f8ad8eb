"""Running operators on tensors without values, and on the few small constants whose values matter."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

from striate.formats.torch.layouts import stated
from striate.formats.torch.memory import META, place_of

LARGEST_KNOWN = 1 << 20
LARGEST_LEARNED = 1 << 16


def tensors_in(items: Iterable[Any]) -> Iterator[Tensor]:
    """Every tensor among some arguments, lists opened."""
    for item in items:
        if isinstance(item, Tensor):
            yield item
        elif isinstance(item, list | tuple):
            yield from tensors_in(item)


class Metas:
    """Runs operators on meta tensors; the layout of a result is worked out once for equal arguments."""

    def __init__(self) -> None:
        self._twins: dict[Hashable, Tensor] = {}
        self._layouts: dict[Any, Any] = {}

    def run(self, func: OpOverload, args: Any, kwargs: dict[str, Any], fresh: bool) -> Any:
        """The operator's result on meta tensors; ``fresh`` where it shares memory with an argument."""
        if kwargs.get("device") is not None:
            kwargs = {**kwargs, "device": META}
        if kwargs.get("pin_memory"):
            kwargs = {**kwargs, "pin_memory": False}
        if fresh:
            return func(*self._twin(args), **self._twin(kwargs))
        key = (func, _key(args), _key(kwargs.values()), tuple(kwargs))
        if key not in self._layouts:
            layout = stated(func, args, kwargs)
            if layout is not None:
                self._layouts[key] = layout
                return _build(layout)
            result = func(*self._twin(args), **self._twin(kwargs))
            if isinstance(result, Tensor | list | tuple):
                self._layouts[key] = _layout(result)
            return result
        return _build(self._layouts[key])

    def _twin(self, item: Any) -> Any:
        if isinstance(item, Tensor):
            if item.device == META:
                return item
            place = place_of(item)
            if place not in self._twins:
                self._twins[place] = item.detach().to(META)
            return self._twins[place]
        if isinstance(item, list | tuple):
            return type(item)(self._twin(x) for x in item)
        if isinstance(item, dict):
            return {name: self._twin(x) for name, x in item.items()}
        return item


def _key(item: Any) -> Any:
    if isinstance(item, Tensor):
        return item.shape, item.stride(), item.dtype
    if isinstance(item, int | float):
        return type(item), item
    if isinstance(item, Iterable) and not isinstance(item, str):
        return tuple(_key(x) for x in item)
    return item


def _layout(result: Any) -> Any:
    if isinstance(result, Tensor):
        return result.shape, result.stride(), result.dtype
    return [None if item is None else _layout(item) for item in result]


def _build(layout: Any) -> Any:
    if isinstance(layout, tuple):
        shape, stride, dtype = layout
        return torch.empty_strided(shape, stride, dtype=dtype, device=META)
    return [None if item is None else _build(item) for item in layout]


class Known:
    """The elements of small constants, computed beside the recording; the module's own tensors are only copied."""

    def __init__(self) -> None:
        self._elements: dict[Hashable, Tensor | None] = {}

    def elements(self, tensor: Tensor, largest: int) -> Tensor | None:
        """The elements of a constant, None where they are not known; tensors above a size are not copied."""
        key = place_of(tensor)
        if key not in self._elements:
            small = tensor.device.type == "cpu" and tensor.numel() <= largest
            self._elements[key] = tensor.detach().clone() if small else None
        return self._elements[key]

    def at(self, place: Hashable) -> Tensor | None:
        """The elements that are known of what stands at a place."""
        return self._elements.get(place)

    def enter(self, tensor: Tensor, elements: Tensor) -> None:
        """The elements of a constant."""
        self._elements[place_of(tensor)] = elements

    def forget(self, tensor: Tensor) -> None:
        """The elements have become data."""
        self._elements[place_of(tensor)] = None

    def learn(
        self, func: OpOverload, args: Any, kwargs: dict[str, Any], made: list[Tensor], written: bool, largest: int
    ) -> None:
        """Run an operator whose tensors are all constants, where their elements are known and few."""
        found: Any = None
        small = all(tensor.numel() <= largest for tensor in made)
        given = tensors_in((*args, *kwargs.values()))
        if small and all(self.elements(tensor, largest) is not None for tensor in given):
            if kwargs.get("device") is not None:
                kwargs = {**kwargs, "device": torch.device("cpu")}
            found = func(*self._known(args), **{name: self._known(x) for name, x in kwargs.items()})
        if written and found is not None:
            return
        results = list(tensors_in((found,)))
        for k, tensor in enumerate(made):
            self._elements[place_of(tensor)] = results[k] if results else None

    def _known(self, item: Any) -> Any:
        if isinstance(item, Tensor):
            return self._elements[place_of(item)]
        if isinstance(item, list | tuple):
            return type(item)(self._known(x) for x in item)
        return item
