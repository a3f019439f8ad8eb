"""What the reader records of small functions against autograd: the exact set of elements behind every output."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from support.oracle import dependence
from support.torch_functions import CASES, Function
from torch import Tensor

from striate.formats.torch import read_torch

SHAPE = (1, 4, 5, 6)


def measured(function: Function) -> NDArray[np.bool_]:
    """For each output element the input elements with a gradient, at one random point."""
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(SHAPE, dtype=torch.float64, generator=generator).requires_grad_(True)
    y: Tensor = function(x)
    rows = []
    for unit in y.flatten():
        (gradient,) = torch.autograd.grad(unit, x, retain_graph=True, allow_unused=True)
        rows.append(np.zeros(x.numel(), bool) if gradient is None else (gradient.flatten() != 0).numpy())
    return np.array(rows).reshape(*y.shape, -1)


@pytest.mark.parametrize("name", sorted(set(CASES) - {"out argument"}))
def test_recorded_dependence_equals_the_gradient(name: str) -> None:
    function = Function(CASES[name])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = read_torch(function, SHAPE, dtype=torch.float64)
    network.validate()
    np.testing.assert_array_equal(dependence(network)[network.outputs[0]], measured(function))


def test_an_out_argument_is_written() -> None:
    network = read_torch(Function(CASES["out argument"]), SHAPE)
    seen = dependence(network)[network.outputs[0]].reshape(4, 5, 6, 4, 5, 6)
    assert {tuple(map(int, place)) for place in np.argwhere(seen[1, 2, 0])} == {(1, 2, 0), (1, 2, 5)}


def test_the_oracle_notices_a_shifted_slice() -> None:
    network = read_torch(Function(lambda x: x[..., 1:5]), SHAPE)
    found = dependence(network)[network.outputs[0]]
    assert not np.array_equal(found, measured(Function(lambda x: x[..., 0:4])))
