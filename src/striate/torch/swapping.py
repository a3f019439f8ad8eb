"""``accelerate``: striate in the place of torch's convolutions, where that is faster."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from striate.errors import ArrayTypeError, InputError
from striate.torch.module import Conv2d, computes

_ROUNDS, _ENOUGH_SECONDS = 7, 0.2


@dataclass(frozen=True, slots=True)
class Measured:
    """What one layer took over the inputs that the example brought it, in milliseconds."""

    name: str
    striate_ms: float
    torch_ms: float


@dataclass(frozen=True, slots=True)
class Left:
    """A convolution that torch goes on computing, and why."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Acceleration:
    """What :func:`accelerate` did to ``model``; ``print`` it.

    ``swapped`` names the layers that striate computes, ``left`` the convolutions it does not, and ``measured`` has the
    times of each layer that was tried (none without an example).
    """

    model: nn.Module = field(repr=False)
    swapped: tuple[str, ...]
    left: tuple[Left, ...]
    measured: tuple[Measured, ...] = ()

    def __str__(self) -> str:
        count = len(self.swapped) + len(self.left)
        lines = [f"striate computes {len(self.swapped)} of {count} convolutions"]
        return "\n".join(lines + [f"  {left.name or 'the model'} is left to torch: {left.why}" for left in self.left])


def accelerate(model: nn.Module, example: Any = None) -> Acceleration:
    """Makes striate compute the convolutions of ``model``, in place, and reports which.

    With an ``example`` (a tensor, a tuple of arguments, or a mapping of keyword arguments) the model is run on it once,
    in evaluation mode and without gradients, and each convolution is timed both ways on what it met there; torch keeps
    those it computes faster. The choice stands from then on. Without an example every layer is swapped, faster or not.

    Whole models do not always gain: a layer costs more to call than torch's, which counts where it has little to
    compute, and torch's own threads, which wait for the next layer by spinning, take time from striate's. Give an
    example of the size that matters, compare the model before and after, and leave it as it was, or try
    ``OMP_WAIT_POLICY=PASSIVE``, where it is not faster. Do not use it for models with the channels last in memory, on
    another device, in half precision or under autocast, which torch computes either way, nor under ``torch.compile``,
    which then no longer fuses what follows a convolution.

    Every module whose class is exactly ``torch.nn.Conv2d`` may become a :class:`Conv2d`; parameters, hooks and names
    stay as they are. Subclasses (lazy, quantised, parametrised) keep their own ways. Raises ArrayTypeError (a
    TypeError) for anything but a module, and InputError where the model does not run on the example.

    >>> report = accelerate(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv1d(8, 8, 1)))
    >>> print(report)
    striate computes 1 of 2 convolutions
      2 is left to torch: striate computes torch.nn.Conv2d alone, this is a Conv1d
    >>> type(report.model[0]) is Conv2d
    True
    """
    if not isinstance(model, nn.Module):
        raise ArrayTypeError(f"accelerate: expected a torch.nn.Module, got {type(model).__name__}")
    found = {name: module for name, module in model.named_modules() if isinstance(module, _ConvNd)}
    met = None if example is None else _inputs(model, found, example)
    known: dict[Any, tuple[float, float]] = {}
    swapped, left, measured = [], [], []
    for name, module in found.items():
        why = _refusal(module)
        if not why and met is not None and type(module) is nn.Conv2d:
            why = _unmeasurable(met[name])
            if not why:
                measured.append(_tried(name, module, met[name], known))
                why = _slower(measured[-1])
        if why:
            left.append(Left(name, why))
        else:
            module.__class__ = Conv2d
            swapped.append(name)
    return Acceleration(model, tuple(swapped), tuple(left), tuple(measured))


def _refusal(module: nn.Module) -> str:
    if type(module) in (nn.Conv2d, Conv2d):
        return ""
    kind = type(module).__name__
    if isinstance(module, nn.Conv2d):
        return f"{kind} is a subclass of torch.nn.Conv2d, which keeps its own ways"
    return f"striate computes torch.nn.Conv2d alone, this is a {kind}"


