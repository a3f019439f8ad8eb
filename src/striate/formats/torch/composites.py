"""Functions that torch would take apart before they can be recorded, replaced while a module runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any

import torch
from torch import Tensor

from striate.errors import UnsupportedError
from striate.network.relation import Shape

Run = Callable[[str, dict[str, Any], list[Shape]], tuple[Tensor, ...]]
QUIET: dict[str, Callable[..., Any]] = {
    "__init__": lambda self, *args, **kwargs: None,
    "__enter__": lambda self: self,
    "__exit__": lambda self, *error: None,
}
RECURRENT = ("lstm", "gru", "rnn_tanh", "rnn_relu")


@contextmanager
def composites(run: Run) -> Iterator[None]:
    """While open, circular padding and recurrent layers go to ``run(key, arguments, output shapes)`` as they are.

    Autocast, which knows no meta device, is off. Other threads keep torch's own functions.
    """
    library: Any = torch._VF
    functions: Any = torch._C._nn
    pad = functions.pad
    functions.pad = _here(_pad(run, pad), pad)
    kept = {name: getattr(torch.autocast, name) for name in QUIET}
    for name, quiet in QUIET.items():
        setattr(torch.autocast, name, _here(quiet, kept[name]))
    for key in RECURRENT:
        setattr(library, key, _here(_recurrent(run, key), getattr(library, key)))
    try:
        yield
    finally:
        functions.pad = pad
        for name, method in kept.items():
            setattr(torch.autocast, name, method)
        for key in RECURRENT:
            delattr(library, key)


def _here(function: Callable[..., Any], elsewhere: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` in this thread, ``elsewhere`` in others."""
    thread = get_ident()

    def choose(*args: Any, **kwargs: Any) -> Any:
        return (function if get_ident() == thread else elsewhere)(*args, **kwargs)

    return choose


def _pad(run: Run, original: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def pad(input: Tensor, pad: Any, mode: str = "constant", value: float | None = None) -> Tensor:
        if mode != "circular":
            return original(input, pad, mode, value)
        shape = list(input.shape)
        for k in range(len(pad) // 2):
            shape[-1 - k] += pad[2 * k] + pad[2 * k + 1]
        return run("circular_pad", {"self": input, "padding": list(pad)}, [tuple(shape)])[0]

    return pad


def _recurrent(run: Run, key: str) -> Callable[..., tuple[Tensor, ...]]:
    def layer(x: Tensor, states: Any, weights: Any, bias: Any, layers: int, *rest: Any) -> tuple[Tensor, ...]:
        if isinstance(weights, Tensor):
            raise UnsupportedError(f"{key} of a packed sequence is not supported")
        _, _, both_ways, batch_first = rest
        states = (states,) if isinstance(states, Tensor) else tuple(states)
        ways = 2 if both_ways else 1
        features = ways * states[0].shape[-1]
        arguments = {
            "input": x,
            "states": states,
            "weights": list(weights),
            "time": 1 if batch_first else 0,
            "both_ways": bool(both_ways),
        }
        return run(key, arguments, [(*x.shape[:-1], features), *(tuple(state.shape) for state in states)])

    return layer
