"""Functions that torch would take apart before they can be recorded, replaced while a module runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any, Protocol

import torch
from torch import Tensor

from striate.errors import InputError, UnsupportedError
from striate.network.relation import Shape


class Run(Protocol):
    """Records a function by its name, arguments and the shapes of its outputs, whose type is its first argument's."""

    def __call__(
        self, key: str, arguments: dict[str, Any], shapes: list[Shape], dtype: torch.dtype | None = None
    ) -> tuple[Tensor, ...]:
        """The outputs."""


QUIET: dict[str, Callable[..., Any]] = {
    "__init__": lambda self, *args, **kwargs: None,
    "__enter__": lambda self: self,
    "__exit__": lambda self, *error: None,
}
PACKED = dict.fromkeys(
    ("_pack_padded_sequence", "_pad_packed_sequence"),
    "packed sequences have lengths that are data; hand the recurrent layer the padded tensor itself, "
    "without pack_padded_sequence",
)
RECURRENT = ("lstm", "gru", "rnn_tanh", "rnn_relu")


@contextmanager
def composites(run: Run) -> Iterator[None]:
    """While open, circular padding, recurrent layers and spectra of frames go to ``run`` as they are.

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
    for key, refused in PACKED.items():
        setattr(library, key, _here(_refusing(run, refused), getattr(library, key)))
    library.stft = _here(_stft(run), library.stft)
    inverse = torch.istft
    setattr(torch, "istft", _here(_istft(run), inverse))  # noqa: B010
    try:
        yield
    finally:
        functions.pad = pad
        for name, method in kept.items():
            setattr(torch.autocast, name, method)
        setattr(torch, "istft", inverse)  # noqa: B010
        for key in (*RECURRENT, *PACKED, "stft"):
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


def _refusing(run: Run, why: str) -> Callable[..., Any]:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise UnsupportedError(why)

    return refuse


def _stft(run: Run) -> Callable[..., Tensor]:
    def stft(
        x: Tensor,
        n_fft: int,
        hop_length: int | None = None,
        win_length: int | None = None,
        window: Tensor | None = None,
        normalized: bool = False,
        onesided: bool | None = None,
        return_complex: bool | None = None,
        align_to_window: bool | None = None,
    ) -> Tensor:
        if align_to_window is not None:
            raise UnsupportedError("stft with align_to_window has no rule; leave it out")
        step, complex_in = hop_length or n_fft // 4, x.is_complex() or (window is not None and window.is_complex())
        bins = n_fft if complex_in or onesided is False else n_fft // 2 + 1
        if x.dim() not in (1, 2) or x.shape[-1] < n_fft:
            raise InputError(
                f"stft of {tuple(x.shape)}: frames of {n_fft} need a signal of shape (length) or (batch, length) of at "
                f"least {n_fft} samples"
            )
        frames = (x.shape[-1] - n_fft) // step + 1
        parts = not (return_complex or (return_complex is None and complex_in))
        shape = (*x.shape[:-1], bins, frames, *((2,) if parts else ()))
        dtype = _partner(x.dtype, parts)
        arguments = {"self": x, "n_fft": n_fft, "hop_length": step, "win_length": win_length or n_fft,
                     "window": window, "parts": parts}  # fmt: skip
        return run("stft", arguments, [shape], dtype)[0]

    return stft


def _istft(run: Run) -> Callable[..., Tensor]:
    def istft(
        input: Tensor,
        n_fft: int,
        hop_length: int | None = None,
        win_length: int | None = None,
        window: Tensor | None = None,
        center: bool = True,
        normalized: bool = False,
        onesided: bool | None = None,
        length: int | None = None,
        return_complex: bool = False,
    ) -> Tensor:
        step, start = hop_length or n_fft // 4, n_fft // 2 if center else 0
        whole = n_fft + step * (input.shape[-1] - 1)
        stop = start + length if length is not None else whole - start
        dtype = input.dtype if return_complex else _partner(input.dtype, True)
        arguments = {"self": input, "n_fft": n_fft, "hop_length": step, "win_length": win_length or n_fft,
                     "window": window, "start": start}  # fmt: skip
        return run("istft", arguments, [(*input.shape[:-2], stop - start)], dtype)[0]

    return istft


def _partner(dtype: torch.dtype, real: bool) -> torch.dtype:
    """The real or complex type of the same precision."""
    return dtype.to_real() if real else dtype.to_complex()
