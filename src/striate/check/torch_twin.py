"""The twin of a torch module: beside the module's own run, the same operators on positive float64 tensors.

The module runs once, as it is, in eval mode on its own weights; every operator torch dispatches is done again
with weights of one on a twin of each tensor that depends on the input. The gradient of a unit's twin is nonzero
exactly on the pixels the unit reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from inspect import signature
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.weak import WeakIdKeyDictionary

from striate.check.torch_rules import Call, rewrite
from striate.network.relation import Shape

FRESH = frozenset(("empty_like", "zeros_like", "ones_like", "full_like", "rand_like", "randn_like", "zero", "fill"))


class TwinMode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Runs every operator as it is, and its twin on what depends on the source."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.twins: Any = WeakIdKeyDictionary()

    def __torch_dispatch__(
        self, func: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        leaves = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        tainted = tuple(self.twins[leaf] for leaf in leaves if leaf in self.twins)
        result = func(*args, **kwargs)
        outputs = tuple(leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor))
        name = _plain(func)
        if name in FRESH or name.startswith("new_"):
            for output in outputs:
                self.twins.pop(output, None)
        elif tainted and outputs:
            call = self._call(func, name, args, kwargs, tainted, outputs)
            with torch.inference_mode(False), torch.enable_grad():
                for output, twin in zip(outputs, rewrite(call), strict=True):
                    self.twins[output] = twin
        return result

    def _call(
        self,
        func: OpOverload,
        name: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        tainted: tuple[Tensor, ...],
        outputs: tuple[Tensor, ...],
    ) -> Call:
        given = dict(zip((argument.name for argument in func._schema.arguments), args, strict=False))
        arguments = tree_map(lambda item: self._twin(item), {**given, **kwargs})
        call = Call(func, name, arguments, tainted, frozenset(map(id, tainted)), outputs)
        if func._schema.is_mutable and given and isinstance(args[0], Tensor):
            others = [twin for twin in tainted if twin is not self.twins.get(args[0])]
            if args[0]._is_view() and others:
                raise call.refusal("it writes image data through a view")
        return call

    def _twin(self, item: Any) -> Any:
        return self.twins.get(item, item) if isinstance(item, Tensor) else item


def _plain(func: OpOverload) -> str:
    """The operator's name without the underscore of the form that writes in place."""
    name: str = func.overloadpacket.__name__
    return name[:-1] if name.endswith("_") and not name.endswith("__") else name


class TorchTwin:
    """One run of a module beside its twin; ``outputs`` maps each submodule's path to the twin of its output.

    Submodules that ran more than once, or gave no tensor, are left out; the module's own result stands last, as
    ``output`` or by its keys.
    """

    def __init__(self, module: nn.Module, inputs: Mapping[str, Shape], source: str) -> None:
        self.outputs: dict[str, Tensor] = {}
        self._source = torch.zeros(inputs[source], dtype=torch.float64, requires_grad=True)
        like = next((p for p in module.parameters() if p.is_floating_point()), torch.zeros(()))
        images = {name: torch.full(shape, 0.5, dtype=like.dtype, device=like.device) for name, shape in inputs.items()}
        mode, calls = TwinMode(), Counter[str]()
        mode.twins[images[source]] = self._source

        def keep(path: str) -> Callable[..., None]:
            def hook(_module: nn.Module, _arguments: Any, output: Any) -> None:
                calls[path] += 1
                if path and isinstance(output, Tensor) and output in mode.twins:
                    self.outputs[path] = mode.twins[output]

            return hook

        by_name = inputs.keys() <= signature(module.forward).parameters.keys()
        with torch.no_grad(), torch.random.fork_rng(devices=[]), _evaluated(module, keep), mode:
            result = module(**images) if by_name else module(*images.values())
        for path in [path for path in self.outputs if calls[path] != 1]:
            del self.outputs[path]
        for name, tensor in (result.items() if isinstance(result, Mapping) else [("output", result)]):
            if isinstance(tensor, Tensor) and tensor in mode.twins:
                self.outputs.setdefault(name, mode.twins[tensor])

    def reads(self, path: str, at: Sequence[int], axes: Sequence[int]) -> NDArray[np.bool_]:
        """The source's pixels (over its spatial ``axes``) that one unit of a submodule's output reads."""
        output = self.outputs[path]
        unit = output[(slice(None),) * (output.dim() - len(at)) + tuple(at)].sum()
        (gradient,) = torch.autograd.grad(unit, self._source, retain_graph=True, allow_unused=True)
        if gradient is None:
            return np.zeros([self._source.shape[axis] for axis in axes], dtype=np.bool_)
        others = tuple(axis for axis in range(gradient.dim()) if axis not in axes)
        found: NDArray[np.bool_] = (gradient.numpy() != 0).any(axis=others)
        return found


@contextmanager
def _evaluated(module: nn.Module, keep: Callable[[str], Callable[..., None]]) -> Iterator[None]:
    """The module in eval mode with a hook on each submodule; left as it was."""
    modes = {part: part.training for part in module.modules()}
    hooks = [part.register_forward_hook(keep(path)) for path, part in module.named_modules()]
    try:
        module.eval()
        yield
    finally:
        for hook in hooks:
            hook.remove()
        for part, training in modes.items():
            part.training = training
