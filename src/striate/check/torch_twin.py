"""The twin of a torch module: beside the module's own run, the same operators on positive float64 tensors.

The module runs once, as it is, in eval mode on its own weights; every operator torch dispatches is done again
with weights of one on a twin of each tensor that depends on the input. The gradient of a unit's twin is nonzero
exactly on the pixels the unit reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from weakref import ReferenceType, ref

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.nn.modules.module import register_module_forward_hook
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.weak import WeakIdKeyDictionary

from striate.check.torch_call import APART, Call
from striate.check.torch_masks import HANDED_ON, SOFT
from striate.check.torch_rules import rewrite
from striate.check.torch_run import as_found
from striate.errors import UnsupportedError
from striate.formats.given import NOTHING, Given
from striate.formats.torch.calling import call
from striate.formats.torch.reader import dtype_of
from striate.network.relation import Shape

WRITES = frozenset(("copy", "fill", "zero"))
FRESH = frozenset(("empty_like", "zeros_like", "ones_like", "full_like", "rand_like", "randn_like", "zero", "fill"))


class TwinMode(TorchDispatchMode):
    """Runs every operator as it is, and its twin on what depends on the source."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.twins: Any = WeakIdKeyDictionary()
        self.sparse: Any = WeakIdKeyDictionary()
        self.learned: Any = WeakIdKeyDictionary()
        self._memory: dict[int, list[ReferenceType[Tensor]]] = {}

    def __torch_dispatch__(
        self, func: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        leaves = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        again = [leaf for leaf in leaves if leaf not in self.twins and self._found_again(func, leaf)]
        tainted = tuple(self.twins[leaf] for leaf in leaves if leaf in self.twins)
        result = func(*args, **kwargs)
        outputs = tuple(leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor))
        name = _plain(func)
        part = name in WRITES and func._schema.is_mutable and args[0]._is_view()
        if part and (tainted or args[0]._base in self.twins):
            self._write(func, args[0], args[1] if name == "copy" else None)
        elif name in FRESH or name.startswith("new_"):
            for output in outputs:
                self.twins.pop(output, None)
        elif tainted and outputs:
            call = self._call(func, name, args, kwargs, tainted, outputs)
            if again and func._schema.is_mutable and len(tainted) > 1:
                raise call.refusal("it writes image data through a second name of the same memory")
            with torch.inference_mode(False), torch.enable_grad():
                for output, twin in zip(outputs, rewrite(call), strict=True):
                    self.follow(output, twin)
        self._mark(name, leaves, outputs, bool(tainted))
        return result

    def _write(self, func: OpOverload, view: Tensor, source: Any) -> None:
        """Write the twin of ``source`` into that of the tensor that ``view`` shows a part of; its views follow."""
        base = view._base
        if base is None or not base.is_contiguous():
            raise UnsupportedError(f"check has no twin for {func}: it writes image data through a view of a view")
        found = self._twin(source) if isinstance(source, Tensor) and source in self.twins else None
        before = self.twins.get(base)
        with torch.inference_mode(False), torch.enable_grad():
            written = torch.zeros(view.shape, dtype=torch.float64) if found is None else found.expand(view.shape)
            whole = torch.zeros(base.shape, dtype=torch.float64) if before is None else before
            flat = whole.reshape(-1).index_copy(0, _within(view, base).reshape(-1), written.reshape(-1))
            shown = [entry() for entry in self._memory.get(_place(base) or 0, ())]
            self.follow(base, flat.reshape(base.shape))
            for other in (view, *shown):
                if other is not None and other is not base:
                    self.follow(other, flat[_within(other, base)])

    def _mark(self, name: str, leaves: list[Tensor], outputs: tuple[Tensor, ...], tainted: bool) -> None:
        """Note what is made of parameters, and which real tensors hold zeros that masks made."""
        if not tainted:
            made = any(isinstance(leaf, nn.Parameter) or leaf in self.learned for leaf in leaves)
            for output in outputs if made else ():
                self.learned[output] = True
        elif name in SOFT or (name in HANDED_ON and any(leaf in self.sparse for leaf in leaves)):
            for output in outputs:
                self.sparse[output] = True

    def follow(self, tensor: Tensor, twin: Tensor) -> None:
        """Take ``twin`` for what stands for ``tensor``."""
        self.twins[tensor] = twin
        place = _place(tensor)
        if place is not None:
            alive = [known for known in self._memory.get(place, ()) if known() is not None]
            self._memory[place] = [*alive, ref(tensor)]

    def _found_again(self, func: OpOverload, leaf: Tensor) -> bool:
        """Whether a tensor no operator made lies where one that carries image data does; it then has its twin."""
        place = _place(leaf)
        known = [tensor for entry in self._memory.get(place or 0, ()) if (tensor := entry()) is not None]
        known = [tensor for tensor in known if _place(tensor) == place and tensor in self.twins]
        same = [tensor for tensor in known if _form(tensor) == _form(leaf)]
        if same:
            self.twins[leaf] = self.twins[same[-1]]
        elif known:
            raise UnsupportedError(
                f"check has no twin for {func}: it reads image data in shape {tuple(leaf.shape)}, "
                "which no operator was seen to make"
            )
        return bool(same)

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
        real = {**given, **kwargs}
        twins = frozenset(map(id, tainted))
        call = Call(func, name, arguments, tainted, twins, outputs, real, self.sparse, self.learned)
        if func._schema.is_mutable and given and isinstance(args[0], Tensor):
            others = [twin for twin in tainted if twin is not self.twins.get(args[0])]
            if args[0]._is_view() and others:
                raise call.refusal("it writes image data through a view")
        return call

    def _twin(self, item: Any) -> Any:
        return self.twins.get(item, item) if isinstance(item, Tensor) else item


