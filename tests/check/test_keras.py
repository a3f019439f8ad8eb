"""Checks of .keras files in Keras on torch: right claims are proved, wrong ones are found, and the rest is refused."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest
from support.keras_cases import CASES, QUIET, built
from support.keras_models import L, keras, lit, quiet, saved

from striate.check import CheckReport, check
from striate.errors import InputError, UnsupportedError
from striate.formats.keras import spatial
from striate.formats.keras.running import KerasRunner

PROVED = ["center crop", "softmax, an axis", "attention", "ops: depth to space", "first: flatten"]
UNSHOWN = {"lstm with its state", "ops: split", "additive attention"}
"""Models of which Keras shows nothing by itself, or that the reader has a bound for alone."""


@pytest.fixture(autouse=True)
def of_each_other() -> Iterator[None]:
    """Keras and torch warn about each other."""
    with warnings.catch_warnings(action="ignore"):
        yield


def report_of(name: str) -> CheckReport:
    return check(saved(lit(built(name))))


@pytest.mark.parametrize("name", PROVED)
def test_a_right_claim_is_proved_pixel_by_pixel(name: str) -> None:
    report = report_of(name)
    assert report.complete, str(report)
    assert report.runs
    assert report.runtime.startswith("Keras ")
    assert " on torch " in report.runtime


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", sorted({*CASES, *QUIET} - UNSHOWN - set(PROVED)))
def test_every_layer_is_proved(name: str) -> None:
    report = report_of(name)
    assert report.complete, str(report)


@quiet
def strided() -> bytes:
    """A convolution whose odd pad is behind, inside a model that has more than it."""
    x = L.Input((8, 8, 2), name="x")
    y = L.Conv2D(3, 3, strides=2, padding="same", activation="relu", name="first")(x)
    return saved(lit(keras.Model(x, L.Dense(2, name="end")(y))))


def test_a_wrong_claim_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """SAME with its odd pad before, as it never is."""
    pads = spatial._pads
    monkeypatch.setattr(spatial, "_pads", lambda *row: tuple((after, before) for before, after in pads(*row)))
    report = check(strided())
    assert not report.ok
    assert any(unit.first is not None for unit in report.units)


def test_what_keras_does_not_show_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"'first.conv' is made inside a layer"):
        check(strided(), layers=["first.conv"])
    with pytest.raises(UnsupportedError, match="Keras shows none of them"):
        report_of("ops: split")


def test_another_backend_is_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KerasRunner, "backend", "jax")
    with pytest.raises(UnsupportedError, match="needs Keras on torch, here it runs on jax: set KERAS_BACKEND=torch"):
        check(strided())


def test_code_of_somebody_s_own_is_not_run() -> None:
    x = L.Input((4, 4, 1), name="x")
    strange = keras.Model(x, L.Conv2D(1, 1, kernel_initializer=Mine(), name="c")(x))
    with pytest.raises(UnsupportedError, match="the model is not run: its config names module"):
        check(saved(strange))


class Mine(keras.initializers.Zeros):  # type: ignore[misc]
    """An initialiser of somebody's own."""
