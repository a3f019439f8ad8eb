"""Keras's own networks: the shape of every layer, and the exact pixels of sampled units by torch's gradients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from support.keras_models import gradient, keras, linear, lit, saved

from striate.check.choose import evenly
from striate.fields import Fields, Unit, region
from striate.formats.given import Given
from striate.formats.keras import Reading, read_file
from striate.formats.unknown import Unknown

APPLICATIONS = {
    "MobileNetV2": (96, {}),
    "MobileNetV3Small": (64, {"include_preprocessing": False}),
    "ResNet50": (64, {}),
    "ResNet50V2": (75, {}),
    "EfficientNetB0": (75, {}),
    "EfficientNetV2B0": (64, {}),
    "DenseNet121": (64, {}),
    "Xception": (75, {}),
    "NASNetMobile": (64, {}),
    "ConvNeXtTiny": (64, {}),
    "InceptionV3": (91, {}),
    "InceptionResNetV2": (91, {}),
    "VGG16": (64, {}),
}
UNITS = 6


@pytest.fixture
def doubles(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keras computes in float64, so that no gradient vanishes by rounding, and NASNet is built whatever its weights."""
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    monkeypatch.setattr("keras.src.applications.nasnet.backend.backend", lambda: "any")
    yield
    keras.config.set_floatx(before)


def read(model: Any, n: int) -> Reading:
    return read_file(saved(model), "m.keras", (1, n, n, 3), Unknown.REFUSE, Given())


def tensors(model: Any, reading: Reading) -> dict[str, Any]:
    """The tensors of Keras by the names of their layers."""
    names = reading.network.layers
    return {layer.name: layer.output for layer in model.layers if layer.name in names}


def claimed(reading: Reading, layer: str, at: tuple[int, ...]) -> Any:
    """The pixels that a unit reads, rows by columns by channels."""
    found = region(Fields(reading.network), Unit(layer, at))
    whole = np.zeros(reading.network.shapes[reading.network.inputs[0]][1:3], bool)
    rows, columns = found.hull
    whole[rows.start : rows.stop, columns.start : columns.stop] = found.cover
    return whole


def compared(name: str, layers: int) -> int:
    """How many units of so many layers, evenly spread, were compared, all of them alike."""
    n, settings = APPLICATIONS[name]
    model = lit(getattr(keras.applications, name)(weights=None, input_shape=(n, n, 3), **settings))
    reading = read(model, n)
    held = tensors(model, reading)
    for layer, tensor in held.items():
        found = reading.network.tensor(layer)
        shape, order = reading.network.shapes[found], reading.orders[found]
        assert tuple(tensor.shape[1:]) == tuple(shape[order.index(axis)] for axis in range(1, len(order))), layer
    random = np.random.default_rng(0)
    image = random.uniform(0.1, 0.2, (1, n, n, 3))
    count = 0
    images = [layer for layer in held if len(held[layer].shape) == 4]
    for layer in evenly(images, layers):
        rows, columns = held[layer].shape[1:3]
        units = [(0, 0), *((int(random.integers(rows)), int(random.integers(columns))) for _ in range(UNITS - 1))]
        with linear():
            measured = gradient(model, held[layer], units, image)
        for at, pixels in zip(units, measured, strict=True):
            np.testing.assert_array_equal(claimed(reading, layer, at), pixels.any(axis=-1), err_msg=f"{layer} {at}")
            count += 1
    return count


def test_mobilenet(doubles: None) -> None:
    assert compared("MobileNetV2", 4) > 20


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", APPLICATIONS)
def test_every_application(name: str, doubles: None) -> None:
    assert compared(name, 12) > 60
