"""The untouched torch module: run as its user runs it, in eval mode; left as it was found.

Nothing is attached to the module: what its submodules give is seen by a hook that torch holds for all modules.
"""

from __future__ import annotations

import random as python_random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

from striate.check.noise import UnusableError
from striate.fields import Unit
from striate.formats.given import NOTHING, Given
from striate.formats.torch.calling import call
from striate.formats.torch.reader import dtype_of
from striate.formats.torch.untouched import scripts_in_eval

Shape = tuple[int, ...]
SEED = 0
CONTAINERS = (dict, list, set)


class _ReachedError(BaseException):
    """Every unit asked for is known; no module's own handler takes it for a failure."""


class TorchRun:
    """Runs of a module on some threads; ``values`` answers with the values of some units of submodules' outputs."""

    def __init__(
        self,
        module: nn.Module,
        inputs: Mapping[str, Shape],
        source: str,
        threads: int = 1,
        given: Given = NOTHING,
    ) -> None:
        self._given = given
        self._module, self._source, self._threads = module, source, threads
        like = next((p for p in module.parameters() if p.is_floating_point()), torch.zeros(()))
        self._kind, self._device = like.dtype, like.device
        self.dtype: np.dtype[np.generic] = np.dtype(np.float64 if like.dtype == torch.float64 else np.float32)
        made = torch.Generator().manual_seed(SEED)
        self._images = {name: self._placed(name, torch.rand(shape, generator=made)) for name, shape in inputs.items()}
        self._paths = {id(part): path for path, part in module.named_modules()}

    def _placed(self, name: str, image: Tensor) -> Tensor:
        return image.to(self._device, dtype_of(self._given, name, self._kind))

    def sees(self, layer: str) -> bool:
        """Whether runs show a layer's values, as they do of every submodule and of the module's own results."""
        return True

    def values(self, image: NDArray[Any], units: Sequence[Unit]) -> list[NDArray[Any]]:
        """A run with ``image`` as the source: all batches and channels of each unit, empty where it has none.

        It ends at the last submodule asked for.
        """
        found: dict[int, NDArray[Any]] = {}
        wanted: dict[str, list[int]] = {}
        for k, unit in enumerate(units):
            wanted.setdefault(unit.layer, []).append(k)

        def take(path: str, output: Any) -> None:
            for k in wanted.get(path, ()) if isinstance(output, Tensor) else ():
                found[k] = _values(output, units[k].at)

        def hook(part: nn.Module, _arguments: Any, output: Any) -> None:
            path = self._paths.get(id(part))
            if path:
                take(path, output)
            if len(found) == len(units):
                raise _ReachedError

        placed = self._placed(self._source, torch.from_numpy(np.ascontiguousarray(image)))
        images = {**self._images, self._source: placed}
        with as_found(self._module), _steady(self._threads), torch.no_grad():
            handle = register_module_forward_hook(hook)
            result = None
            try:
                result = call(self._module, {**images, **self._given.values})
            except _ReachedError:
                pass
            except Exception as error:
                line = " ".join(str(error).split()) or type(error).__name__
                raise UnusableError(f"it fails on noise: {line}") from error
            finally:
                handle.remove()
        for name, tensor in result.items() if isinstance(result, Mapping) else [("output", result)]:
            if name not in self._paths.values():
                take(name, tensor)
        return [found.get(k, np.zeros(0)) for k in range(len(units))]


def _values(output: Tensor, at: tuple[int, ...]) -> NDArray[Any]:
    """A unit's values, exact in double precision."""
    part = output.detach()[(slice(None),) * (output.dim() - len(at)) + at].cpu()
    return (torch.view_as_real(part) if part.is_complex() else part).double().numpy()


@contextmanager
def _steady(count: int) -> Iterator[None]:
    """So many threads, no algorithm that lets far pixels into the rounding, one seed for every run; then as before."""
    threads, numbers, python = torch.get_num_threads(), np.random.get_state(), python_random.getstate()
    fast = torch.backends.mha.get_fastpath_enabled()
    packed = torch.backends.nnpack.set_flags(False)
    try:
        with torch.random.fork_rng():
            torch.set_num_threads(count)
            torch.backends.mha.set_fastpath_enabled(False)
            torch.manual_seed(SEED)
            np.random.seed(SEED)
            python_random.seed(SEED)
            yield
    finally:
        torch.backends.nnpack.set_flags(*packed)
        torch.backends.mha.set_fastpath_enabled(fast)
        torch.set_num_threads(threads)
        np.random.set_state(numbers)
        python_random.setstate(python)


@contextmanager
def as_found(module: nn.Module) -> Iterator[None]:
    """In eval mode while open; then every submodule has the attributes, and they the contents, that they had."""
    parts = list(module.modules())
    attributes = [dict(part.__dict__) for part in parts]
    containers = [(item, item.copy()) for had in attributes for item in had.values() if isinstance(item, CONTAINERS)]
    tensors = [(tensor, tensor.detach().clone()) for tensor in _written_to(attributes, containers)]
    for part in parts:
        part.__dict__["training"] = False
    try:
        with scripts_in_eval(parts):
            yield
    finally:
        for part, had in zip(parts, attributes, strict=True):
            part.__dict__.clear()
            part.__dict__.update(had)
        for container, content in containers:
            container.clear()
            container.extend(content) if isinstance(container, list) else container.update(content)
        with torch.no_grad():
            for tensor, copy in tensors:
                if not torch.equal(tensor, copy):
                    tensor.copy_(copy)


def _written_to(attributes: Sequence[Mapping[str, Any]], containers: Sequence[tuple[Any, Any]]) -> list[Tensor]:
    """The tensors that a forward might write to: buffers, and attributes alone or in a container."""
    items = [item for had in attributes for item in had.values()]
    for _, copy in containers:
        items += copy.values() if isinstance(copy, dict) else copy
    found = {id(item): item for item in items if isinstance(item, Tensor) and not isinstance(item, nn.Parameter)}
    return list(found.values())
