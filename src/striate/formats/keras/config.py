"""The config of a Keras model as values: its layers with their settings, and the calls that connect them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from typing import Any

from striate.errors import ModelError

DEEPEST = 32
"""Models nested in models."""
MODELS = ("Sequential", "Functional", "Model")
INPUT = "InputLayer"

Settings = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reference:
    """Output ``output`` of call ``call`` of a layer, and the sizes that the file states of it where it does."""

    layer: str
    call: int
    output: int
    declared: tuple[int | None, ...] | None = None


@dataclass(frozen=True, slots=True)
class CallOf:
    """One call of a layer; in its arguments a Reference stands for each tensor, everything else is plain data."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    def references(self) -> Iterator[Reference]:
        """Every tensor among the arguments, in order."""
        yield from references((self.args, *self.kwargs.values()))


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer or operation by the class that makes it; ``nested`` is what it holds where it is a model."""

    kind: str
    module: str
    name: str
    settings: Settings
    calls: tuple[CallOf, ...] = ()
    nested: Graph | None = None

    @property
    def operation(self) -> bool:
        """Whether it is a function of ``keras.ops``, not a layer."""
        return self.module.startswith("keras.src.ops")

    @property
    def own(self) -> bool:
        """Whether its class is one of Keras, as far as its module says."""
        return self.module.partition(".")[0] in ("keras", "tf_keras")


@dataclass(frozen=True, slots=True)
class Graph:
    """A model: its layers, and which of their outputs are its own inputs and outputs.

    A Sequential has no inputs or outputs of its own: its layers follow each other.
    """

    name: str
    layers: tuple[Layer, ...]
    inputs: tuple[Reference, ...] = ()
    outputs: tuple[Reference, ...] = ()
    sequential: bool = False
    built: object = None
    """What a Sequential says of the shape that it was built for."""


def parsed(found: Mapping[str, Any]) -> Graph:
    """The model that a config describes; ModelError for a config that describes none."""
    layer = layer_of(found)
    if layer.nested is None:
        own = "" if layer.own else ", a class of its author's own Python code"
        raise ModelError(
            f"the model is a {layer.kind}{own}: Sequential and Functional models are read; in Keras export it, "
            "model.export('model.onnx', 'onnx')"
        )
    return layer.nested


def layer_of(found: object, depth: int = 0, models: Set[str] = frozenset()) -> Layer:
    """A layer from what Keras writes of one: its class, module and config, and the calls of it.

    ``models`` name the layers beside it that are models.
    """
    where = mapping("a layer", found)
    kind = text("class_name", where.get("class_name"))
    settings = mapping(f"the config of {kind}", where.get("config"))
    name = text(f"the name of a {kind}", where.get("name", settings.get("name")))
    module = where.get("module") or ("" if where.get("registered_name") else "keras.layers")
    calls = tuple(_call(node, models) for node in listed(f"the calls of {name}", where.get("inbound_nodes") or []))
    layer = Layer(kind, text("module", module), name, settings, calls)
    if kind not in MODELS or not layer.own or "layers" not in settings:
        return layer
    if depth >= DEEPEST:
        raise ModelError(f"{name}: models are nested more than {DEEPEST} deep")
    return Layer(kind, layer.module, name, settings, calls, _graph(kind, name, settings, depth))


def _graph(kind: str, name: str, settings: Settings, depth: int) -> Graph:
    held = listed(f"the layers of {name}", settings["layers"])
    models = {str(found.get("name")) for found in held if isinstance(found, dict) and found.get("class_name") in MODELS}
    layers = tuple(layer_of(found, depth + 1, models) for found in held)
    names = [layer.name for layer in layers]
    if len(set(names)) < len(names):
        twice = next(name for k, name in enumerate(names) if name in names[:k])
        raise ModelError(f"{name}: two layers are named {twice!r}")
    if kind == "Sequential":
        return Graph(name, layers, sequential=True, built=settings.get("build_input_shape"))
    if not any(isinstance(node, list) for found in held for node in found.get("inbound_nodes") or []):
        models = {layer.name for layer in layers if layer.nested is not None and not layer.nested.sequential}
    inputs, outputs = (
        tuple(_ends(f"{word} of {name}", settings.get(word), models)) for word in ("input_layers", "output_layers")
    )
    if not inputs or not outputs:
        raise ModelError(f"{name}: a Functional model needs inputs and outputs")
    return Graph(name, layers, inputs, outputs)


def _ends(what: str, found: object, models: Set[str]) -> Iterator[Reference]:
    """The tensors in a nested structure of names with two numbers."""
    match found:
        case [str(), int(), int()] if isinstance(found, list):
            yield _later(_end(found), models)
        case dict():
            for key in sorted(found):
                yield from _ends(what, found[key], models)
        case list():
            for part in found:
                yield from _ends(what, part, models)
        case _:
            raise ModelError(f"{what} should name layers, holds {str(found)[:60]!r}")


def _later(end: Reference, models: Set[str]) -> Reference:
    """A tensor where calls of a model are counted from one, its own making being the first."""
    return replace(end, call=max(end.call - (end.layer in models), 0))


def _call(found: object, models: Set[str]) -> CallOf:
    """A call as Keras 3 writes it, or as a list of names with two numbers and keywords, as Keras 2 did."""
    if isinstance(found, list):
        rows = [row for row in found if isinstance(row, list)]
        keywords = next((row[3] for row in rows if len(row) > 3 and isinstance(row[3], dict)), {})
        tensors = [_later(_end(row[:3]), models) for row in rows]
        args = (tensors[0] if len(tensors) == 1 else tensors,)
        return CallOf(args, {key: argument(value) for key, value in keywords.items()})
    where = mapping("a call", found)
    args = tuple(argument(value) for value in listed("the arguments of a call", where.get("args", [])))
    kwargs = mapping("the keywords of a call", where.get("kwargs", {}))
    return CallOf(args, {key: argument(value) for key, value in kwargs.items()})


def argument(found: object) -> Any:
    """An argument of a call: tensors as references, slices as slices, arrays as lists, everything else as it is."""
    match found:
        case {"class_name": "__keras_tensor__", "config": {"keras_history": list(history), **more}}:
            return _end(history, more.get("shape"))
        case {"class_name": "__slice__", "config": {"start": start, "stop": stop, "step": step}}:
            return slice(*(_bound(end) for end in (start, stop, step)))
        case {"class_name": "__ellipsis__"}:
            return Ellipsis
        case {"class_name": "__tensor__" | "__numpy__", "config": {"value": value}}:
            return Constant(value)
        case {"class_name": str(kind)}:
            raise ModelError(f"an argument of class {kind} is not read")
        case dict():
            return {key: argument(value) for key, value in found.items()}
        case list():
            return [argument(value) for value in found]
    return found


@dataclass(frozen=True, slots=True)
class Constant:
    """An array that a call holds, as nested lists."""

    value: Any

    @property
    def shape(self) -> tuple[int, ...]:
        """Its sizes, as its first elements tell them."""
        found, sizes = self.value, []
        while isinstance(found, list):
            sizes.append(len(found))
            found = found[0] if found else None
        return tuple(sizes)


def references(found: object) -> Iterator[Reference]:
    """Every tensor in an argument, however nested, in order."""
    match found:
        case Reference():
            yield found
        case list() | tuple():
            for part in found:
                yield from references(part)
        case dict():
            for part in found.values():
                yield from references(part)


def _end(history: list[Any], shape: object = None) -> Reference:
    match history:
        case [str(layer), int(call), int(output)] if call >= 0 and output >= 0:
            return Reference(layer, call, output, _declared(shape))
    raise ModelError(f"a tensor should be a layer's name and two numbers, is {str(history)[:60]}")


def _declared(shape: object) -> tuple[int | None, ...] | None:
    if isinstance(shape, list) and all(n is None or (isinstance(n, int) and n > 0) for n in shape):
        return tuple(shape)
    return None


def _bound(found: object) -> int | None:
    if found is None or isinstance(found, int):
        return found
    raise ModelError(f"a slice from or to {str(found)[:40]} is not read: bounds are integers")


def mapping(what: str, found: object) -> Mapping[str, Any]:
    """A JSON object; ModelError for anything else."""
    if not isinstance(found, dict):
        raise ModelError(f"{what} should be an object, is {type(found).__name__}")
    return found


def listed(what: str, found: object) -> list[Any]:
    """A JSON list; ModelError for anything else."""
    if not isinstance(found, list):
        raise ModelError(f"{what} should be a list, is {type(found).__name__}")
    return found


def text(what: str, found: object) -> str:
    """A text that is not empty; ModelError for anything else."""
    if not isinstance(found, str) or not found:
        raise ModelError(f"{what} should be a text, is {str(found)[:40]!r}")
    return found
