"""Spectra of frames and signals put together from them: a frame reads its window where that is not zero."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from striate.errors import UnsupportedError
from striate.formats.torch.call import Call, handles
from striate.network.operators import ConvTranspose, Mask, Pad, Reduce, Reshape, Stft, Transpose


@handles("stft")
def stft(call: Call) -> None:
    """Frames of a signal, each transformed; the signal is padded already."""
    x, length, step = call.value("self"), int(call["n_fft"]), int(call["hop_length"])
    keep = _window(call)
    bins, frames = call.shape[-3:-1] if call["parts"] else call.shape[-2:]
    signal = (1, *x.shape)[-2:]
    number = call.add(Reshape(signal), [call.graph.number(x)], signal)
    made = (signal[0], frames, bins, 2)
    spectrum = Stft(length, step, bins, None if keep.all() else Mask.of(keep))
    number = call.add(spectrum, [number], made)
    number = call.add(Transpose((0, 2, 1, 3)), [number], (signal[0], bins, frames, 2))
    if not call["parts"]:
        number = call.add(Reduce((3,), False), [number], (signal[0], bins, frames))
    call.emit(Reshape(call.shape), [number])


@handles("istft")
def istft(call: Call) -> None:
    """Frames transformed back, weighed by the window and added where they overlap, without what lies beyond."""
    x, step, start = call.value("self"), int(call["hop_length"]), int(call["start"])
    frames = x.shape[-1]
    first, last = _ends(call)
    taps, out = last - first + 1, call.shape[-1]
    images = (1, *x.shape)[-3:]
    number = call.add(Reshape(images), [call.graph.number(x)], images)
    covered = (frames - 1) * step + taps
    held = min(out, covered - (start - first))
    pads = (start - first, covered - (held + start - first))
    number = call.add(
        ConvTranspose((taps,), (step,), (1,), (pads,), out_channels=1), [number], (images[0], 1, held)
    )
    if held < out:
        number = call.add(Pad(((0, 0), (0, 0), (0, out - held))), [number], (images[0], 1, out))
    call.emit(Reshape(call.shape), [number])


def _ends(call: Call) -> tuple[int, int]:
    """The first and the last place of a window that is not zero; an upper bound where zeros lie between."""
    places = np.flatnonzero(_window(call))
    if not len(places):
        raise UnsupportedError("its window is zero everywhere")
    call.at_most = len(places) < places[-1] - places[0] + 1
    return int(places[0]), int(places[-1])


def _window(call: Call) -> NDArray[np.bool_]:
    """Where the window, centred in a frame, is not zero; everywhere where its elements are not known."""
    length, taps = int(call["n_fft"]), int(call["win_length"])
    keep = np.zeros(length, np.bool_)
    start = (length - taps) // 2
    found: torch.Tensor | None = None
    if call.get("window") is not None:
        if not call.value("window").constant:
            raise UnsupportedError("its window depends on data")
        found = call.known(call["window"])
        call.at_most = found is None
    keep[start : start + taps] = True if found is None else (found != 0).numpy()
    return keep
