"""From a module and a shape to a Network: run, name, bind."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from striate.errors import InputError, ModelError, OpenInputError, StriateError
from striate.formats.given import Given
from striate.formats.shapes import Shapes, alone, in_order
from striate.formats.torch.calling import POSITIONAL, call, parameters, required
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


@torch.inference_mode(False)
def trace(module: nn.Module, given: Shapes, unknown: Unknown, beside: Given) -> Network:
    """Record ``module`` on inputs of the given shapes; see ``read_torch``."""
    if not isinstance(module, nn.Module):
        raise InputError(f"expected a torch.nn.Module, got {type(module).__name__}")
    shapes = named_shapes(module, given)
    beside.known({**shapes, **parameters(module)})
    shapes = {name: shape for name, shape in shapes.items() if name not in beside.values}
    learned, buffers = list(module.parameters()), list(module.buffers())
    if any(is_lazy(p) for p in (*learned, *buffers)):
        raise InputError("the module has lazy layers without weights; run it once on real data first")
    usual = own_dtype(module)
    graph, scopes = Graph(), Scopes(module)
    memory = Memory(chain(owned(module), *([p for p in group if p.is_meta] for group in (learned, buffers))))
    recorder = Recorder(graph, scopes, memory, unknown)
    for parameter in {id(p): p for p in learned}.values():
        recorder.parameter(parameter)
    for name, tensor in chain(module.named_parameters(), module.named_buffers()):
        recorder.stored(name, tensor)
    inputs = {name: recorder.input(shape, dtype_of(beside, name, usual)) for name, shape in shapes.items()}
    result = _run(module, inputs, beside, recorder, graph, scopes)
    outputs: dict[str, int] = {}
    for key, tensor in tensors_of(result):
        number = recorder.result(tensor)
        if number is not None:
            outputs[key if isinstance(result, Mapping) else f"output.{key}" if key else "output"] = number
    if not outputs:
        raise ModelError(f"no output of {type(module).__name__} depends on its inputs")

    return named(type(module).__name__, tuple(inputs), outputs, graph, scopes)


def _way(module: nn.Module, inputs: Mapping[str, Any], beside: Given) -> str:
    """What to give where forward's arguments are not those given; empty where they are."""
    takes, several = list(parameters(module)), list(inputs)
    given = {name.partition(".")[0] for name in (*inputs, *beside.values)}
    missing = [name for name in required(module) if name not in given]
    if missing:
        examples = ", ".join(f"'{name}': {tuple(inputs[name].shape)}" for name in several if name in takes)
        more = ", ".join(f"'{name}': (1, 3, 224, 224)" for name in missing)
        return (
            f"; forward takes {', '.join(takes)}: give each a shape, input_shape={{{examples}{', ' if examples else ''}"
            f"{more}}}, or a number, values={{'{missing[0]}': 1}}"
        )
    if len(takes) == 1 and len(several) > 1:
        listed = ", ".join(str(tuple(tensor.shape)) for tensor in inputs.values())
        return f"; if {takes[0]} is a list of tensors, give input_shape={{'{takes[0]}': [{listed}]}}"
    return ""


def own_dtype(module: nn.Module) -> torch.dtype:
    """The element type of a module's weights, float32 where it has none."""
    return next((p.dtype for p in module.parameters() if p.is_floating_point()), torch.float32)


def dtype_of(beside: Given, name: str, usual: torch.dtype) -> torch.dtype:
    """The element type of an input: the one given, else the usual one."""
    word = beside.dtype(name)
    return usual if word is None else getattr(torch, word)


def _run(
    module: nn.Module,
    inputs: dict[str, torch.Tensor],
    beside: Given,
    recorder: Recorder,
    graph: Graph,
    scopes: Scopes,
) -> Any:
    def enter(call: int) -> None:
        graph.call = call

    followed = scopes.followed(enter, recorder.number)
    result: Any = None
    ways = leaving(recorder.outside, recorder.memory.written)
    with untouched(module), torch.no_grad(), recorder, composites(recorder.composite), literals(), ways, followed:
        try:
            result = call(module, {**inputs, **beside.values})
        except StriateError as error:
            if recorder.refused is None:
                raise recorder.placed(error) from error
            raise
        except Exception as error:
            shapes = ", ".join(f"{name} of shape {tuple(tensor.shape)}" for name, tensor in inputs.items()) or "values"
            line = " ".join(str(error).split()) or type(error).__name__
            where = scopes.path or "the module itself"
            raise InputError(f"forward failed at {where} on {shapes}: {line}{_way(module, inputs, beside)}") from error
    recorder.close()
    return result


def named_shapes(module: nn.Module, given: Shapes) -> Mapping[str, Shape]:
    """The shapes by name of forward's arguments, whichever way they were given."""
    if given is None:
        given = _exported_shapes(module)
    if given is None:
        raise OpenInputError("a torch module needs its input's shape, such as input_shape=(1, 3, 224, 224)")
    if isinstance(given, dict):
        shapes = given
    else:
        several = in_order(given) or (alone(given),)
        names = [name for name, kind in parameters(module).items() if kind is POSITIONAL][: len(several)]
        names += [f"input.{k}" if len(several) > 1 else "input" for k in range(len(names), len(several))]
        shapes = FrozenDict(zip(names, several, strict=True))
    if not any(shapes.values()):
        raise InputError("an input has no axes; give at least one size, such as input_shape=(1, 3, 224, 224)")
    return shapes


def _exported_shapes(module: nn.Module) -> Shapes:
    """The shapes that an exported program was made with, where none is open."""
    if not isinstance(module, torch.fx.GraphModule):
        return None
    made = [node.meta.get("val") for node in module.graph.nodes if node.op == "placeholder"]
    shapes = [tuple(value.shape) for value in made if isinstance(value, torch.Tensor)]
    if not shapes or len(shapes) < len(made) or not all(type(n) is int for shape in shapes for n in shape):
        return None
    return tuple(shapes)
