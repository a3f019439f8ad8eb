"""Differential test: where torchlens calls a field EXACT, striate says the same."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import Any

import pytest
import torch
import torchlens
import torchvision
from torchlens.receptive_field._errors import ReceptiveFieldError

import striate

MODELS = {"resnet18": 50, "vgg11": 20, "mobilenet_v2": 200, "densenet121": 4, "squeezenet1_1": 2, "googlenet": 3}


@pytest.mark.parametrize(("name", "at_least"), MODELS.items())
def test_agrees_where_torchlens_is_exact(name: str, at_least: int) -> None:
    extra = {"init_weights": False} if name == "googlenet" else {}
    module = torchvision.models.get_model(name, weights=None, **extra).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trace = torchlens.trace(module, torch.zeros(1, 3, 128, 128))
    fields = striate.load(module, (1, 3, 128, 128)).fields()
    compared = 0
    for path, theirs in exact_fields(trace).items():
        if path not in fields or len(theirs.size) != 2:
            continue
        axes = list(fields[path].axes.values())
        if any(axis.status != "exact" for axis in axes):
            continue
        compared += 1
        assert [(a.size, a.stride) for a in axes] == list(zip(theirs.size, theirs.jump, strict=True)), path
        centres = [a.start + (a.size - 1) / 2 for a in axes if a.start is not None and a.size is not None]
        assert centres == [float(c) for c in theirs.center0], path
    assert compared >= at_least


def exact_fields(trace: Any) -> dict[str, Any]:
    """The fields torchlens calls EXACT, by the path of the module whose output they are; modules called once."""
    found: dict[str, Any] = {}
    calls: Counter[str] = Counter()
    for layer in trace.layers:
        calls.update(layer.output_of_modules)
        try:
            view = layer.receptive_field
            if view.status.value == "exact" and view.size:
                found.update(dict.fromkeys(layer.output_of_modules, view))
        except ReceptiveFieldError:
            continue
    return {path: view for path, view in found.items() if calls[path] == 1}
