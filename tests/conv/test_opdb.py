"""Every sample and every error input of torch's own operator database."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from striate.conv import compiled_algorithms, conv1d, conv2d, conv_transpose2d
from striate.errors import StriateError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_methods_invocations import op_db

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "nn.functional.conv2d": conv2d,
    "nn.functional.conv1d": conv1d,
    "nn.functional.conv_transpose2d": conv_transpose2d,
}
OPS = {op.name: op for op in op_db if op.name in FUNCTIONS}


def arrays(values: Sequence[Any]) -> list[Any]:
    return [v.detach().numpy() if isinstance(v, torch.Tensor) else v for v in values]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("algorithm", ["auto", "reference", *compiled_algorithms()])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_samples(name: str, algorithm: str, dtype: torch.dtype) -> None:
    count = 0
    for sample in OPS[name].sample_inputs("cpu", dtype):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = OPS[name](sample.input, *sample.args, **sample.kwargs)
        given = arrays([sample.input, *sample.args])
        kwargs = {
            key: value.numpy() if isinstance(value, torch.Tensor) else value for key, value in sample.kwargs.items()
        }
        try:
            result = FUNCTIONS[name](*given, **kwargs, algorithm=algorithm)
        except StriateError as refusal:
            assert algorithm in compiled_algorithms() and "cannot compute" in str(refusal), refusal  # noqa: PT017, PT018
            continue
        tolerance = 1e-5 if dtype == torch.float32 else 1e-12
        scale = max(float(expected.abs().max()), float(sample.input.abs().max()))
        np.testing.assert_allclose(result, expected.detach().numpy(), rtol=0, atol=tolerance * scale)
        assert result.shape == tuple(expected.shape)
        count += 1
    assert count == len(list(OPS[name].sample_inputs("cpu", dtype))) or algorithm not in ("auto", "reference", "direct")


@pytest.mark.parametrize("name", ["nn.functional.conv2d", "nn.functional.conv1d"])
def test_error_inputs(name: str) -> None:
    errors = list(OPS[name].error_inputs("cpu"))
    assert len(errors) == 10
    for error in errors:
        sample = error.sample_input
        kwargs = {
            key: value.numpy() if isinstance(value, torch.Tensor) else value for key, value in sample.kwargs.items()
        }
        with pytest.raises((ValueError, TypeError), match=error.error_regex) as caught:
            FUNCTIONS[name](*arrays([sample.input, *sample.args]), **kwargs)
        assert isinstance(caught.value, StriateError)
        assert str(caught.value).startswith(name.rsplit(".", 1)[1])
