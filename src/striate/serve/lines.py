"""Lines of Python that compute what the page shows of a convolution: in PyTorch and with striate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from striate.serve.given import Numbers
from striate.serve.kernel import Kernel

Library = Literal["torch", "striate"]


# The same numbers by each of the two.
Lines = Mapping[Library, list[str]]


def code(kernel: Kernel) -> Lines:
    """Lines that leave the output in ``y``."""
    bias = "None" if kernel.bias is None else "bias"
    return {
        "torch": [*_arrays(kernel, "torch"), f"y = {_by_torch(kernel, 'x', 'weight', bias)}"],
        "striate": [
            *_arrays(kernel, "striate"),
            f"y = striate.{_name(kernel)}(x, weight, {bias}, {_steps(kernel)}{_mode(kernel)})",
        ],
    }


def matrix_code(kernel: Kernel) -> Lines:
    """Lines that leave the matrix in ``matrix`` and its product with the input, without the bias, in ``y``."""
    shape = tuple(kernel.output.shape)
    return {
        "torch": [
            *_arrays(kernel, "torch", bias=False),
            "one_pixel = torch.eye(x.numel(), dtype=x.dtype).reshape(-1, *x.shape)",
            f"matrix = {_by_torch(kernel, 'one_pixel', 'weight', 'None')}.flatten(1).T",
            f"y = (matrix @ x.flatten()).reshape{shape}",
        ],
        "striate": [
            *_arrays(kernel, "striate", bias=False),
            f"matrix = {_matrix('weight', kernel)}",
            f"y = (matrix @ x.ravel()).reshape{shape}",
        ],
    }


def sharing_code(kernel: Kernel, seed: int) -> Lines:
    """Lines that compute it, the locally connected and the dense layer whose weights are drawn at random."""
    shape, lines = tuple(kernel.output.shape), matrix_code(kernel)
    drawn = f"np.random.default_rng({seed}).integers(-2, 3, matrix.shape).astype(float)"
    return {
        "torch": [
            "import numpy as np",
            *lines["torch"],
            f"drawn = torch.from_numpy({drawn})",
            f"seen = {_by_torch(kernel, 'one_pixel', 'torch.ones_like(weight)', 'None')}.flatten(1).T != 0",
            f"local = (torch.where(seen, drawn, 0) @ x.flatten()).reshape{shape}",
            f"dense = (drawn @ x.flatten()).reshape{shape}",
        ],
        "striate": [
            *lines["striate"],
            f"drawn = {drawn}",
            f"seen = {_matrix('np.ones_like(weight)', kernel)}.toarray() != 0",
            f"local = (np.where(seen, drawn, 0) @ x.ravel()).reshape{shape}",
            f"dense = (drawn @ x.ravel()).reshape{shape}",
        ],
    }


def _arrays(kernel: Kernel, library: Library, *, bias: bool = True) -> list[str]:
    arrays = {"x": kernel.x, "weight": kernel.weight}
    if bias and kernel.bias is not None:
        arrays["bias"] = kernel.bias
    if library == "torch":
        lines = [f"{name} = torch.tensor({_listed(values)}, dtype=torch.float64)" for name, values in arrays.items()]
        return ["import torch", *lines]
    lines = [f"{name} = np.array({_listed(values)}, float)" for name, values in arrays.items()]
    return ["import numpy as np", "import striate", *lines]


def _by_torch(kernel: Kernel, x: str, weight: str, bias: str) -> str:
    """PyTorch's call; what repeats at a border it pads before, of a batch alone."""
    steps = _steps(kernel)
    if not _mode(kernel):
        return f"torch.nn.functional.{_name(kernel)}({x}, {weight}, {bias}, {steps})"
    around = (kernel.padding[1],) * 2 + (kernel.padding[0],) * 2
    steps = steps.replace(f"padding={kernel.padding}", "padding=(0, 0)", 1)
    batch, taken = ("x[None]", "[0]") if x == "x" else (x, "")
    padded = f'torch.nn.functional.pad({batch}, {around}, mode="{kernel.padding_mode}"){taken}'
    return f"torch.nn.functional.{_name(kernel)}({padded}, {weight}, {bias}, {steps})"


def _matrix(weight: str, kernel: Kernel) -> str:
    size = kernel.output.shape[1:] if kernel.transposed else kernel.x.shape[1:]
    steps = f"{tuple(size)}, {kernel.stride}, {kernel.padding}, {kernel.dilation}, {kernel.groups}"
    return f"striate.conv_matrix({weight}, {steps}{_mode(kernel)}){'.T' if kernel.transposed else ''}"


def _name(kernel: Kernel) -> str:
    return "conv_transpose2d" if kernel.transposed else "conv2d"


def _steps(kernel: Kernel) -> str:
    steps = f"stride={kernel.stride}, padding={kernel.padding}, dilation={kernel.dilation}, groups={kernel.groups}"
    return f"{steps}, output_padding={kernel.output_padding}" if kernel.transposed else steps


def _mode(kernel: Kernel) -> str:
    return "" if kernel.padding_mode == "zeros" else f', padding_mode="{kernel.padding_mode}"'


def _listed(values: Numbers) -> str:
    whole = (values == np.round(values)).all() and np.abs(values).max() < 1e15
    return repr((values.astype(int) if whole else values).tolist())
