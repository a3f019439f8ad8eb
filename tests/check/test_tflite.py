"""Checks of TFLite files in LiteRT: right claims are proved, wrong ones are found, and the rest is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command_line import one_line, run
from support.tflite_cases import case

from striate.check import check
from striate.errors import InputError, UnsupportedError
from striate.formats.tflite import spatial

PROVED = [
    "conv, stride 2 on even and odd", "conv, dilation", "depthwise, multiplier", "conv 3d", "transposed, same, odd",
    "max pool, same, overlapping", "bilinear, half pixels", "nearest, corners", "mirrored at the last pixel",
    "space to depth", "dilation by blocks", "mean of a conv, axes gone", "fully connected", "gate", "concatenation",
    "strided slice", "split, last", "half weights", "add and maximum", "logistic",
]  # fmt: skip


@pytest.mark.parametrize("name", PROVED)
def test_a_right_claim_is_proved_pixel_by_pixel(name: str) -> None:
    report = check(case(name))
    assert report.complete, str(report)
    assert report.runs
    assert report.runtime.startswith("LiteRT ")


def test_a_wrong_claim_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """SAME with its odd pad before, as it never is."""
    pads = spatial.same_pads
    monkeypatch.setattr(spatial, "same_pads", lambda *row: tuple(reversed(pads(*row))))
    report = check(case("conv, stride 2 on even and odd"))
    assert not report.ok
    assert any(unit.first is not None for unit in report.units)


@pytest.mark.parametrize(
    ("name", "said"),
    [("attention", "no twin for BATCH_MATMUL"), ("8-bit", "no twin for QUANTIZE"), ("softmax", "no twin for SOFTMAX")],
)
def test_what_has_no_twin_is_refused_by_name(name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=said):
        check(case(name))
    path = tmp_path / "m.tflite"
    path.write_bytes(case(name))
    one_line(run("check", path), 4, said)


def test_a_layer_inside_an_operation_is_refused() -> None:
    with pytest.raises(InputError, match="is made inside an operation of the file"):
        check(case("conv"), layers=["x.channels_first"])
