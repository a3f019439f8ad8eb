"""Records the aten operators a module runs, on meta tensors, as nodes of a Graph."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from striate.errors import InputError, StriateError, UnsupportedError
from striate.network.relation import Shape
from striate.network.torch_reader.aten import CONSTANTS, label_of
from striate.network.torch_reader.call import HANDLERS, Call
from striate.network.torch_reader.graph import Graph
from striate.network.torch_reader.metas import META, Known, Metas, tensors_in
from striate.network.torch_reader.operators import Operator, operator
from striate.network.torch_reader.scopes import Scopes
from striate.network.torch_reader.values import Value

CPU = torch.device("cpu")
INDEXED = ("index", "index_put", "_unsafe_index", "_unsafe_index_put", "_index_put_impl")


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The module computes on meta tensors and on its own; its own are never written."""

    def __init__(self, graph: Graph, scopes: Scopes, unknown: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.graph, self.scopes, self.unknown = graph, scopes, unknown
        self.metas, self.known = Metas(), Known()
        self._values: dict[int, Value] = {}
        self._alive: list[Tensor] = []

    def input(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """A network input, as the tensor to give the module."""
        tensor = torch.empty(shape, dtype=dtype, device=META)
        self._keep(tensor, Value(shape, tensor.itemsize, self.graph.tensor(shape, tensor.itemsize), frozenset()))
        return tensor

    def parameter(self, tensor: Tensor) -> None:
        """Enter a learned tensor of the module."""
        self._keep(tensor, Value(tuple(tensor.shape), tensor.itemsize, None, frozenset((id(tensor),))))
        self.graph.sizes[id(tensor)] = tensor.numel()

    def _keep(self, tensor: Tensor, value: Value) -> None:
        self._values[id(tensor)] = value
        self._alive.append(tensor)

    def value_of(self, tensor: Tensor) -> Value:
        """The value of a tensor; one the recorder has not made is a constant."""
        value = self._values.get(id(tensor))
        if value is None:
            value = Value(tuple(tensor.shape), tensor.itemsize, None, frozenset())
            self._keep(tensor, value)
        return value

    def elements(self, tensor: Tensor) -> Tensor | None:
        """The elements of a constant where they are known."""
        root = self.value_of(tensor).root
        return self.known.elements(tensor) if root.source is None and root.version == 0 else None

    def __torch_dispatch__(
        self, func: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run one operator without arithmetic and record it."""
        op = operator(func)
        try:
            return self._run(func, op, args, kwargs or {})
        except StriateError as error:
            raise UnsupportedError(f"{self._where}: {func}: {error}") from error
        except NotImplementedError as error:
            raise UnsupportedError(f"{self._where}: {func} has an output whose size depends on data") from error
        except (RuntimeError, ValueError, IndexError) as error:
            shapes = ", ".join(str(tuple(t.shape)) for t in tensors_in((*args, *(kwargs or {}).values())))
            line = " ".join(str(error).split())
            raise InputError(f"{self._where}: {func} of {shapes}: {line}") from error

    @property
    def _where(self) -> str:
        return self.scopes.path or "the module itself"

    def _run(self, func: OpOverload, op: Operator, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        tensors = list(tensors_in((*args, *kwargs.values())))
        values = [self.value_of(tensor) for tensor in tensors]
        constant = all(value.constant for value in values)
        if op.key == "_local_scalar_dense":
            return self._item(tensors[0])
        if op.written:
            return self._write(func, op, args, kwargs, values if constant else None)
        if op.moves and tensors[0].device != META:
            raise UnsupportedError("it changes the shape of a tensor of the module in place")
        if constant and (op.sized_by_elements or (op.key == "_to_copy" and kwargs.get("device") == CPU)):
            found = self.elements(tensors[0])
            if found is not None:
                return func(found, *args[1:], **kwargs)
        if op.sized_by_elements:
            raise UnsupportedError("the shape of its result depends on the elements of a tensor")
        if op.key in INDEXED:
            args = self._without_masks(args)
        layout = (tensors[0].stride(), tensors[0].storage_offset()) if op.view is not None else None
        result = self.metas.run(func, args, kwargs, op.view is not None or op.random)
        made = [result] if isinstance(result, Tensor) else [t for t in result or () if isinstance(t, Tensor)]
        if op.view is not None:
            arguments = {**op.bind(args, kwargs), "layout": layout}
            self._take_views(op, arguments, values[0], made)
        elif constant or op.key in CONSTANTS:
            keys = frozenset[int]().union(*(value.parameters for value in values if constant))
            for tensor in made:
                self._keep(tensor, Value(tuple(tensor.shape), tensor.itemsize, None, keys))
        else:
            outputs = [_fresh(tensor) for tensor in made]
            self._translate(op, op.bind(args, kwargs), outputs)
            for tensor, value in zip(made, outputs, strict=True):
                self._keep(tensor, value)
        if constant and not op.random and not op.moves:
            self.known.learn(func, args, kwargs, made, False)
        return result

    def composite(self, key: str, arguments: dict[str, Any], shapes: list[Shape]) -> tuple[Tensor, ...]:
        """Record a function that is no operator, by the handler of its name."""
        like = next(tensors_in(arguments.values()))
        made = tuple(torch.empty(shape, dtype=like.dtype, device=META) for shape in shapes)
        outputs = [_fresh(tensor) for tensor in made]
        if any(not self.value_of(tensor).constant for tensor in tensors_in(arguments.values())):
            HANDLERS[key](self._call(key, arguments, outputs))
        for tensor, value in zip(made, outputs, strict=True):
            self._keep(tensor, value)
        return made

    def _without_masks(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments of an indexing operator with every mask turned to indices."""
        indices: list[Tensor | None] = []
        for index in args[1]:
            if index is None or index.dtype not in (torch.bool, torch.uint8):
                indices.append(index)
                continue
            found = self.elements(index)
            if found is None:
                raise UnsupportedError("the shape of its result depends on the elements of a mask")
            indices += found.nonzero().unbind(1)
        return (args[0], indices, *args[2:])

    def _item(self, tensor: Tensor) -> Any:
        found = self.elements(tensor)
        if found is None:
            what = "a value without elements" if self.value_of(tensor).constant else "data"
            raise UnsupportedError(f"control flow depends on {what} (.item(), bool() or int() of a tensor)")
        return found.item()

    def _call(self, key: str, arguments: dict[str, Any], outputs: list[Value]) -> Call:
        return Call(key, label_of(key), arguments, outputs, self.graph, self.value_of, self.elements)

    def _translate(self, op: Operator, arguments: dict[str, Any], outputs: list[Value]) -> None:
        call = self._call(op.key, arguments, outputs)
        try:
            if op.handler is None:
                raise UnsupportedError(f"no rule for operator {op.key!r}")
            op.handler(call)
        except UnsupportedError:
            if self.unknown == "refuse":
                raise
            data = [value for value in call.tensors() if not value.constant]
            call.emit_all("whole", data, shapes=tuple(output.shape for output in outputs))

    def _take_views(self, op: Operator, arguments: dict[str, Any], value: Value, made: list[Tensor]) -> None:
        assert op.view is not None
        if op.moves:
            value = Value(value.shape, value.item_bytes, self.graph.read(value), value.parameters)
            self._values[id(made[0])] = value
            self.known.forget(made[0])
        call = self._call(op.key, arguments, [_fresh(tensor) for tensor in made])
        for tensor, view, output in zip(made, op.view(call), call.outputs, strict=True):
            taken = value.take(view, output.shape, output.item_bytes, self.graph.call, call.label)
            self._keep(tensor, taken)

    def _write(
        self, func: OpOverload, op: Operator, args: Any, kwargs: dict[str, Any], constants: list[Value] | None
    ) -> Any:
        """An operator in place: its outputs become the new elements of the tensors it writes."""
        if op.key in INDEXED:
            args = self._without_masks(args)
        arguments = op.bind(args, kwargs)
        targets: list[Tensor] = [arguments[name] for name in op.written]
        if constants is not None:
            keys = frozenset[int]().union(*(value.parameters for value in constants))
            self.known.learn(func, args, kwargs, targets, True)
            for target in targets:
                self.value_of(target).root.learned |= keys
        else:
            outputs = [_fresh(target) for target in targets]
            if op.key not in CONSTANTS:
                self._translate(op, arguments, outputs)
            for target, output in zip(targets, outputs, strict=True):
                self.known.forget(target)
                self.graph.write(self.value_of(target), output.source)
        return targets[0] if len(targets) == 1 else tuple(targets)


def _fresh(tensor: Tensor) -> Value:
    return Value(tuple(tensor.shape), tensor.itemsize, None, frozenset())