def _within(view: Tensor, base: Tensor) -> Tensor:
    """The place in memory of each element of a view, counted from the beginning of what it shows a part of."""
    offset = int(view.storage_offset() - base.storage_offset())
    return torch.arange(base.numel()).as_strided(view.shape, view.stride(), offset)


def _place(tensor: Tensor) -> int | None:
    """Where a tensor's memory begins; None where it has none."""
    try:
        return tensor.untyped_storage().data_ptr() or None
    except (NotImplementedError, RuntimeError):
        return None


def _form(tensor: Tensor) -> tuple[Any, ...]:
    return tensor.storage_offset(), tuple(tensor.shape), tuple(tensor.stride()), tensor.dtype


def _plain(func: OpOverload) -> str:
    """The operator's name without the underscore of the form that writes in place."""
    name: str = func.overloadpacket.__name__
    return name[:-1] if name.endswith("_") and not name.endswith("__") else name


class TorchTwin:
    """One run of a module beside its twin; ``outputs`` maps each submodule's path to the twin of its output.

    Submodules that ran more than once, or gave no tensor, are left out; the module's own result stands last, as
    ``output`` or by its keys.
    """

    def __init__(self, module: nn.Module, inputs: Mapping[str, Shape], source: str, given: Given = NOTHING) -> None:
        self.outputs: dict[str, Tensor] = {}
        self.passes = 1
        self._source = torch.ones(inputs[source], dtype=torch.float64, requires_grad=True)
        like = next((p for p in module.parameters() if p.is_floating_point()), torch.zeros(()))
        images = {
            name: torch.full(shape, 0.5, device=like.device).to(dtype_of(given, name, like.dtype))
            for name, shape in inputs.items()
        }
        if not (images[source].is_floating_point() or images[source].is_complex()):
            kind = str(images[source].dtype).removeprefix("torch.")
            raise UnsupportedError(f"check lights pixels, and {source!r} holds {kind}: check the part behind it")
        mode, calls = TwinMode(), Counter[str]()
        mode.follow(images[source], self._source)

        paths = {id(part): path for path, part in module.named_modules()}

        def keep(part: nn.Module, _arguments: Any, output: Any) -> None:
            path = paths.get(id(part), "")
            calls[path] += 1
            if path and isinstance(output, Tensor) and output in mode.twins:
                self.outputs[path] = mode.twins[output]

        handle = register_module_forward_hook(keep)
        try:
            with torch.no_grad(), torch.random.fork_rng(devices=[]), as_found(module), mode:
                result = call(module, {**images, **given.values})
        finally:
            handle.remove()
        for path in [path for path in self.outputs if calls[path] != 1]:
            del self.outputs[path]
        for name, tensor in result.items() if isinstance(result, Mapping) else [("output", result)]:
            if isinstance(tensor, Tensor) and tensor in mode.twins:
                self.outputs.setdefault(name, mode.twins[tensor])

    def reads(self, path: str, at: Sequence[int], axes: Sequence[int], *, local: bool = False) -> NDArray[np.bool_]:
        """The source's pixels (over its spatial ``axes``) that one unit of a submodule's output reads.

        ``local`` leaves out what passes through a reduction of an axis behind the channels.
        """
        output = self.outputs[path]
        unit = output[(slice(None),) * (output.dim() - len(at)) + tuple(at)].sum()
        before = APART.set(local)
        try:
            return self._reached(unit, axes)
        finally:
            APART.reset(before)

    def reads_of(self, path: str, axes: Sequence[int], units: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The source's pixels that any of some units reads, which a mask over the output's units names."""
        return self._reached((self.outputs[path] * torch.from_numpy(units)).sum(), axes)

    def _reached(self, unit: Tensor, axes: Sequence[int]) -> NDArray[np.bool_]:
        self.passes += 1
        (gradient,) = torch.autograd.grad(unit, self._source, retain_graph=True, allow_unused=True)
        if gradient is None:
            return np.zeros([self._source.shape[axis] for axis in axes], dtype=np.bool_)
        others = tuple(axis for axis in range(gradient.dim()) if axis not in axes)
        found: NDArray[np.bool_] = (gradient.numpy() != 0).any(axis=others)
        return found
