"""What torch says of tensors that do not fit, said with the rule and what to give."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from striate.network.relation import Shape


def misfit(key: str, tensors: Sequence[Tensor]) -> str:
    """The rule that an operator's tensors break and the fix; empty where none is known."""
    rule = _RULES.get(key)
    return "" if rule is None else rule(tensors)


def _convolution(tensors: Sequence[Tensor]) -> str:
    x, weight = (tuple(tensor.shape) for tensor in tensors[:2])
    if len(x) != len(weight):
        return f"its weight {weight} slides over {len(weight) - 2} axes: give an input of {len(weight)} axes, not {x}"
    if x[1] % weight[1]:
        return f"its weight takes {weight[1]} channels in each group and axis 1 of {x} has {x[1]}: give {weight[1]}"
    spatial = [(n, k) for n, k in zip(x[2:], weight[2:], strict=True) if n < k]
    if spatial:
        return f"a kernel of {_by(weight[2:])} does not fit into {_by(x[2:])}: give a larger input"
    return ""


def _embedding(tensors: Sequence[Tensor]) -> str:
    if len(tensors) > 1 and tensors[1].is_floating_point():
        return "it looks up integers and is given floats: token ids need dtype='int64'"
    return ""


def _product(tensors: Sequence[Tensor]) -> str:
    a, b = (tuple(tensor.shape) for tensor in tensors[-2:])
    if len(a) == len(b) == 2 and a[1] != b[0]:
        return f"its weight takes {b[0]} features and is given {a[1]}: an input of another size is needed"
    return ""


def _sum(tensors: Sequence[Tensor]) -> str:
    if len(tensors) != 2:
        return ""
    a, b = (tuple(tensor.shape) for tensor in tensors)
    if _broadcast(a, b):
        return ""
    return f"{a} and {b} do not broadcast: sizes of an axis must be equal or 1; try an input of another size"


def _cat(tensors: Sequence[Tensor]) -> str:
    shapes = [tuple(tensor.shape) for tensor in tensors]
    if len({len(shape) for shape in shapes}) > 1:
        return "tensors of different rank cannot be joined"
    differing = [k for k, sizes in enumerate(zip(*shapes, strict=True)) if len(set(sizes)) > 1]
    if len(differing) < 2:
        return ""
    return (
        f"joined tensors must agree on every axis but one, and these differ on axes {', '.join(map(str, differing))}: "
        "try an input whose size divides by the network's stride, such as a multiple of 32"
    )


def _broadcast(a: Shape, b: Shape) -> bool:
    return all(m == n or 1 in (m, n) for m, n in zip(reversed(a), reversed(b), strict=False))


def _by(sizes: Sequence[int]) -> str:
    return "x".join(map(str, sizes))


_RULES: dict[str, Callable[[Sequence[Tensor]], str]] = {
    "convolution": _convolution,
    "embedding": _embedding,
    "addmm": _product,
    "mm": _product,
    "cat": _cat,
    **dict.fromkeys(("add", "sub", "mul", "div", "where", "maximum", "minimum"), _sum),
}
