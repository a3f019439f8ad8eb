"""Keras behind a ``.keras`` file: the tensors of layers on some inputs, in the network's order of axes.

Keras builds the layers that the config names, so only a model whose every layer the reader has a rule for is handed to
it, and only where no part of its config names a module that is not Keras's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import InputError, MissingDependencyError, UnsupportedError
from striate.formats.keras import Reading
from striate.formats.keras.archive import load_archive
from striate.names import did_you_mean

Array = NDArray[Any]


class KerasRunner:
    """Runs of the model that ``reading`` was read from, in Keras and the backend that it is set to."""

    def __init__(self, held: Path | bytes, reading: Reading) -> None:
        if any(node.at_most and node.op.word == "whole" for node in reading.network.nodes):
            raise UnsupportedError("a model with layers that have no rule is not run: their code is their author's")
        strange = next(_strange(load_archive(held).config), None)
        if strange is not None:
            raise UnsupportedError(f"the model is not run: its config names {strange}, which is not Keras's own")
        self._held, self._reading, self._keras = held, reading, _runtime()
        self._parts: dict[tuple[str, ...], Any] = {}
        self.name = f"Keras {self._keras.__version__} on {self.backend}"

    def run(self, feeds: Mapping[str, Array], layers: Sequence[str] = ()) -> dict[str, Array]:
        """The tensors of some layers by the names asked for, of inputs by theirs; none named: the outputs.

        Raises InputError for layers that Keras does not show, inputs that are missing and sizes that the model does not
        take.
        """
        network, keras = self._reading.network, self._keras
        names = {layer: network.tensor(layer) for layer in layers or network.outputs}
        wanted = tuple(dict.fromkeys(names.values()))
        part = self.part(wanted)
        missing = [name for name in network.inputs if name not in feeds]
        if missing:
            raise InputError(f"no array is fed for input {missing[0]!r}")
        images = [
            np.asarray(feeds[name]).astype(source.dtype, copy=False)
            for name, source in zip(network.inputs, self._model.inputs, strict=True)
        ]
        try:
            made = part(images, training=False)
        except (ValueError, RuntimeError) as error:
            shapes, line = ", ".join(str(image.shape) for image in images), " ".join(str(error).split())
            raise InputError(f"Keras fails on inputs of shape {shapes}: {line}") from error
        values = dict(zip(wanted, made if isinstance(made, list | tuple) else [made], strict=True))
        return {
            layer: np.asarray(keras.ops.convert_to_numpy(values[name])).transpose(self._reading.orders[name])
            for layer, name in names.items()
        }

    @property
    def backend(self) -> str:
        """What Keras runs on: torch, tensorflow or jax."""
        return str(self._keras.backend.backend())

    def part(self, tensors: tuple[str, ...]) -> Any:
        """The Keras model of the network's inputs, in their order, that gives some of its tensors.

        Raises InputError for tensors that Keras does not show.
        """
        if tensors not in self._parts:
            self._parts[tensors] = self._keras.Model(self._model.inputs, [self._tensor(name) for name in tensors])
        return self._parts[tensors]

    def shows(self, tensor: str) -> bool:
        """Whether Keras shows a tensor of the network."""
        try:
            self._tensor(tensor)
        except InputError:
            return False
        return True

    @cached_property
    def _model(self) -> Any:
        with TemporaryDirectory() as folder:
            path = self._held if isinstance(self._held, Path) else Path(folder) / "model.keras"
            if isinstance(self._held, bytes):
                path.write_bytes(self._held)
            try:
                return self._keras.saving.load_model(path, compile=False, safe_mode=True)
            except (TypeError, ValueError, OSError) as error:
                raise UnsupportedError(f"Keras does not take the file: {' '.join(str(error).split())}") from error

    def _tensor(self, name: str) -> Any:
        """What Keras calls a tensor: an input, or what a call of a layer makes."""
        held = {made.name: made for made in getattr(self._model, "operations", self._model.layers)}
        inputs = dict(zip(self._reading.network.inputs, self._model.inputs, strict=True))
        layer, _, call = name.partition(":")
        if name in inputs:
            return inputs[name]
        if layer not in held or not call.isdecimal() * call == call:
            raise InputError(
                f"{name!r} is made inside a layer, and Keras shows what these give{did_you_mean(name, held)}"
            )
        made = held[layer]._inbound_nodes[int(call or 0)].output_tensors
        if len(made) != 1:
            raise InputError(f"{name!r} is one of {len(made)} tensors that its layer makes: ask for a layer behind it")
        return made[0]


def _strange(found: Any) -> Iterator[str]:
    """Modules that a config names and that are not Keras's own, and code that it holds."""
    if isinstance(found, dict):
        module, kind = found.get("module"), found.get("class_name")
        if kind == "__lambda__":
            yield "a lambda"
        if "module" in found and module is not None and str(module).partition(".")[0] != "keras":
            yield f"module {module!r}"
        found = list(found.values())
    if isinstance(found, list):
        for part in found:
            yield from _strange(part)


def _runtime() -> Any:
    try:
        import keras
    except ImportError as error:
        raise MissingDependencyError(
            "running .keras files needs Keras and one of its backends (KERAS_BACKEND=torch): pip install keras torch"
        ) from error
    return keras
