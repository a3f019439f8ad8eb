"""The experiment of Hubel and Wiesel on a trained network: what depth does, and what training adds.

Skipped where the object network is not fetched: python examples/objects.py.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from striate.explore import Tuning, tuning
from striate.explore.control import shuffled
from striate.formats.model import Model

FOLDER = Path(os.environ.get("STRIATE_OBJECTS") or Path.home() / ".cache" / "striate")
BLOCKS = "FeatureExtractor/MobilenetV2/"
FIELDS = {"Conv/Relu6": 3, "expanded_conv/depthwise/Relu6": 7, "expanded_conv_2/add": 19, "expanded_conv_5/add": 59}
"""Layers by the size of their fields."""


@pytest.fixture(scope="module")
def objects() -> Model:
    path = FOLDER / "objects.tflite"
    if not path.exists():
        pytest.skip(f"the object network is not in {FOLDER}; fetch it: python examples/objects.py")
    return Model(path)


def tuned(model: Model, layer: str, angles: int, phases: int, *frequencies: float) -> Tuning:
    return tuning(
        model, BLOCKS + layer, angles=angles, phases=phases, frequencies=frequencies, black=-1, white=1
    )  # fmt: skip


def median(values: np.ndarray) -> float:
    return float(np.nanmedian(values))


def test_the_first_layer_is_simple_like_and_half_of_it_dead(objects: Model) -> None:
    """Half-rectified sums of 3 x 3 pixels: F1/F0 is near pi/2."""
    found = tuned(objects, "Conv/Relu6", 6, 8, 0.25)
    assert found.field.shape == (3, 3)
    assert len(found.channels) == 32
    assert 16 <= found.dead.sum() <= 21
    assert median(found.f1f0) == pytest.approx(np.pi / 2, abs=0.15)


@pytest.mark.exhaustive
def test_phases_matter_less_with_depth_and_training_makes_angles_matter(objects: Model) -> None:
    """Medians of all channels; the same of weights shuffled inside each kernel, which is what depth alone gives."""
    sweep = (12, 8, 0.25, 0.125, 0.0625, 0.03125)
    trained = {layer: tuned(objects, layer, *sweep) for layer in FIELDS}
    assert {layer: found.field.shape[0] for layer, found in trained.items()} == FIELDS
    phases = [median(found.f1f0) for found in trained.values()]
    assert phases == pytest.approx([1.48, 1.46, 0.73, 0.17], abs=0.05)
    other = shuffled(objects)
    control = {layer: tuned(other, layer, *sweep) for layer in list(FIELDS)[2:]}
    angles = [median(trained[layer].osi) for layer in control]
    assert angles == pytest.approx([0.37, 0.38], abs=0.03)
    for found in control.values():
        assert median(found.osi) == pytest.approx(0.2, abs=0.05)
