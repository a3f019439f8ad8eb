"""What the nodes of a crop say suffices to compute it: weights with a value for each place are cut with it."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
import torch
from support.crops import random_box
from support.executing import executed
from torch import Tensor, nn
from torch.nn import functional as F

from striate.crop import crop
from striate.errors import UnsupportedError
from striate.formats.torch import read_torch

SHAPE = (1, 3, 24, 20)


class Function(nn.Module):
    """A function of tables and an image."""

    def __init__(self, function: Callable[[Any, Tensor], Tensor], **tables: tuple[int, ...]) -> None:
        super().__init__()
        self.function = function
        for name, shape in tables.items():
            self.register_parameter(name, nn.Parameter(torch.randn(shape)))

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


MODULES: dict[str, Callable[[], nn.Module]] = {
    "channels": lambda: nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.PReLU(6), nn.Conv2d(6, 4, 3)),
    "rows and columns": lambda: nn.Sequential(
        nn.Conv2d(3, 2, 3, 1, 1),
        Function(lambda m, x: x * m.rows + m.columns - m.both, rows=(24, 1), columns=(20,), both=(2, 24, 20)),
        nn.Conv2d(2, 2, 3),
    ),
    "as many tokens as features": lambda: nn.Sequential(
        nn.Conv2d(3, 30, 4, 4), nn.Flatten(2), Function(lambda m, x: x.transpose(1, 2)), nn.LayerNorm(30)
    ),
    "up": lambda: nn.Sequential(
        nn.Conv2d(3, 4, 2, 2), nn.Upsample(scale_factor=3), nn.BatchNorm2d(4), nn.ConvTranspose2d(4, 3, 3, 2, 1, 1)
    ),
    "pools": lambda: nn.Sequential(
        nn.AvgPool2d(2), Function(lambda m, x: m.table / (2 + x.sigmoid()), table=(1, 3, 12, 10)), nn.MaxPool2d(2)
    ),
    "padded": lambda: nn.Sequential(nn.ConstantPad2d(2, 0.5), nn.Conv2d(3, 2, 5), Function(lambda m, x: F.gelu(x))),
}


@pytest.mark.parametrize("name", MODULES)
def test_a_crop_computes_its_part(name: str) -> None:
    torch.manual_seed(0)
    module, random, cut = MODULES[name]().double().eval(), Random(0), 0
    network, x = read_torch(module, SHAPE), torch.randn(SHAPE, dtype=torch.float64)
    (source,), stored = network.inputs, module.state_dict()
    with torch.no_grad():
        whole = executed(network, {source: x}, stored)
        for _ in range(40):
            tensor = random.choice(network.nodes).outputs[0]
            try:
                found = crop(network, {tensor: random_box(random, network.shapes[tensor])})
            except UnsupportedError:
                continue
            cut += 1
            made = executed(found.network, {source: x[found.feeds[source].slices]}, stored)
            torch.testing.assert_close(made[tensor], whole[tensor][found.boxes[tensor].slices], rtol=1e-9, atol=1e-9)
    assert cut > 25
