"""LiteRT as the oracle of what a TFLite file reads: values of its own tensors while each input is changed in turn."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

Array = NDArray[Any]
Sets = NDArray[np.bool_]


class Runtime:
    """A file in LiteRT's reference kernels at some shape of its first input, every tensor kept."""

    def __init__(self, content: bytes, shape: Sequence[int] | None = None) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._own = Interpreter(
                model_content=content,
                experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
                experimental_preserve_all_tensors=True,
                num_threads=1,
            )
        self.input = self._own.get_input_details()[0]
        if shape is not None:
            self._own.resize_tensor_input(self.input["index"], list(shape))
        self._own.allocate_tensors()
        self.input = self._own.get_input_details()[0]

    def run(self, image: Array, tensors: Sequence[int]) -> list[Array]:
        """The values of some tensors."""
        self._own.set_tensor(self.input["index"], image.astype(self.input["dtype"]))
        self._own.invoke()
        return [self._own.get_tensor(k) for k in tensors]

    def dependence(self, tensor: int, seed: int = 0, by: float = 100.0) -> Sets:
        """Which flat input elements each element of a tensor changes with: every one in turn is made much larger."""
        random = np.random.default_rng(seed)
        base = random.uniform(1, 2, self.input["shape"]).astype(np.float32)
        base = np.round(base * 2) if np.dtype(self.input["dtype"]).kind in "iu" else base
        (quiet,) = self.run(base, [tensor])
        found = np.zeros((*quiet.shape, base.size), bool)
        for k in range(base.size):
            changed = base.copy()
            changed.reshape(-1)[k] += by
            (value,) = self.run(changed, [tensor])
            found[..., k] = value != quiet
        return found
