"""Lines of Python that compute what the page shows of a convolution."""

from __future__ import annotations

import numpy as np

from striate.serve.given import Numbers
from striate.serve.kernel import Kernel


def code(kernel: Kernel) -> dict[str, list[str]]:
    """Lines that compute what the page shows, in PyTorch and with striate; both leave it in ``y``."""
    arrays = {"x": kernel.x, "weight": kernel.weight, **({} if kernel.bias is None else {"bias": kernel.bias})}
    steps = f"stride={kernel.stride}, padding={kernel.padding}, dilation={kernel.dilation}, groups={kernel.groups}"
    if kernel.transposed:
        steps += f", output_padding={kernel.output_padding}"
    name, bias = "conv_transpose2d" if kernel.transposed else "conv2d", "bias" if "bias" in arrays else "None"
    mode = "" if kernel.padding_mode == "zeros" else f', padding_mode="{kernel.padding_mode}"'
    torch = ["import torch"]
    torch += [f"{key} = torch.tensor({_listed(a)}, dtype=torch.float64)" for key, a in arrays.items()]
    if mode:
        left = (kernel.padding[1],) * 2 + (kernel.padding[0],) * 2
        torch.append(f'x = torch.nn.functional.pad(x[None], {left}, mode="{kernel.padding_mode}")[0]')
    bare = steps.replace(f"padding={kernel.padding}", "padding=(0, 0)", 1) if mode else steps
    torch.append(f"y = torch.nn.functional.{name}(x, weight, {bias}, {bare})")
    striate = ["import numpy as np", "import striate"]
    striate += [f"{key} = np.array({_listed(a)}, float)" for key, a in arrays.items()]
    striate.append(f"y = striate.{name}(x, weight, {bias}, {steps}{mode})")
    return {"torch": torch, "striate": striate}


def matrix_code(kernel: Kernel) -> list[str]:
    """Lines that compute it by its sparse matrix, without the bias."""
    lines = ["import numpy as np", "import striate"]
    arrays = {"x": kernel.x, "weight": kernel.weight}
    lines += [f"{name} = np.array({_listed(a)}, float)" for name, a in arrays.items()]
    lines.append(f"matrix = {_matrix('weight', kernel)}")
    return [*lines, f"y = (matrix @ x.ravel()).reshape{tuple(kernel.output.shape)}"]


def sharing_code(kernel: Kernel, seed: int) -> list[str]:
    """Lines that compute it, the locally connected and the dense layer whose weights are drawn at random."""
    shape = tuple(kernel.output.shape)
    return [
        *matrix_code(kernel),
        f"drawn = np.random.default_rng({seed}).integers(-2, 3, matrix.shape).astype(float)",
        f"seen = {_matrix('np.ones_like(weight)', kernel)}.toarray() != 0",
        f"local = (np.where(seen, drawn, 0) @ x.ravel()).reshape{shape}",
        f"dense = (drawn @ x.ravel()).reshape{shape}",
    ]


def _matrix(weight: str, kernel: Kernel) -> str:
    size = kernel.output.shape[1:] if kernel.transposed else kernel.x.shape[1:]
    steps = f"{tuple(size)}, {kernel.stride}, {kernel.padding}, {kernel.dilation}, {kernel.groups}"
    mode = "" if kernel.padding_mode == "zeros" else f', padding_mode="{kernel.padding_mode}"'
    return f"striate.conv_matrix({weight}, {steps}{mode}){'.T' if kernel.transposed else ''}"


def _listed(values: Numbers) -> str:
    whole = (values == np.round(values)).all() and np.abs(values).max() < 1e15
    return repr((values.astype(int) if whole else values).tolist())
