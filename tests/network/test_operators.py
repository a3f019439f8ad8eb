"""Every operator is a value: checked once, hashable, picklable, and written to JSON and back."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from support.odd import wrongly

from striate.errors import InputError, ModelError, StriateError
from striate.geometry import Border, Coordinates, Interpolation, Rounding
from striate.network.operators import (
    BY_WORD,
    OPERATORS,
    AdaptivePool,
    Attention,
    ChannelShuffle,
    Concat,
    Constant,
    Conv,
    ConvTranspose,
    DepthToSpace,
    Einsum,
    Elementwise,
    Everything,
    Expand,
    Fold,
    Function,
    Gather,
    Index,
    Linear,
    Mask,
    Masked,
    MatMul,
    Mix,
    Operator,
    Pad,
    Places,
    Pool,
    Recurrent,
    Reduce,
    RepeatInterleave,
    Reshape,
    Resize,
    Roll,
    Sample,
    Scan,
    Scatter,
    ScatterAt,
    Select,
    Slice,
    Sliding,
    SpaceToDepth,
    Split,
    Stft,
    Tile,
    Transform,
    Transpose,
    Unbind,
    Unfold,
)
from striate.network.operators.document import from_json, to_json
from striate.network.relation import Shape, shape_after

SQUARE = Mask.of(np.tri(4, dtype=np.bool_))
X: Shape = (1, 4, 8, 8)

CASES: list[tuple[Operator, tuple[Shape, ...]]] = [
    (Reshape((4, 64)), (X,)),
    (Transpose((0, 2, 3, 1)), (X,)),
    (Expand((2, 4, 8, 8)), (X,)),
    (Slice((2, 3), (7, 0), (4, 8), (-2, 1)), (X,)),
    (Select(1, -1), (X,)),
    (Gather(1, Places.of([[3, -1], [0, 0]])), (X,)),
    (Concat(1), (X, (1, 2, 8, 8))),
    (Split(1, (3, 1)), (X,)),
    (Unbind(1), (X,)),
    (Scatter(), (X, (1, 2))),
    (Masked(Mask.of([[[[True]], [[False]], [[True]], [[True]]]])), (X,)),
    (Tile((2, 1, 1, 3)), (X,)),
    (RepeatInterleave(3, 2), (X,)),
    (Roll((2, 3), (1, -2)), (X,)),
    (ChannelShuffle(2), (X,)),
    (Elementwise(1, (SQUARE, None), Function.of("clip", max=float("inf"), min=-1, exact=True)), ((4, 4), (4, 4), (4,))),
    (Constant((2, 3)), ()),
    (Reduce((2, 3), False, 2), (X,)),
    (Mix((3,), 2, ((1, 4, 8, 1),)), (X,)),
    (MatMul(SQUARE, None, True), ((4, 4), (4, 5))),
    (Linear(5, Mask.of(np.eye(5, 8, dtype=np.bool_))), (X,)),
    (Einsum("ij, jk -> ik", SQUARE, 0, "i", "j"), ((4, 4), (4, 5))),
    (Attention(SQUARE, ((1, 4, 1),), 0.5), ((1, 4, 6), (1, 4, 6), (1, 4, 5))),
    (Transform((3,), (5,), 2), (X,)),
    (Stft(4, 2, 3, Mask.of([False, True, True, True])), ((1, 16),)),
    (Scan(1, True, True), (X,)),
    (Recurrent(0, 1, ((5, 1, 2, 7), (1, 2, 7)), ((0, 2), (None, 1)), False, True, 1 << 40), ((5, 2, 3),)),
    (Everything(((2,), (3, 4))), (X, (5,))),
    (Index(1, (Places.of([[0], [3]]), Places.of([[0, -1]])), (2, 2)), (X,)),
    (ScatterAt((Places.of([0, 2]),), True), ((4, 3), (2, 3))),
    (Conv((3, 2), (2, 1), padding=((1, 1), (0, -1)), out_channels=6, groups=2, border=Border.REFLECT), (X, (6, 2))),
    (ConvTranspose((3, 3), (2, 2), out_channels=3, output_padding=(1, 0)), (X,)),
    (Pool((2, 2), (2, 2), ceil=True, count=(4, 4), outputs=2), (X,)),
    (AdaptivePool((3, 1)), (X,)),
    (
        Resize(
            (2, 3), (12, 4), Interpolation.NEAREST, Coordinates.TF_CROP_AND_RESIZE, (Rounding.FLOOR, Rounding.CEIL),
            (Fraction(3, 2), Fraction(1, 2)), ((Fraction(0), Fraction(1)), (Fraction(1, 4), Fraction(1))),
            (tuple(k * 2 // 3 for k in range(12)), (None, 2, 4, 6)),
        ),
        (X,),
    ),
    (Pad(((0, 0), (0, 0), (1, -1), (2, 2)), Border.CIRCULAR, float("-inf")), (X,)),
    (DepthToSpace(2, True), (X,)),
    (SpaceToDepth(2), (X,)),
    (Unfold((2, 2)), (X,)),
    (Fold((2, 2), size=(3, 3)), ((1, 8, 4),)),
    (Sliding(3, 3, 2), (X,)),
    (Sample(((1, 4, 5, 5),), True), (X, (1, 5, 5, 2))),
]  # fmt: skip


def named(case: Any) -> str | None:
    return case.word if isinstance(case, Operator) else None


def test_every_operator_has_a_case() -> None:
    assert {type(op) for op, _ in CASES} == set(OPERATORS)
    assert len(BY_WORD) == len(OPERATORS)


@pytest.mark.parametrize(("op", "shapes"), CASES, ids=named)
def test_an_operator_is_a_value(op: Operator, shapes: tuple[Shape, ...]) -> None:
    again = pickle.loads(pickle.dumps(op))
    assert again == op
    assert hash(again) == hash(op)
    for field in fields(op):
        with pytest.raises(FrozenInstanceError):
            setattr(op, field.name, 0)


@pytest.mark.parametrize(("op", "shapes"), CASES, ids=named)
def test_json_both_ways(op: Operator, shapes: tuple[Shape, ...]) -> None:
    written = json.loads(json.dumps(to_json(op)))
    assert written["op"] == op.word
    assert from_json(written) == op
    assert from_json(written).result(shapes) == op.result(shapes)


@pytest.mark.parametrize(("op", "shapes"), CASES, ids=named)
def test_relations_lead_to_the_outputs(op: Operator, shapes: tuple[Shape, ...]) -> None:
    outputs = op.result(shapes).outputs
    assert outputs
    for output in outputs:
        for shape, reads in zip(shapes, output.reads, strict=True):
            assert all(shape_after(relation, shape) == output.shape for relation in reads)


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.word)
def test_a_field_that_no_operator_has_is_refused(operator: Any) -> None:
    with pytest.raises(TypeError, match="dilations"):
        operator(dilations=(2, 2))
    with pytest.raises(ModelError, match="'dilations'"):
        from_json({"op": operator.word, "dilations": [2, 2]})


@pytest.mark.parametrize(("op", "shapes"), CASES, ids=named)
def test_fields_of_another_kind_are_refused_in_one_line(op: Operator, shapes: tuple[Shape, ...]) -> None:
    given = {field.name: getattr(op, field.name) for field in fields(op)}
    for name in given:
        for wrong in (object(), "cubist", (("x",),), 1.5):
            if (isinstance(wrong, str) and isinstance(given[name], str | Function)) or (
                isinstance(wrong, float) and (isinstance(given[name], float) or name == "scale")
            ):
                continue
            with pytest.raises(InputError, match=f"{op.word}: {name}"):
                type(op)(**{**given, name: wrong})


WRONG: list[tuple[Callable[[], object], str]] = [
    (lambda: Conv((3, 3), (0, 1), out_channels=1), "conv: stride must be at least 1, got 0"),
    (lambda: Conv((3, 3), (1,), out_channels=1), r"conv: stride \(1,\) must have one entry for each axis of kernel"),
    (lambda: Conv((3, 3), padding=((1, 1),), out_channels=1), r"conv: padding \(\(1, 1\),\) must have one entry"),
    (lambda: Conv((3, 3), out_channels=1).result(((1, 3, 9),)), r"needs an input of 4 axes .* got shape \(1, 3, 9\)"),
    (lambda: Conv((3,), out_channels=4, groups=2).result(((1, 3, 9),)), "3 channels in and 4 out do not"),
    (lambda: DepthToSpace(3).result(((1, 8, 4, 4),)), "8 channels do not divide by block 3 squared = 9"),
    (lambda: SpaceToDepth(3).result(((1, 8, 4, 4),)), r"axis 2 of shape \(1, 8, 4, 4\) does not divide by block 3"),
    (lambda: wrongly(Pad)(((1, 1),), "mirror"), "pad: border: unknown border 'mirror'; known: zero, reflect"),
    (lambda: Transpose((0, 0)), r"order \(0, 0\) must hold each of 0 to 1 once"),
    (lambda: Reduce((4,)).result((X,)), r"reduce: axis 4 lies outside an input of shape \(1, 4, 8, 8\)"),
    (lambda: Slice((0,), (0, 1), (1,), (1,)), "1 axes, 2 starts, 1 counts, 1 steps"),
    (lambda: Split(1, (3, 3)).result((X,)), r"sizes \(3, 3\) add up to 6, axis 1 of"),
    (lambda: MatMul().result(((2, 3), (4, 5))), "rows of 3 and columns of 4 do not fit"),
    (lambda: Einsum("ij,jk"), "must be like"),
    (lambda: Einsum("ij->ik").result(((2, 3),)), "'k', which no operand has"),
    (lambda: Masked(SQUARE).result(((4, 5),)), r"mask: keep of shape \(4, 4\) must have the axes of \(4, 5\)"),
    (lambda: Mask.of([1, 0]), "needs booleans"),
    (lambda: Places.of([0.5]), "must be integers"),
    (lambda: Unbind(0).result(()), "needs an input, got none"),
    (lambda: Resize((2,), (8, 8)), r"size must have one entry for each of axes \(2,\), got 2"),
]


@pytest.mark.parametrize(("make", "line"), WRONG, ids=[line for _, line in WRONG])
def test_what_does_not_fit_is_told_with_its_rule(make: Callable[[], object], line: str) -> None:
    with pytest.raises(InputError, match=line) as caught:
        make()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (None, "an object with its word under 'op'"),
        ({"op": "convolution"}, "no operator 'convolution'; did you mean 'conv'"),
        ({"op": "conv", "kernel": [3]}, "'out_channels' is missing"),
        ({"op": "conv", "kernel": [0], "out_channels": 1}, "kernel must be at least 1, got 0"),
        ({"op": "conv", "kernel": 3, "out_channels": 1}, "kernel must be a sequence"),
        ({"op": "mask", "keep": {"shape": [9], "bits": "ff"}}, "has 9 bits, got 1 bytes"),
        ({"op": "mask", "keep": {"shape": [8]}}, "mask: keep: no mask"),
        ({"op": "gather", "axis": 0, "indices": {"shape": [2], "indices": [0, 1 << 70]}}, "gather: indices"),
        ({"op": "resize", "axes": [2], "size": [4], "scale": ["1/0"]}, "must be a fraction"),
        ({"op": "elementwise", "function": {"max": 1}}, "elementwise: function: no function"),
        ({"op": "elementwise", "function": {"name": "clip", "max": []}}, "constants are names with numbers"),
        ({"op": "elementwise", "function": []}, "elementwise: function: no function"),
        ({"op": "pad", "pads": [], "value": "much"}, "pad: value must be a number"),
        ({"op": "rnn", "time": 0, "batch": 1, "shapes": [[1]], "axes": [[0]]}, "should be 2 values"),
    ],
)
def test_json_is_checked_at_the_door(found: Any, line: str) -> None:
    with pytest.raises(ModelError, match=line):
        from_json(found)


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 5), (1, 8, 3)])
def test_tables_hold_what_they_were_given(shape: Shape) -> None:
    random = np.random.default_rng(0)
    keep, places = random.random(shape) < 0.5, random.integers(-9, 9, shape)
    np.testing.assert_array_equal(Mask.of(keep).array, keep)
    np.testing.assert_array_equal(Places.of(places).array, places)
    assert Mask.parse(Mask.of(keep).json()) == Mask.of(keep)
    assert Places.parse(Places.of(places).json()) == Places.of(places)


def test_tables_show_what_they_hold() -> None:
    assert repr([Places.of([[0], [-1]]), Mask.of(True)]) == "[Places.of([[0], [-1]]), Mask.of(True)]"
    assert repr(Places.of(range(99))) == "<Places of shape (99,)>"


def test_defaults_are_written_out() -> None:
    assert Conv((3, 3), out_channels=1) == Conv((3, 3), (1, 1), (1, 1), ((0, 0), (0, 0)), out_channels=1)
    assert issubclass(ModelError, StriateError)
