"""Nodes say where their claim is an upper bound: unknown masks, positions from data, fixed taps that are zero."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from support.torch_functions import CASES, Function, banded, scores
from torch import Tensor, nn
from torch.nn import functional as F

from striate.formats.torch import read_torch
from striate.network.operators import MatMul

SHAPE = (1, 4, 5, 6)


class Masked(nn.Module):
    """A buffer and a weight that a function uses."""

    mask: Tensor

    def __init__(self, function: Callable[[Masked, Tensor], Tensor], mask: Tensor) -> None:
        super().__init__()
        self.register_buffer("mask", mask)
        self.weight = nn.Parameter(torch.ones(6, 6))
        self.kernel = nn.Parameter(torch.ones(4, 4, 3, 3))
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


BAND, TAPS = banded(5), torch.tensor([[0.0, 1, 0], [1, 1, 1], [0, 1, 0]]).expand(4, 4, 3, 3).clone()


def bounds(module: nn.Module, shape: tuple[int, ...] = SHAPE, unknown: str = "refuse") -> set[str]:
    """What the nodes are called whose claim is an upper bound."""
    network = read_torch(module, shape, unknown=unknown)
    network.validate()
    return {node.source for node in network.nodes if node.at_most}


UNKNOWN: dict[str, tuple[Callable[[Masked, Tensor], Tensor], set[str]]] = {
    "product": (lambda m, x: scores(x) * m.mask, {"mul"}),
    "where": (lambda m, x: torch.where(m.mask, scores(x), 0.0), {"where"}),
    "masked fill": (lambda m, x: scores(x).masked_fill(m.mask, 0.0), {"masked_fill"}),
    "softmax": (lambda m, x: (scores(x) + m.mask).softmax(-1) @ x, {"softmax", "bmm"}),
    "softmax of a mask": (
        lambda m, x: scores(x).masked_fill(m.mask, float("-inf")).softmax(-1) @ x,
        {"masked_fill", "softmax", "bmm"},
    ),
    "attention": (
        lambda m, x: F.scaled_dot_product_attention(x, x, x, attn_mask=m.mask),
        {"safe_softmax", "bmm"},
    ),
    "matrix": (lambda m, x: m.mask.to(x.dtype) @ x, {"bmm"}),
    "learned weights": (lambda m, x: (m.mask * m.weight[:5, :5]) @ x, {"bmm"}),
}


@pytest.mark.parametrize("name", sorted(UNKNOWN))
def test_masks_on_the_meta_device_are_not_known(name: str) -> None:
    function, expected = UNKNOWN[name]
    assert bounds(Masked(function, BAND).to("meta")) == expected
    assert bounds(Masked(function, BAND)) == set()


FROM_DATA: dict[str, tuple[Callable[[Masked, Tensor], Tensor], set[str]]] = {
    "index": (lambda m, x: x[:, x.argmax(1)[0, 0]], {"index"}),
    "gather": (lambda m, x: x.gather(1, x.argmax(1, keepdim=True)), {"gather"}),
    "scatter": (lambda m, x: torch.zeros_like(x).scatter(1, x.argmax(1, keepdim=True), 1.0), {"scatter"}),
    "grid": (lambda m, x: F.grid_sample(x, x[:, :2].permute(0, 2, 3, 1), align_corners=False), {"grid_sampler_2d"}),
    "mask made of data": (
        lambda m, x: scores(x).masked_fill(scores(x) > 0, float("-inf")).softmax(-1) @ x,
        {"softmax", "bmm"},
    ),
    "nearly minus infinity": (
        lambda m, x: (scores(x) + (m.mask.float() - 1) * 1e4).softmax(-1) @ x,
        {"softmax", "bmm"},
    ),
    "fixed taps": (lambda m, x: F.conv2d(x, TAPS), {"conv"}),
    "masked taps": (lambda m, x: F.conv2d(x, m.kernel * TAPS), {"conv"}),
    "masks joined": (
        lambda m, x: torch.cat([scores(x).masked_fill(~m.mask, float("-inf"))] * 2, 3).softmax(-1),
        {"softmax"},
    ),
}


@pytest.mark.parametrize("name", sorted(FROM_DATA))
def test_positions_from_data_are_upper_bounds(name: str) -> None:
    function, expected = FROM_DATA[name]
    assert bounds(Masked(function, BAND)) == expected


def test_large_masks_are_upper_bounds() -> None:
    keep = torch.ones(300, 300, dtype=torch.bool).tril()
    module = Masked(lambda m, x: scores(x).masked_fill(~m.mask, float("-inf")).softmax(-1) @ x, keep)
    assert bounds(module, (1, 300, 4)) == {"masked_fill", "softmax"}


def test_an_unknown_operator_is_an_upper_bound() -> None:
    assert bounds(Function(lambda x: torch.linalg.svd(x)[0] + 1), (3, 3), "whole") == {"linalg_svd"}


@pytest.mark.filterwarnings("ignore:.*padding=.same.")
@pytest.mark.parametrize("name", sorted(CASES))
def test_what_equals_the_gradient_is_no_upper_bound(name: str) -> None:
    network = read_torch(Function(CASES[name]), SHAPE, dtype=torch.float64)
    assert not any(node.at_most for node in network.nodes)


def test_learned_weights_are_no_masks() -> None:
    module = nn.Sequential(nn.Conv2d(4, 4, 3), nn.Linear(4, 4))
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    network = read_torch(module, SHAPE)
    found = [(node.op.word, node.at_most) for node in network.nodes if node.op.word != "reshape"]
    assert found == [("conv", False), ("linear", False)]


def test_weights_masked_in_place_are_masked() -> None:
    def forward(m: Masked, x: Tensor) -> Tensor:
        m.weight.data.mul_(banded(6))
        return F.linear(x, m.weight)

    network = read_torch(Masked(forward, BAND), SHAPE)
    assert [(n.op.left, n.op.right is None) for n in network.nodes if isinstance(n.op, MatMul)] == [(None, False)]
    assert sum(node.parameters for node in network.nodes) == 36
