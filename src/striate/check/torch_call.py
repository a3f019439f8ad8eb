"""One call of an aten operator in a module's twin, and the sums whose gradient says only what was read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.nn import Parameter

from striate.errors import UnsupportedError

ROUNDING = 1e-11
# Whether gradients leave out what passes through a reduction of an axis behind the channels.
APART: ContextVar[bool] = ContextVar("APART", default=False)


@dataclass(frozen=True, slots=True)
class Call:
    """One operator call: its arguments by name (twin tensors in place of those that carry data), its real outputs.

    ``tainted`` holds the twins among the arguments, in order, ``real`` the arguments as the module gave them;
    ``sparse`` and ``learned`` know the real tensors with zeros that masks made, and those made of parameters.
    """

    func: OpOverload
    name: str
    arguments: dict[str, Any]
    tainted: tuple[Tensor, ...]
    twins: frozenset[int]
    outputs: tuple[Tensor, ...]
    real: dict[str, Any]
    sparse: Any
    learned: Any

    @property
    def shape(self) -> torch.Size:
        """The shape of the first output."""
        return self.outputs[0].shape

    def data(self, name: str) -> Tensor | None:
        """The twin of an argument; None where it carries no data."""
        found = self.arguments.get(name)
        return found if isinstance(found, Tensor) and id(found) in self.twins else None

    def first(self) -> Tensor:
        """The twin of the operand called ``self`` or ``input``; other operands must carry no data."""
        found = self.data("self") if "self" in self.arguments else self.data("input")
        if found is None or len(self.tainted) > 1:
            raise self.refusal("what it reads depends on the image's values")
        return found

    def with_trained(self, x: Tensor, *names: str) -> Tensor:
        """``x`` nowhere zero where one of some arguments, added to it, is a parameter or made of some."""
        values = [value for name in names if isinstance(value := self.real.get(name), Tensor)]
        trained = any(isinstance(value, Parameter) or value in self.learned for value in values)
        return nowhere_zero(x) if trained else x

    def refusal(self, reason: str) -> UnsupportedError:
        """The error that names this operator."""
        return UnsupportedError(f"check has no twin for {self.func}: {reason}")


Rewrite = Callable[[Call], "Tensor | Sequence[Tensor]"]


def nowhere_zero(x: Tensor) -> Tensor:
    """``x``, and a constant more if it is zero somewhere."""
    return x if bool((x.detach() > 0).all()) else x + 1


class _Level(torch.autograd.Function):
    @staticmethod
    def forward(_context: Any, x: Tensor) -> Tensor:
        return x.clamp(max=1)

    @staticmethod
    def backward(_context: Any, gradient: Tensor) -> Tensor:
        return cut_back(gradient)


def level(x: Tensor) -> Tensor:
    """``x`` at most 1, with its gradient cut back to 0 or 1."""
    made: Tensor = _Level.apply(x)  # type: ignore[no-untyped-call]
    return made


def cut_back(gradient: Tensor) -> Tensor:
    """A gradient that says only whether there is one."""
    return (gradient.abs() > ROUNDING).to(gradient.dtype)


class _Gathered(torch.autograd.Function):
    @staticmethod
    def forward(_context: Any, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(_context: Any, gradient: Tensor) -> Tensor:
        return torch.zeros_like(gradient) if APART.get() else gradient


def gathered(x: Tensor, axes: Sequence[int]) -> Tensor:
    """The sum over some axes, kept, at most 1; without a gradient while ``APART``, if one is behind the channels."""
    made = level(x.sum(list(axes), keepdim=True))
    if all(axis % x.dim() < 2 or x.shape[axis] == 1 for axis in axes):
        return made
    found: Tensor = _Gathered.apply(made)  # type: ignore[no-untyped-call]
    return found


def ones(*shape: int) -> Tensor:
    """A float64 tensor of ones."""
    return torch.ones(shape, dtype=torch.float64)
