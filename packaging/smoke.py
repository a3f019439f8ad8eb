"""What an installed striate must do: tell the fields of the model that ships with it, and convolve as NumPy does."""

from __future__ import annotations

from importlib.resources import files

import numpy as np

import striate
from striate.conv import compiled_algorithms

fields = striate.load(files("striate") / "data" / "denoiser.onnx", (1, 3, 64, 96)).fields()
assert fields["mid1/conv"].axes["height"].size == 27, fields["mid1/conv"]

rng = np.random.default_rng(0)
x, weight = rng.normal(size=(2, 3, 17, 23)), rng.normal(size=(5, 3, 3, 4))
windows = np.lib.stride_tricks.sliding_window_view(x, (3, 4), axis=(2, 3))
assert np.allclose(striate.conv2d(x, weight), np.einsum("nchwij,kcij->nkhw", windows, weight))
assert compiled_algorithms(), "installed without the compiled module"
