"""From a module and a shape to a Network: run, name, bind."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from itertools import chain
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from striate.errors import InputError, ModelError, StriateError
from striate.formats.shapes import Shapes, alone, in_order
from striate.formats.torch.composites import composites
from striate.formats.torch.graph import Graph
from striate.formats.torch.leaving import leaving
from striate.formats.torch.literals import literals
from striate.formats.torch.memory import Memory
from striate.formats.torch.naming import named
from striate.formats.torch.owned import owned
from striate.formats.torch.recorder import Recorder
from striate.formats.torch.scopes import Scopes, tensors_of
from striate.formats.torch.untouched import untouched
from striate.formats.unknown import Unknown
from striate.frozen import FrozenDict
from striate.network.network import Network
from striate.network.relation import Shape

POSITIONAL, KEYWORD = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY


def trace(module: nn.Module, given: Shapes, unknown: Unknown, dtype: torch.dtype | None) -> Network:
    """Record ``module`` on inputs of the given shapes; see ``read_torch``."""
    if not isinstance(module, nn.Module):
        raise InputError(f"expected a torch.nn.Module, got {type(module).__name__}")
    shapes = named_shapes(module, given)
    learned, buffers = list(module.parameters()), list(module.buffers())
    if any(is_lazy(p) for p in (*learned, *buffers)):
        raise InputError("the module has lazy layers without weights; run it once on real data first")
    parameters = {id(p): p for p in learned}
    dtype = dtype or next((p.dtype for p in parameters.values() if p.is_floating_point()), torch.float32)
    graph, scopes = Graph(), Scopes(module)
    memory = Memory(chain(owned(module), *([p for p in group if p.is_meta] for group in (learned, buffers))))
    recorder = Recorder(graph, scopes, memory, unknown)
    for parameter in parameters.values():
        recorder.parameter(parameter)
    for name, tensor in chain(module.named_parameters(), module.named_buffers()):
        recorder.stored(name, tensor)
    inputs = {name: recorder.input(shape, dtype) for name, shape in shapes.items()}
    result = _run(module, inputs, recorder, graph, scopes)
    outputs: dict[str, int] = {}
    for key, tensor in tensors_of(result):
        number = recorder.result(tensor)
        if number is not None:
            outputs[key if isinstance(result, Mapping) else f"output.{key}" if key else "output"] = number
    if not outputs:
        raise ModelError(f"no output of {type(module).__name__} depends on its inputs")

    return named(type(module).__name__, tuple(inputs), outputs, graph, scopes)


def _run(
    module: nn.Module, inputs: dict[str, torch.Tensor], recorder: Recorder, graph: Graph, scopes: Scopes
) -> Any:
    def enter(call: int) -> None:
        graph.call = call

    followed = scopes.followed(enter, recorder.number)
    result: Any = None
    ways = leaving(recorder.outside, recorder.memory.written)
    with untouched(module), torch.no_grad(), recorder, composites(recorder.composite), literals(), ways, followed:
        try:
            result = module(**inputs) if _takes_keywords(module, inputs) else module(*inputs.values())
        except StriateError:
            raise
        except Exception as error:
            shapes = ", ".join(f"{name}={tuple(tensor.shape)}" for name, tensor in inputs.items())
            line = " ".join(str(error).split()) or type(error).__name__
            raise InputError(f"forward failed at {scopes.path or 'the module itself'} on {shapes}: {line}") from error
    recorder.close()
    return result


def _takes_keywords(module: nn.Module, inputs: Mapping[str, Any]) -> bool:
    kinds = _arguments(module)
    return all(kinds.get(name) in (POSITIONAL, KEYWORD) for name in inputs)


def _arguments(module: nn.Module) -> dict[str, Any]:
    """The kinds of forward's arguments by name; none where it has no signature (a scripted module)."""
    try:
        return {name: p.kind for name, p in inspect.signature(module.forward).parameters.items()}
    except ValueError:
        return {}


def named_shapes(module: nn.Module, given: Shapes) -> Mapping[str, Shape]:
    """The shapes by name of forward's arguments, whichever way they were given."""
    if given is None:
        raise InputError("a torch module needs its input's shape, such as input_shape=(1, 3, 224, 224)")
    if isinstance(given, dict):
        shapes = given
    else:
        several = in_order(given) or (alone(given),)
        names = [name for name, kind in _arguments(module).items() if kind is POSITIONAL][: len(several)]
        names += [f"input.{k}" if len(several) > 1 else "input" for k in range(len(names), len(several))]
        shapes = FrozenDict(zip(names, several, strict=True))
    if () in shapes.values() or not shapes:
        raise InputError("an input has no axes; give at least one size, such as input_shape=(1, 3, 224, 224)")
    return shapes
