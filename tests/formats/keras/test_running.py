"""Keras behind a .keras file: every layer's numbers in the network's order, and what is not run."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.command_line import one_line, run
from support.keras_models import L, array, keras, lit, quiet, saved

import striate
from striate.errors import InputError, MissingDependencyError, UnsupportedError
from striate.explore import feature_maps
from striate.explore.running import opened, runner_of
from striate.formats.keras.running import KerasRunner, _strange
from striate.formats.model import Model
from striate.formats.unknown import Unknown
from striate.run import Runner


@pytest.fixture(autouse=True)
def of_each_other() -> Iterator[None]:
    """Keras and torch warn about each other."""
    with warnings.catch_warnings(action="ignore"):
        yield


def model() -> Any:
    x = L.Input((9, 8, 3), name="image")
    shared = L.Conv2D(4, 3, padding="same", name="shared")
    y = shared(L.Conv2D(4, 3, strides=2, padding="same", activation="relu", name="first")(x))
    tokens = L.Reshape((20, 4), name="tokens")(shared(y))
    return lit(keras.Model(x, L.Dense(3, name="end")(tokens)))


def running(content: bytes) -> Runner:
    return runner_of(opened(content))


@quiet
def own(made: Any, image: np.ndarray, tensor: Any) -> np.ndarray:
    return array(keras.Model(made.inputs, tensor)(image, training=False))


def test_the_numbers_of_layers_are_those_of_keras_in_the_networks_order(tmp_path: Path) -> None:
    made = model()
    path = tmp_path / "m.keras"
    path.write_bytes(saved(made))
    image = np.random.default_rng(0).random((2, 9, 8, 3)).astype(np.float32)
    found = runner_of(opened(path)).run({"image": image}, ["first", "shared:1", "end", "image"])
    first, second = own(made, image, made.get_layer("first").output), made.get_layer("shared")._inbound_nodes[1]
    np.testing.assert_allclose(found["first"], first.transpose(0, 3, 1, 2), rtol=1e-5)
    np.testing.assert_allclose(
        found["shared:1"], own(made, image, second.output_tensors[0]).transpose(0, 3, 1, 2), rtol=1e-5
    )
    np.testing.assert_allclose(found["end"], own(made, image, made.output), rtol=1e-5)
    np.testing.assert_array_equal(found["image"], image)


def test_maps_and_steps_of_a_keras_layer() -> None:
    content, picture = saved(model()), np.random.default_rng(1).random((1, 9, 8, 3)).astype(np.float32)
    found = feature_maps(content, "first", picture)
    assert found.maps.shape == (4, 5, 4)
    made = running(content).run({"image": picture}, ["first"])["first"]
    np.testing.assert_array_equal(found.maps, made[0])


def test_what_keras_does_not_show_or_take_is_one_line() -> None:
    runner, image = running(saved(model())), np.zeros((1, 9, 8, 3), np.float32)
    with pytest.raises(InputError, match=r"'first\.conv' is made inside a layer, and Keras shows what these give"):
        runner.run({"image": image}, ["first.conv"])
    with pytest.raises(InputError, match="no array is fed for input 'image'"):
        runner.run({}, ["first"])
    with pytest.raises(InputError, match=r"Keras fails on inputs of shape \(1, 7, 8, 3\): "):
        runner.run({"image": image[:, :7]}, ["first"])
    with pytest.raises(InputError, match="no layer 'frist'"):
        runner.run({"image": image}, ["frist"])


def test_layers_of_somebody_elses_are_not_handed_to_keras() -> None:
    whole = Model(saved(model()), None, Unknown.WHOLE)
    assert isinstance(runner_of(whole.read()), KerasRunner)
    hidden = {"module": "keras.layers", "config": [{"module": "os", "class_name": "system"}]}
    assert list(_strange(hidden)) == ["module 'os'"]
    assert list(_strange([{"class_name": "__lambda__", "config": {}}])) == ["a lambda"]
    x = L.Input((4, 4, 1), name="x")
    strange = keras.Model(x, L.Conv2D(1, 1, kernel_initializer=Mine(), name="c")(x))
    assert striate.load(saved(strange)).shapes["c"] == (1, 1, 4, 4)
    with pytest.raises(UnsupportedError, match="the model is not run: its config names module"):
        running(saved(strange))


class Mine(keras.initializers.Zeros):  # type: ignore[misc]
    """An initialiser of somebody's own."""


def test_without_keras_a_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    content = saved(model())
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(MissingDependencyError, match="pip install keras torch"):
        running(content)


def test_commands_on_a_keras_file(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    path.write_bytes(saved(model()))
    done = run("check", path, "--layer", "first")
    assert done.exit_code == 0, done.output
    assert "first" in done.output
    done = run("crop", path, "first", "0:2,0:2", "--out", tmp_path / "part.onnx")
    one_line(done, 4, "parts are cut out of ONNX files")