class _Met(NamedTuple):
    """What a layer met: how its input lies in memory, and whether striate computes such."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: torch.dtype
    ours: bool

    def again(self) -> Tensor:
        """Another such input, of other values."""
        x = torch.empty_strided(self.shape, self.stride, dtype=self.dtype)
        return (torch.empty(self.shape, dtype=self.dtype) if 0 in self.stride else x).uniform_(-1, 1)


def _unmeasurable(inputs: Collection[_Met]) -> str:
    if not inputs:
        return "the example does not reach it"
    if not all(met.ours for met in inputs):
        return "its input has the channels last, or another device or type than striate computes with"
    return ""


def _slower(times: Measured) -> str:
    if times.striate_ms <= times.torch_ms:
        return ""
    return f"{times.torch_ms:.3f} ms there, {times.striate_ms:.3f} ms by striate"


def _inputs(model: nn.Module, layers: Mapping[str, nn.Module], example: Any) -> dict[str, dict[_Met, None]]:
    """What each layer meets, each kind once, when the model runs on the example."""
    met: dict[str, dict[_Met, None]] = {name: {} for name in layers}

    def watch(name: str) -> Any:
        def see(module: nn.Module, inputs: tuple[Any, ...]) -> None:
            if inputs and isinstance(inputs[0], Tensor):
                x = inputs[0]
                met[name][_Met(tuple(x.shape), x.stride(), x.dtype, computes(x))] = None

        return see

    hooks = [module.register_forward_pre_hook(watch(name)) for name, module in layers.items()]
    arguments, named = _spread(example)
    try:
        with _evaluation(model), torch.no_grad():
            model(*arguments, **named)
    except Exception as error:
        reason = " ".join(str(error).split())
        raise InputError(f"accelerate: the model does not run on the example: {reason}") from error
    finally:
        for hook in hooks:
            hook.remove()
    return met


def _spread(example: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(example, Mapping):
        return (), dict(example)
    return (tuple(example) if isinstance(example, (tuple, list)) else (example,)), {}


@contextmanager
def _evaluation(model: nn.Module) -> Iterator[None]:
    training = [module for module in model.modules() if module.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True


def _tried(name: str, module: nn.Module, inputs: Collection[_Met], known: dict[Any, tuple[float, float]]) -> Measured:
    # Layers that compute alike share one measurement.
    steps = [getattr(module, step) for step in ("stride", "padding", "dilation", "groups", "padding_mode")]
    weight, total = module.get_parameter("weight"), [0.0, 0.0]
    for met in inputs:
        key = repr((tuple(weight.shape), steps, module.bias is None, met))
        if key not in known:
            known[key] = _measure(module, met.again())
        total = [sum(pair) for pair in zip(total, known[key], strict=True)]
    return Measured(name, 1e3 * total[0], 1e3 * total[1])


def _measure(module: nn.Module, x: Tensor) -> tuple[float, float]:
    # Seconds by striate and by torch.
    best = {Conv2d: float("inf"), nn.Conv2d: float("inf")}
    spent = 0.0
    with torch.no_grad():
        for turn in range(_ROUNDS + 1):
            for kind in best:
                seconds = _timed(module, kind, x)
                spent += seconds
                if turn:  # the first call of each packs weights and wakes threads
                    best[kind] = min(best[kind], seconds)
            if turn > 1 and spent > _ENOUGH_SECONDS:
                break
    return best[Conv2d], best[nn.Conv2d]


def _timed(module: nn.Module, kind: type[nn.Module], x: Tensor) -> float:
    own = module.__class__
    module.__class__ = kind
    try:
        torch.relu(x)  # as in a model, torch's workers have just ended something else
        before = time.perf_counter()
        module.forward(x)
        return time.perf_counter() - before
    finally:
        module.__class__ = own
