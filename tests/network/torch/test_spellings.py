"""However a function is written, its fields and regions are the same."""

from __future__ import annotations

import pytest
import torch
from spellings import CASES, Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_spellings_compute_the_same(case: Case) -> None:
    x = torch.rand(case.shape, generator=torch.Generator().manual_seed(1)) + 0.1
    with torch.no_grad():
        first, *others = (case.module(name)(x) for name in case.spellings)
    for other in others:
        torch.testing.assert_close(other, first, rtol=1e-4, atol=1e-5)
