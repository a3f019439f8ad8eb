"""A torch module as an ONNX model that gives some of its layers, by torch's own exporter."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from striate.errors import InputError, MissingDependencyError, UnsupportedError
from striate.formats.given import Given
from striate.formats.torch.calling import call
from striate.formats.torch.reader import dtype_of, own_dtype
from striate.formats.torch.scopes import tensors_of
from striate.network import Network

LONGEST = 300


def exported(module: nn.Module, network: Network, tensors: Sequence[str], given: Given) -> bytes:
    """An ONNX model of static shapes with the inputs of ``network``, read from ``module``, and ``tensors`` as outputs.

    A tensor must be an output of the module or of a submodule that runs once: others have no name in the exported
    graph. Raises InputError for those, UnsupportedError with the exporter's words where it fails.
    """
    tapped = Tapped(module, network, tensors, given)
    usual = own_dtype(module)
    with torch.no_grad():
        examples = tuple(
            torch.zeros(network.shapes[name], dtype=dtype_of(given, name, usual)) for name in network.inputs
        )
    file: Any = io.BytesIO()
    try:
        with torch.no_grad(), _silent():
            torch.onnx.export(
                tapped, examples, file, input_names=list(network.inputs), output_names=list(tensors), dynamo=True,
                verbose=False, external_data=False,
            )  # fmt: skip
    except ImportError as error:
        raise MissingDependencyError("exporting a torch module needs onnxscript: pip install onnxscript") from error
    except Exception as error:
        cause = _first(error)
        if isinstance(cause, InputError):
            raise cause from error
        line = " ".join(str(cause).split())[:LONGEST]
        raise UnsupportedError(f"{type(module).__name__}: torch.onnx.export fails: {line}") from error
    return bytes(file.getvalue())


def _first(error: BaseException) -> BaseException:
    """The error that another one comes from."""
    return error if error.__cause__ is None else _first(error.__cause__)


class Tapped(nn.Module):
    """A module that gives some tensors of its own, those of layers within included."""

    def __init__(self, module: nn.Module, network: Network, tensors: Sequence[str], given: Given) -> None:
        super().__init__()
        self.module = module
        self.train(module.training)
        self._inputs, self._layers, self._given = network.inputs, network.layers, given
        self._tensors = tuple(tensors)
        names = {name for name, _ in module.named_modules() if name}
        self._taps = {
            tensor: tuple(name for name in names if self._layers.get(name) == tensor) for tensor in self._tensors
        }

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """The tensors, in the order in which they were named."""
        found: dict[str, list[Tensor]] = {}
        with ExitStack() as hooks:
            for name in {name for names in self._taps.values() for name in names}:
                hooks.enter_context(_tap(self.module.get_submodule(name), found.setdefault(name, [])))
            result = call(self.module, {**dict(zip(self._inputs, inputs, strict=True)), **self._given.values})
        outputs: dict[str, Tensor] = {}
        for key, tensor in tensors_of(result):
            layer = key if isinstance(result, Mapping) else f"output.{key}" if key else "output"
            outputs[self._layers.get(layer, "")] = tensor
        return tuple(self._one(tensor, outputs, found) for tensor in self._tensors)

    def _one(self, tensor: str, outputs: Mapping[str, Tensor], found: Mapping[str, list[Tensor]]) -> Tensor:
        if tensor in outputs:
            return outputs[tensor]
        for name in self._taps[tensor]:
            if len(found[name]) == 1:
                return found[name][0]
        raise InputError(
            f"{tensor!r} is neither an output nor what a submodule that runs once gives, so the exported graph has no "
            "name for it; ask for one of those, or export the module yourself and crop the file"
        )


@contextmanager
def _tap(module: nn.Module, found: list[Tensor]) -> Iterator[None]:
    """While open, what a module gives is noted, as it is before others write to it."""

    def note(_: nn.Module, __: Any, output: Any) -> None:
        if isinstance(output, Tensor):
            found.append(output.clone())

    handle = module.register_forward_hook(note)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def _silent() -> Iterator[None]:
    """While open, the exporter tells nothing beside."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = logging.root.manager.disable
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(before)
