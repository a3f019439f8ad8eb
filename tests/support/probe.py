"""A gradient probe: which input pixels a unit's gradient reaches, measured by autograd alone.

Every parameter is made positive and generic, max pools become average pools, clipped activations (ReLU6)
lose their upper end, and the input is positive, so no path can cancel another: a pixel has a nonzero
gradient exactly when the unit sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional


@contextmanager
def nothing_hidden() -> Iterator[None]:
    """Let every max pool pass its whole window, and every clipped activation its input."""

    def average(x: Tensor, kernel_size: int, stride: int | None = None, padding: int = 0, dilation: int = 1,
                ceil_mode: bool = False, return_indices: bool = False) -> Tensor:
        assert dilation == 1
        assert not return_indices
        pool: Any = {3: functional.avg_pool1d, 4: functional.avg_pool2d, 5: functional.avg_pool3d}[x.dim()]
        result: Tensor = pool(x, kernel_size, stride, padding, ceil_mode)
        return result

    with ExitStack() as stack:
        for rank in (1, 2, 3):
            stack.enter_context(patch.object(functional, f"max_pool{rank}d", average))
        stack.enter_context(patch.object(functional, "hardtanh", lambda x, *bounds, **options: x))
        yield


def make_positive(module: nn.Module, seed: int = 0) -> nn.Module:
    """Give the module generic positive float64 parameters that keep activations near one."""
    random = torch.Generator().manual_seed(seed)
    module = module.eval().double()
    for name, values in [*module.named_parameters(), *module.named_buffers()]:
        if not values.is_floating_point():
            continue
        fresh = torch.rand(values.shape, generator=random, dtype=torch.float64) + 0.5
        if values.dim() > 1:
            fresh /= values[0].numel()
        elif name.endswith(("running_mean", "bias")):
            fresh *= 0.01
        values.data = fresh
    return module


class Probe:
    """One forward pass of a module; then the pixels that units of its submodules see."""

    def __init__(self, module: nn.Module, shape: Sequence[int], layers: Sequence[str]) -> None:
        self.outputs: dict[str, Tensor] = {}
        module = make_positive(module)
        submodules = dict(module.named_modules())
        hooks = [submodules[name].register_forward_hook(self._keep(name)) for name in layers]
        random = torch.Generator().manual_seed(1)
        self.image = torch.rand(*shape, generator=random, dtype=torch.float64) + 0.5
        self.image.requires_grad_(True)
        with nothing_hidden():
            module(self.image)
        for hook in hooks:
            hook.remove()

    def _keep(self, name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            self.outputs[name] = output.clone()

        return hook

    def sees(self, layer: str, index: tuple[int | slice, ...]) -> NDArray[np.bool_]:
        """The mask over the input's spatial axes of the indexed elements of a layer's output together."""
        unit = self.outputs[layer][index].sum()
        (gradient,) = torch.autograd.grad(unit, self.image, retain_graph=True)
        return (gradient[0] != 0).any(0).numpy()
