"""The shape that a module's first layer takes, sizes left open."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from striate.formats.torch.calling import required

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


def looks_up(module: nn.Module) -> bool:
    """Whether the first layer with weights looks up integers."""
    layers = (*CONVOLUTIONS, nn.Linear, nn.Embedding)
    return isinstance(next((part for part in module.modules() if isinstance(part, layers)), None), nn.Embedding)


def declared(module: nn.Module) -> Mapping[str, tuple[int | str, ...] | None]:
    """The main argument of forward and its sizes by the first convolution, linear layer or embedding; none without."""
    names = required(module)
    if len(names) > 1:
        return {}
    name = names[0] if names else "input"
    for part in module.modules():
        if isinstance(part, CONVOLUTIONS):
            return {name: (1, part.in_channels, *(f"size {k}" for k in range(len(part.kernel_size))))}
        if isinstance(part, nn.Linear):
            return {name: (1, part.in_features)}
        if isinstance(part, nn.Embedding):
            return {name: (1, "tokens")}
    return {}
