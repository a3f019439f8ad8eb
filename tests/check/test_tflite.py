"""Checks of TFLite files in LiteRT: right claims are proved, wrong ones are found, and the rest is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tflite
from support.command_line import one_line, run
from support.tflite_cases import CASES, QUIET, Build, case, conv, positive
from support.tflite_models import Sketch

from striate.check import check
from striate.check.tflite_rules import RULES
from striate.errors import InputError, UnsupportedError
from striate.formats.model import Model
from striate.formats.steps import Step, as_stored, step
from striate.formats.tflite import OPERATORS, arrange, combine, spatial
from striate.formats.tflite.call import Call
from striate.network.operators import Linear, Scan

PROVED = [name for name in {**CASES, **QUIET} if name != "ZEROS_LIKE"]


@pytest.mark.parametrize("name", PROVED)
def test_a_right_claim_is_proved_pixel_by_pixel(name: str) -> None:
    report = check(case(name))
    assert report.complete, str(report)
    assert report.runs
    assert report.runtime.startswith("LiteRT ")


def test_every_operator_that_is_read_has_a_twin_or_depends_on_nothing() -> None:
    sized = {"SHAPE", "RANK", "ZEROS_LIKE", "RANGE", "RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL"}
    by_data = {"WHERE", "UNIQUE", "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5"}
    stored = {"DENSIFY"}
    assert set(OPERATORS) - set(RULES) == sized | by_data | stored
    assert set(RULES) <= set(OPERATORS)


def upright(s: Sketch, op: str, *more: int, **settings: Any) -> int:
    """An operator along the rows of a picture: its columns stand last."""
    y = conv(s, s.input(1, 3, 4, 2), 2, 2, (1, 1))
    return s.add(op, s.add("TRANSPOSE", y, s.constant(np.array([0, 3, 1, 2]))), *more, **settings)


def largest_of_rows(s: Sketch) -> int:
    first = upright(s, "TOPK_V2", s.constant(np.int32(2)), outputs=2)
    s.tensors[first + 1] = replace(s.tensors[first + 1], kind="int32")
    return first


def as_tokens(s: Sketch) -> int:
    return s.add("RESHAPE", conv(s, s.input(1, 2, 3, 2), 4, 2, (1, 1)), s.constant(np.array([1, 6, 4])))


def multiplied(s: Sketch, turned: str = "") -> int:
    """Tokens, and a product of them by themselves, either side turned."""
    x = as_tokens(s)
    if turned == "AdjX":
        return s.add("BATCH_MATMUL", x, s.add("RELU", x), options="BatchMatMulOptions", AdjX=True)
    return s.add("BATCH_MATMUL", x, s.add("RELU", x), options="BatchMatMulOptions", AdjY=True)


def by_a_constant(s: Sketch) -> int:
    return s.add("BATCH_MATMUL", s.constant(positive(1, 5, 6)), as_tokens(s), options="BatchMatMulOptions")


def dense_by_data(s: Sketch) -> int:
    x = s.add("RESHAPE", s.input(1, 3, 4, 2), s.constant(np.array([6, 4])))
    return s.add("FULLY_CONNECTED", x, s.add("RELU", x), -1, options="FullyConnectedOptions")


def filled(s: Sketch) -> int:
    """A number made of the whole picture, wherever an output stands."""
    number = s.add("MEAN", s.input(1, 4, 5, 1), s.constant(np.arange(4)), options="ReducerOptions", KeepDims=False)
    return s.add("FILL", s.constant(np.array([1, 2, 2, 1])), number)


def embedded(s: Sketch) -> int:
    return s.add("GATHER", s.constant(positive(20, 4)), s.input(1, 7, kind="int32"), options="GatherOptions", Axis=0)


def of_bytes(s: Sketch) -> int:
    kinds = {"InDataType": tflite.TensorType.UINT8, "OutDataType": tflite.TensorType.FLOAT32}
    return conv(s, s.add("CAST", s.input(1, 6, 6, 1, kind="uint8"), options="CastOptions", **kinds), 2, 1)


ALONG = {
    "SOFTMAX": lambda s: upright(s, "SOFTMAX", options="SoftmaxOptions", Beta=1.0),
    "LOG_SOFTMAX": lambda s: upright(s, "LOG_SOFTMAX"),
    "L2_NORMALIZATION": lambda s: upright(s, "L2_NORMALIZATION", options="L2NormOptions"),
    "LOCAL_RESPONSE_NORMALIZATION": lambda s: upright(
        s, "LOCAL_RESPONSE_NORMALIZATION", options="LocalResponseNormalizationOptions", Radius=1, Alpha=0.5, Beta=0.5,
        Bias=1.0,
    ),
}  # fmt: skip
MORE: dict[str, Build] = {
    **ALONG,
    "largest of a row": largest_of_rows,
    "left turned": lambda s: multiplied(s, "AdjX"),
    "right turned": lambda s: multiplied(s, "AdjY"),
    "a constant by tokens": by_a_constant,
    "a dense layer whose weight data makes": dense_by_data,
    "filled with what data makes": filled,
    "bytes": of_bytes,
}


@pytest.mark.parametrize("name", MORE)
def test_what_mixes_is_proved_where_it_matters(name: str) -> None:
    sketch = Sketch()
    report = check(sketch.file(MORE[name](sketch)))
    assert report.complete, str(report)
    assert report.runs


def test_a_table_that_the_input_looks_up_is_read_within_its_bound() -> None:
    sketch = Sketch()
    assert check(sketch.file(embedded(sketch))).ok


@pytest.mark.parametrize("op", ALONG)
def test_an_operator_said_to_mix_nothing_is_found(op: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPERATORS, op, OPERATORS["RELU"])
    sketch = Sketch()
    assert not check(sketch.file(ALONG[op](sketch))).ok


def test_a_number_said_to_depend_on_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what is added to a filled tensor, all is claimed but what fills it."""
    monkeypatch.setitem(OPERATORS, "FILL", arrange.constant)
    sketch = Sketch()
    made = filled(sketch)
    wide = sketch.add("SLICE", 0, *(sketch.constant(np.array(at)) for at in ([0, 0, 0, 0], [1, 2, 2, 1])))
    assert not check(sketch.file(sketch.add("ADD", wide, made, options="AddOptions"))).ok


