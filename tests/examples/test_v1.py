"""The shipped V1-like layer: what it is like, and that its script learns it."""

from __future__ import annotations

import importlib.util
import sys
from importlib.resources import files
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from striate.explore import tuning

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "learn_v1.py"
SHIPPED = Path(str(files("striate") / "data" / "v1.onnx"))


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("learn_v1", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["learn_v1"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def filters() -> np.ndarray:
    return numpy_helper.to_array(onnx.load(SHIPPED).graph.initializer[0])


def test_it_is_small_and_its_filters_are_even_handed() -> None:
    held = filters()
    assert SHIPPED.stat().st_size < 50_000
    assert held.shape == (64, 1, 11, 11)
    assert np.abs(held.sum((1, 2, 3))).max() < 1e-5
    assert (held**2).sum((1, 2, 3)) == pytest.approx(1, abs=1e-5)


def test_its_channels_are_simple_cells_of_all_angles() -> None:
    found = tuning(SHIPPED, "v1", (1, 1, 32, 32), angles=12)
    assert np.nanmedian(found.osi) > 0.6
    assert np.nanmedian(found.f1f0) == pytest.approx(np.pi / 2, abs=0.03)
    assert not found.dead.any()
    selective = found.preferred[found.osi > 0.5]
    assert len(selective) > 40
    assert np.histogram(selective, 6, (0, 180))[0].min() >= 3


def test_the_script_builds_the_file_from_its_filters() -> None:
    assert script().build_model(filters()).SerializeToString() == SHIPPED.read_bytes()


@pytest.mark.exhaustive
def test_the_script_learns_the_shipped_filters() -> None:
    """Another machine may round otherwise and give a few patches to another kind: nearly all filters come back."""
    learnt, held = (weights.reshape(64, -1).astype(np.float64) for weights in (script().learn(), filters()))
    likeness = np.abs(learnt @ held.T).max(0)
    assert np.median(likeness) > 0.99
    assert (likeness > 0.9).mean() > 0.8
    shuffled = np.random.default_rng(0).permuted(held, axis=1)
    assert np.abs(shuffled @ held.T).max(0).mean() < 0.5
