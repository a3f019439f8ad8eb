"""A torch module run as its user runs it, in eval mode, and left as it was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

from striate.errors import InputError
from striate.formats.model import Model
from striate.formats.torch.calling import call
from striate.formats.torch.module import TorchModule
from striate.formats.torch.reader import dtype_of, own_dtype
from striate.formats.torch.scopes import tensors_of
from striate.formats.torch.untouched import untouched
from striate.names import did_you_mean
from striate.network import Network
from striate.run.runner import Array, checked_feeds
from striate.values import items


class _ReachedError(BaseException):
    """Every layer asked for is known; no module's own handler takes it for a failure."""


class TorchRunner:
    """A module in torch; its layers are those that submodules give, and its own results.

    >>> from striate.formats.model import Model
    >>> model = Model(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()), (1, 1, 8, 8))
    >>> TorchRunner(model).run({"input": np.ones((1, 1, 8, 8))}, ["0"])["0"].shape
    (1, 2, 6, 6)
    """

    name = "torch"

    def __init__(self, model: Model) -> None:
        if not isinstance(model.source, TorchModule):
            raise InputError(f"{model.name} is a {model.kind} model; torch runs modules")
        network: Network = model.network
        self._module, self.network, self._given = model.source.module, network, model.given
        self._paths = {id(part): path for path, part in self._module.named_modules() if path in network.layers}
        self._by_tensor = dict.fromkeys(network.outputs, "")
        self._by_tensor |= {network.tensor(path): path for path in self._paths.values()}
        self._calls: Counter[str] = Counter()

    def run(self, feeds: Mapping[str, Array], layers: Sequence[str] = ()) -> dict[str, Array]:
        """The tensors of some layers; see ``Runner.run``. InputError for a layer that no submodule gives, too."""
        wanted = {layer: self._path(layer) for layer in items("layers", layers) or self.network.outputs}
        made, results = self._ran(checked_feeds(self.network, feeds), set(wanted.values()))
        ends = {self.network.layers[name]: value for name, value in results.items() if name in self.network.layers}
        return {layer: made[path] if path else ends[self.network.tensor(layer)] for layer, path in wanted.items()}

    def _path(self, layer: str) -> str:
        """The submodule that gives a layer's tensor; empty for the module itself."""
        path = self._by_tensor.get(self.network.tensor(layer))
        if path is None:
            known = list(self._paths.values())
            raise InputError(
                f"{layer!r} is made between submodules, and torch shows what these give{did_you_mean(layer, known)}"
            )
        return path

    def _ran(self, feeds: Mapping[str, Array], wanted: set[str]) -> tuple[dict[str, Array], dict[str, Array]]:
        """What the last call of each submodule gives, and the module's own results where it runs to its end.

        It need not once a whole run has told how often each is called.
        """
        made: dict[str, Array] = {}
        calls: Counter[str] = Counter()
        stops = bool(self._calls) and "" not in wanted

        def hook(part: nn.Module, _arguments: Any, output: Any) -> None:
            path = self._paths.get(id(part), "")
            calls[path] += 1
            if path and path in wanted:
                first = next((tensor for _, tensor in tensors_of(output)), None)
                if first is not None:
                    made[path] = _array(first.clone())
                if stops and all(calls[name] == self._calls[name] for name in wanted):
                    raise _ReachedError

        images = {name: self._placed(name, value) for name, value in feeds.items()}
        with untouched(self._module), torch.no_grad():
            handle = register_module_forward_hook(hook)
            try:
                result = call(self._module, {**images, **self._given.values})
            except _ReachedError:
                return made, {}
            except Exception as error:
                shapes = ", ".join(f"{name} of shape {value.shape}" for name, value in feeds.items())
                line = " ".join(str(error).split()) or type(error).__name__
                raise InputError(f"the module fails on {shapes}: {line}") from error
            finally:
                handle.remove()
        self._calls = calls
        named = isinstance(result, Mapping)
        ends = {key if named else f"output.{key}" if key else "output": tensor for key, tensor in tensors_of(result)}
        return made, {name: _array(tensor) for name, tensor in ends.items()}

    def _placed(self, name: str, value: Array) -> Tensor:
        like = next(self._module.parameters(), torch.zeros(()))
        kind = dtype_of(self._given, name, own_dtype(self._module))
        return torch.from_numpy(np.ascontiguousarray(value)).to(like.device, kind)


def _array(tensor: Tensor) -> Array:
    return np.asarray(tensor.detach().numpy(force=True))