def test_a_product_said_to_read_one_side_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def left(call: Call) -> Step:
        return step(Linear(call.shape(1)[-2]), call.filed(0), order=as_stored(3))

    monkeypatch.setitem(OPERATORS, "BATCH_MATMUL", left)
    sketch = Sketch()
    assert not check(sketch.file(multiplied(sketch))).ok


def test_a_sum_said_to_run_the_other_way_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(combine, "Scan", lambda axis, reverse, *more: Scan(axis, not reverse, *more))
    sketch = Sketch()
    x = conv(sketch, sketch.input(1, 4, 3, 2), 2, 2)
    assert not check(sketch.file(sketch.add("CUMSUM", x, sketch.constant(np.int32(1)), options="CumsumOptions"))).ok


def test_a_wrong_claim_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """SAME with its odd pad before, as it never is."""
    pads = spatial.same_pads
    monkeypatch.setattr(spatial, "same_pads", lambda *row: tuple(reversed(pads(*row))))
    report = check(case("conv, stride 2 on even and odd"))
    assert not report.ok
    assert any(unit.first is not None for unit in report.units)


def custom(s: Sketch) -> int:
    return s.add("CUSTOM:Surprise", conv(s, s.input(1, 4, 5, 2), 2, 2), shape=(1, 4, 5, 2))


def weight_of_data(s: Sketch) -> int:
    x = s.input(1, 3, 3, 2)
    settings: dict[str, Any] = {"StrideH": 1, "StrideW": 1, "Padding": tflite.Padding.SAME}
    return s.add("CONV_2D", x, s.add("RELU", x, shape=(1, 3, 3, 2)), -1, options="Conv2DOptions", **settings)


@pytest.mark.parametrize(("build", "said"), [
    (custom, "no twin for CUSTOM:Surprise"), (weight_of_data, "data makes"),
])  # fmt: skip
def test_what_has_no_twin_is_refused_by_name(build: Build, said: str) -> None:
    sketch = Sketch()
    with pytest.raises(UnsupportedError, match=said):
        check(Model(sketch.file(build(sketch)), unknown="whole"))


def test_a_file_of_which_a_part_is_not_read_is_one_line(tmp_path: Path) -> None:
    sketch = Sketch()
    path = tmp_path / "m.tflite"
    path.write_bytes(sketch.file(custom(sketch)))
    one_line(run("check", path), 4, "no rule for the custom operator Surprise")


def test_a_layer_inside_an_operation_is_refused() -> None:
    with pytest.raises(InputError, match="is made inside an operation of the file"):
        check(case("conv"), layers=["x.channels_first"])
