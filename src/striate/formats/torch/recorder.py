"""Records the aten operators a module runs, on meta tensors, as nodes of a Graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from striate.errors import InputError, StriateError, UnsupportedError
from striate.formats.torch.aten import CONSTANTS, label_of
from striate.formats.torch.call import HANDLERS, Call
from striate.formats.torch.fixed import fixed_of, masked_weights
from striate.formats.torch.graph import Graph
from striate.formats.torch.memory import META, Memory
from striate.formats.torch.metas import LARGEST_KNOWN, LARGEST_LEARNED, Known, Metas, tensors_in
from striate.formats.torch.misfits import misfit
from striate.formats.torch.operators import Operator, operator
from striate.formats.torch.scopes import Scopes
from striate.formats.torch.values import Fixed, Value
from striate.formats.torch.zeros import filled, lit_by, root_after, settle
from striate.formats.unknown import Unknown
from striate.network.operators import Everything
from striate.network.relation import Shape

CPU = torch.device("cpu")
BEFORE = "; read the part of the model before it"
INDEXED = ("index", "index_put", "_unsafe_index", "_unsafe_index_put", "_index_put_impl")


class Recorder(TorchDispatchMode):
    """The module computes on meta tensors and on its own; its own are never written."""

    def __init__(self, graph: Graph, scopes: Scopes, memory: Memory, unknown: Unknown) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.graph, self.scopes, self.memory, self.unknown = graph, scopes, memory, unknown
        self.metas, self.known = Metas(), Known()
        self.refused: StriateError | None = None

    def input(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """A network input, as the tensor to give the module."""
        tensor = torch.empty(shape, dtype=dtype, device=META)
        self.memory.keep(tensor, Value(shape, tensor.itemsize, self.graph.tensor(shape, tensor.itemsize), frozenset()))
        return tensor

    def stored(self, name: str, tensor: Tensor) -> None:
        """Enter a parameter or buffer of the module by its path."""
        value = self.memory.value(tensor)
        if value.parent is None:
            value.name = value.name or name

    def parameter(self, tensor: Tensor) -> None:
        """Enter a learned tensor of the module."""
        self.memory.value(tensor).root.learned |= {id(tensor)}
        self.graph.sizes[id(tensor)] = tensor.numel()

    def number(self, tensor: Tensor) -> int | None:
        """The number of a tensor as it is now; None for a constant and for what no operator seen here has made."""
        try:
            value = self.memory.known(tensor)
            return None if value is None else self.graph.read(value)
        except StriateError as error:
            raise self._refused(error) from error

    def result(self, tensor: Tensor) -> int | None:
        """The number of a tensor that the module returns, None for a constant."""
        self.memory.near()
        try:
            return self.graph.read(self.memory.value(tensor))
        except StriateError as error:
            raise self._refused(error) from error

    def elements(self, tensor: Tensor) -> Tensor | None:
        """The elements of a constant where they are known."""
        root = self.memory.value(tensor).root
        if root.source is not None or root.version:
            return None
        return self.known.elements(tensor, LARGEST_LEARNED if root.learned else LARGEST_KNOWN)

    def outside(self, tensor: Tensor, way: str) -> Tensor:
        """The elements of a constant that leave torch; refused where they are not known."""
        self.memory.near()
        found = self.elements(tensor)
        if found is None and not (way == "__reduce_ex__" and self.memory.value(tensor).constant):
            error = UnsupportedError(f"a tensor leaves torch by Tensor.{way}, and striate reads without values{BEFORE}")
            raise self._refused(error)
        return tensor if found is None else found

    def placed(self, error: StriateError) -> StriateError:
        """A refusal with the place where the module is."""
        return self._refused(error)

    def close(self) -> None:
        """The module has run: raise what it caught of our refusals, and what it did where nothing is seen."""
        if self.refused is not None:
            raise self.refused
        self.memory.check()

    def __torch_dispatch__(
        self, func: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run one operator without arithmetic and record it."""
        kwargs = kwargs or {}
        tensors = list(tensors_in((*args, *kwargs.values())))
        if types and any(self._opens(tensor) for tensor in tensors):
            return NotImplemented
        self.memory.near()
        with torch._C.DisableTorchFunctionSubclass():
            try:
                return self._run(func, operator(func), args, kwargs, tensors)
            except (StriateError, NotImplementedError, RuntimeError, ValueError, IndexError) as error:
                raise self._refused(error, func, tensors) from error

    def _opens(self, tensor: Tensor) -> bool:
        """Whether a tensor only wraps others, which its class runs the operator on."""
        wraps = type(tensor).__torch_dispatch__ is not Tensor.__torch_dispatch__
        return wraps and tensor.is_meta and not self.memory.knows(tensor)

    def _refused(
        self, error: Exception, func: OpOverload | None = None, tensors: Sequence[Tensor] = ()
    ) -> StriateError:
        """The error with the place where the module is; the first is remembered, as the module might catch it."""
        where = self.scopes.path or "the module itself"
        where = f"{where}: {func}" if func else where
        found: StriateError
        if isinstance(error, StriateError):
            found = UnsupportedError(f"{where}: {error}")
        elif isinstance(error, NotImplementedError):
            found = UnsupportedError(f"{where} {_unshaped(func)}")
        else:
            shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors)
            rule = misfit(operator(func).key, tensors) if func is not None else ""
            found = InputError(f"{where} of {shapes}: {rule or ' '.join(str(error).split())}")
        self.refused = self.refused or found
        return found

    def _run(
        self, func: OpOverload, op: Operator, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[Tensor]
    ) -> Any:
        if op.key == "lift_fresh":
            self.memory.own(tensors[0])
        if op.key == "set":
            raise UnsupportedError("it puts a tensor on the memory of another")
        values = [self.memory.value(tensor) for tensor in tensors]
        constant = all(value.constant for value in values)
        if op.key == "_local_scalar_dense":
            return self._item(tensors[0])
        if op.written:
            return self._write(func, op, args, kwargs, values if constant else None)
        if op.moves:
            return self._move(func, op, args, kwargs, values[0])
        if constant and (op.sized_by_elements or (op.key == "_to_copy" and kwargs.get("device") == CPU)):
            found = self.elements(tensors[0])
            if found is not None:
                return func(found, *args[1:], **kwargs)
        if op.sized_by_elements:
            raise UnsupportedError(f"the shape of its result depends on the elements of a tensor{BEFORE}")
        if op.key in INDEXED:
            args = self._without_masks(args)
        arguments = op.bind(args, kwargs)
        if op.view is not None:
            arguments["layout"] = tensors[0].stride(), tensors[0].storage_offset()
        result = self.metas.run(func, args, kwargs, op.view is not None or op.random)
        made = [result] if isinstance(result, Tensor) else list(tensors_in((result,)))
        if not made:
            return result
        if op.view is not None:
            self._take_views(op, arguments, values[0], tensors[0], made)
        elif constant or op.key in CONSTANTS:
            keys = frozenset[int]().union(*(value.parameters for value in values if constant))
            for tensor in made:
                value = Value(tuple(tensor.shape), tensor.itemsize, None, keys)
                value.fixed = masked_weights(self._call(op.key, arguments, [])) if keys and op.key == "mul" else None
                filled(op.key, value)
                self.memory.keep(tensor, value)
        else:
            outputs = [_fresh(tensor) for tensor in made]
            self._translate(op, arguments, outputs)
            for tensor, value in zip(made, outputs, strict=True):
                self.memory.keep(tensor, value)
        if constant and not op.random:
            largest = LARGEST_LEARNED if any(value.parameters for value in values) else LARGEST_KNOWN
            self.known.learn(func, args, kwargs, made, False, largest)
        return result

    def composite(
        self, key: str, arguments: dict[str, Any], shapes: list[Shape], dtype: torch.dtype | None = None
    ) -> tuple[Tensor, ...]:
        """Record a function that is no operator, by the handler of its name."""
        self.memory.near()
        like = next(tensors_in(arguments.values()))
        made = tuple(torch.empty(shape, dtype=dtype or like.dtype, device=META) for shape in shapes)
        outputs = [_fresh(tensor) for tensor in made]
        if any(not self.memory.value(tensor).constant for tensor in tensors_in(arguments.values())):
            HANDLERS[key](self._call(key, arguments, outputs))
        for tensor, value in zip(made, outputs, strict=True):
            self.memory.keep(tensor, value)
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
                raise UnsupportedError(f"the shape of its result depends on the elements of a mask{BEFORE}")
            indices += found.nonzero().unbind(1)
        return (args[0], indices, *args[2:])

    def _item(self, tensor: Tensor) -> Any:
        found = self.elements(tensor)
        if found is None:
            what = "a value without elements" if self.memory.value(tensor).constant else "data"
            raise UnsupportedError(
                f"control flow depends on {what} (.item(), bool() or int() of a tensor); read the part before it, "
                "or, if it is a scalar input, give its value: values={'NAME': 1}"
            )
        return found.item()

    def _call(self, key: str, arguments: dict[str, Any], outputs: list[Value]) -> Call:
        return Call(key, label_of(key), arguments, outputs, self.graph, self.memory.value, self.elements)

    def _translate(self, op: Operator, arguments: dict[str, Any], outputs: list[Value]) -> None:
        call, first = self._call(op.key, arguments, outputs), len(self.graph.records)
        try:
            if op.handler is None:
                raise UnsupportedError(
                    f'no rule for operator {op.key!r}; unknown="whole" counts it as seeing everything, '
                    "or read the part of the model before it"
                )
            op.handler(call)
            settle(call, first)
        except UnsupportedError:
            if self.unknown is Unknown.REFUSE:
                raise
            data = [value for value in call.tensors() if not value.constant]
            call.at_most = True
            call.emit_all(Everything(tuple(output.shape for output in outputs)), data)

    def _take_views(
        self, op: Operator, arguments: dict[str, Any], value: Value, base: Tensor, made: list[Tensor]
    ) -> None:
        assert op.view is not None
        call = self._call(op.key, arguments, [_fresh(tensor) for tensor in made])
        for tensor, view, output in zip(made, op.view(call), call.outputs, strict=True):
            taken = value.take(view, output.shape, output.item_bytes, self.graph.call, call.label)
            self.memory.keep(tensor, taken, base)

    def _move(self, func: OpOverload, op: Operator, args: Any, kwargs: dict[str, Any], value: Value) -> Any:
        """An operator that gives its tensor another shape: the tensor becomes a view of what it was."""
        tensor = args[0]
        if tensor.device != META:
            raise UnsupportedError("it changes the shape of a tensor of the module in place")
        arguments = {**op.bind(args, kwargs), "layout": (tensor.stride(), tensor.storage_offset())}
        before, found = tuple(tensor.shape), self.elements(tensor)
        func(*args, **kwargs)
        if op.view is None:
            if before != tuple(tensor.shape) and (0 not in before or not value.constant):
                raise UnsupportedError("it changes the number of elements in place")
            self.memory.keep(tensor, value if before == tuple(tensor.shape) else _fresh(tensor))
        else:
            self.memory.keep(tensor, value)
            self._take_views(op, arguments, value, tensor, [tensor])
        self.memory.written(tensor)
        if found is not None and op.view is not None:
            self.known.enter(tensor, func(found.view_as(found), *args[1:], **kwargs))
        return tensor

    def _write(
        self, func: OpOverload, op: Operator, args: Any, kwargs: dict[str, Any], constants: list[Value] | None
    ) -> Any:
        """An operator in place: its outputs become the new elements of the tensors it writes."""
        if op.key in INDEXED:
            args = self._without_masks(args)
        arguments = op.bind(args, kwargs)
        targets: list[Tensor] = [arguments[name] for name in op.written]
        self._grow(func, args, kwargs, targets)
        for target in targets if op.counted else ():
            self.memory.written(target)
        if constants is not None:
            keys = frozenset[int]().union(*(value.parameters for value in constants))
            self.known.learn(func, args, kwargs, targets, True, LARGEST_LEARNED if keys else LARGEST_KNOWN)
            masked = masked_weights(self._call(op.key, arguments, [])) if keys and op.key == "mul" else None
            for target in targets:
                value = self.memory.value(target)
                root = value.root
                root.name = ""
                root.fix(None)
                value.fix(masked)
                root.learned |= keys
                root.version += root.shared
        else:
            outputs = [_fresh(target) for target in targets]
            if op.key in CONSTANTS:
                settle(self._call(op.key, arguments, outputs), len(self.graph.records))
            else:
                self._translate(op, arguments, outputs)
            for target, output in zip(targets, outputs, strict=True):
                value = self.memory.value(target)
                whole = self._whole_after(value, output.fixed) if value.parent is not None else None
                self.known.forget(target)
                self.graph.write(value, output.source)
                value.root.fix(whole)
                value.fix(output.fixed)
        return targets[0] if len(targets) == 1 else tuple(targets)

    def _whole_after(self, view: Value, new: Fixed | None) -> Fixed | None:
        """What is known of the tensor that a view shows a part of, once the view has new elements."""
        root = view.root
        before = fixed_of(root)
        found = self.known.at(root.place) if root.source is None and before is None else None
        below = lit_by(before) if found is None else (found != 0).numpy()
        return root_after(view, lit_by(new), below)

    def _grow(self, func: OpOverload, args: Any, kwargs: dict[str, Any], targets: list[Tensor]) -> None:
        """Give the shape of their result to empty tensors that an operator is told to write to (``out=``)."""
        empty = [target for target in targets if not target.numel() and target.device == META]
        if empty:
            self.metas.run(func, args, kwargs, True)
        for target in empty:
            self.memory.keep(target, _fresh(target))


def _unshaped(func: OpOverload | None) -> str:
    """Why an operator gives no result without values, and what to do."""
    name = "" if func is None else func._schema.name
    if func is not None and torch.Tag.dynamic_output_shape in func.tags:
        return f"has an output whose size depends on data{BEFORE}"
    if name.startswith("quantized::"):
        return "is a quantised operator, which has no shapes without values; read the model before it was quantised"
    if "sparse" in name:
        return f"makes or takes sparse tensors, which are not read{BEFORE}"
    return (
        f"has no meta kernel, by which the shape of its result is known without values; give it one with "
        f"torch.library.register_fake({name!r}){BEFORE.replace('; ', ', or ')}"
    )


def _fresh(tensor: Tensor) -> Value:
    return Value(tuple(tensor.shape), tensor.itemsize, None, frozenset())
