"""The torch reader: any ``nn.Module``, recorded on meta tensors; no arithmetic runs, no weights are needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from striate.errors import MissingDependencyError
from striate.formats.given import Given, Values
from striate.formats.shapes import InputShape, input_shapes
from striate.formats.unknown import Unknown
from striate.network.network import Network

if TYPE_CHECKING:
    import torch

__all__ = ["read_torch"]


def read_torch(
    module: torch.nn.Module,
    input_shape: InputShape,
    *,
    unknown: str = "refuse",
    dtype: torch.dtype | str | Mapping[str, str] | None = None,
    values: Values = None,
) -> Network:
    """Read a module as a Network, by running its ``forward`` in eval mode on tensors without values.

    ``input_shape`` is one shape, a list of shapes, or a mapping of ``forward`` argument names to shapes; ``dtype`` is
    that of the inputs (default: the module's), by name where they differ; ``values`` are numbers that forward takes.
    Nodes carry the path of the module that ran them, and every
    submodule's path names its output. The module is left as it was, also where reading fails.

    Raises UnsupportedError for an operator without a rule (with ``unknown="whole"`` it sees everything) and for
    control flow that depends on data; InputError where ``forward`` does not take the shapes.

    >>> import torch
    >>> network = read_torch(torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU()), (1, 3, 6, 6))
    >>> [(node.name, node.op.word) for node in network.nodes], network.shapes["0"]
    ([('0', 'conv'), ('1', 'elementwise')], (1, 8, 4, 4))
    """
    shapes, given = input_shapes(input_shape), Unknown.of(unknown)
    beside = Given.of(dtype if dtype is None or isinstance(dtype, Mapping) else str(dtype), values, input_shape)
    try:
        from striate.formats.torch.reader import trace
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingDependencyError("reading a module needs torch; pip install 'striate[torch]'") from error
    return trace(module, shapes, given, beside)
