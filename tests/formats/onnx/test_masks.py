"""Constant masks are read as far as they are known; a mask that is not known makes the claim an upper bound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper
from support.onnx_cases import claimed, perturbed
from support.onnx_models import model_of, read
from support.zeroed_graphs import ZEROED, small, zeroed

from striate.network import Network, zeros
from striate.network.operators import Elementwise, Function

node = helper.make_node

TRIANGLE = np.tril(np.ones((4, 4), bool))
BAND = np.abs(np.subtract.outer(np.arange(4), np.arange(4))) < 2
LOWER = {name: np.where(TRIANGLE, 0, low).astype(np.float32) for name, low in (
    ("infinite", -np.inf), ("lowest", np.finfo(np.float32).min), ("billion", -1e9), ("myriad", -1e4),
)}  # fmt: skip
HALVES = np.array([[1.0, 0.0, 1.0, 0.0]], np.float32)


def attention(mask: Sequence[onnx.NodeProto], soft: Sequence[onnx.NodeProto] = ()) -> list[onnx.NodeProto]:
    """Tokens (1, 4, n): softmax(x xᵀ masked) x; ``mask`` makes ``m`` of the scores ``s``, ``soft`` ``p`` of ``m``.

    The first token of a causal mask has no choice, so that its weight is 1 whatever is there; one feature hides that.
    """
    return [
        node("Transpose", ["x"], ["k"], perm=[0, 2, 1]),
        node("MatMul", ["x", "k"], ["s"]),
        *mask,
        *(soft or [node("Softmax", ["m"], ["p"], axis=-1)]),
        node("MatMul", ["p", "x"], ["y"]),
    ]


ADDED = [node("Add", ["s", "c"], ["m"])]
CHOSEN = [node("Where", ["c", "s", "low"], ["m"])]
BY_HAND = [
    node("Exp", ["m"], ["e"]),
    node("ReduceSum", ["e", "last"], ["t"], keepdims=1),
    node("Div", ["e", "t"], ["p"]),
]
BUILT = [
    node("Shape", ["x"], ["shape"]),
    node("Gather", ["shape", "one"], ["n"]),
    node("Range", ["zero", "n", "one"], ["r"]),
    node("Unsqueeze", ["r", "last"], ["column"]),
    node("Less", ["r", "column"], ["before"]),
    node("Equal", ["r", "column"], ["same"]),
    node("Or", ["before", "same"], ["allowed"]),
    node("Not", ["allowed"], ["barred"]),
    node("Where", ["barred", "low", "s"], ["m"]),
]
SCALARS = {
    "low": np.float32(-np.inf), "last": np.array([-1]), "zero": np.array(0), "one": np.array(1), "big": np.float32(3e9),
}  # fmt: skip

CASES: dict[str, tuple[list[onnx.NodeProto], Mapping[str, object], tuple[int, ...]]] = {
    "chosen": (
        [node("Where", ["c", "x", "v"], ["y"])], {"c": TRIANGLE, "v": np.float32(3)}, (1, 2, 4, 4),
    ),
    "chosen the other way": (
        [node("Where", ["c", "v", "x"], ["y"])], {"c": ~TRIANGLE[None], "v": np.float32(3)}, (1, 2, 4, 4),
    ),
    "one of two": (
        [node("Neg", ["x"], ["n"]), node("ReduceSum", ["x", "last"], ["t"]), node("Where", ["c", "t", "n"], ["y"])],
        {"c": HALVES.astype(bool), **SCALARS},
        (1, 2, 4),
    ),
    "times zeros and ones": ([node("Mul", ["x", "c"], ["y"])], {"c": HALVES}, (1, 3, 4)),
    "times zero": ([node("Mul", ["c", "x"], ["y"])], {"c": np.float32(0)}, (1, 3, 4)),
    "widened": ([node("Mul", ["x", "c"], ["y"])], {"c": HALVES.reshape(4, 1)}, (1, 3)),
    "and": (
        [node("Less", ["x", "one"], ["b"]), node("And", ["b", "c"], ["d"]), node("Cast", ["d"], ["y"], to=1)],
        {"c": BAND, "one": np.float32(1)},
        (4, 4),
    ),
    "or": (
        [node("Less", ["x", "one"], ["b"]), node("Or", ["c", "b"], ["d"]), node("Cast", ["d"], ["y"], to=1)],
        {"c": BAND, "one": np.float32(1)},
        (4, 4),
    ),
    "triangle": ([node("Trilu", ["x", "k"], ["y"], upper=0)], {"k": np.array(-1)}, (1, 3, 4)),
    "the other triangle": ([node("Trilu", ["x"], ["y"])], {}, (2, 3, 3)),
    "cast triangle": (
        [
            node("Trilu", ["ones"], ["t"], upper=0),
            node("Cast", ["t"], ["c"], to=9),
            node("Not", ["c"], ["d"]),
            node("Where", ["d", "v", "x"], ["y"]),
        ],
        {"ones": np.ones((4, 4), np.float32), "v": np.float32(0)},
        (1, 4, 4),
    ),
    "causal, built": (attention(BUILT), SCALARS, (1, 4, 1)),
    "causal, chosen": (attention(CHOSEN), {"c": TRIANGLE, **SCALARS}, (1, 4, 1)),
    "banded": (attention(CHOSEN), {"c": BAND, **SCALARS}, (1, 4, 2)),
    "banded by hand": (attention(CHOSEN, BY_HAND), {"c": BAND, **SCALARS}, (1, 4, 2)),
    **{f"causal, {name}": (attention(ADDED), {"c": mask}, (1, 4, 1)) for name, mask in LOWER.items()},
    "heads": (
        [
            node("Reshape", ["x", "apart"], ["a"]),
            node("Transpose", ["a"], ["q"], perm=[0, 2, 1, 3]),
            node("Transpose", ["a"], ["k"], perm=[0, 2, 3, 1]),
            node("MatMul", ["q", "k"], ["s"]),
            *ADDED,
            node("Softmax", ["m"], ["p"], axis=-1),
            node("MatMul", ["p", "q"], ["y"]),
        ],
        {"c": LOWER["lowest"][None, None], "apart": np.array([1, 4, 2, 1])},
        (1, 4, 2),
    ),
    "times a triangle": ([node("MatMul", ["c", "x"], ["y"])], {"c": TRIANGLE.astype(np.float32)}, (1, 4, 2)),
    "times a triangle on the right": (
        [node("MatMul", ["x", "c"], ["y"])], {"c": TRIANGLE.astype(np.float32)}, (2, 3, 4),
    ),
    "a dense triangle": (
        [node("Gemm", ["x", "c", "b"], ["y"], transB=1)],
        {"c": TRIANGLE[:3].astype(np.float32), "b": np.ones(3, np.float32)},
        (2, 4),
    ),
    "a triangle of letters": (
        [node("Einsum", ["x", "c"], ["y"], equation="nct,st->nsc")], {"c": TRIANGLE.astype(np.float32)}, (2, 3, 4),
    ),
    "letters of masked weights": (
        [node("Where", ["c", "x", "low"], ["m"]), node("Softmax", ["m"], ["p"]),
         node("Einsum", ["p", "v"], ["y"], equation="ij,kj->ik")],
        {"c": BAND, "v": np.arange(1, 13, dtype=np.float32).reshape(3, 4), **SCALARS},
        (4, 4),
    ),
    "tested and chosen": (
        attention(CHOSEN, [node("Softmax", ["m"], ["q"], axis=-1), node("IsNaN", ["q"], ["none"]),
                           node("Where", ["none", "nought", "q"], ["p"])]),
        {"c": BAND, "nought": np.float32(0), **SCALARS},
        (1, 4, 2),
    ),
    "a masked row of weights": (
        [node("Softmax", ["x"], ["p"], axis=-1), node("Mul", ["p", "c"], ["q"]), node("MatMul", ["q", "x"], ["y"])],
        {"c": BAND.astype(np.float32)},
        (1, 4, 4),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ZEROED)
def test_known_zeros_of_data_hide_what_they_are_multiplied_with(tmp_path: Path, name: str) -> None:
    assert not any(n.at_most for n in compared(tmp_path, zeroed(name)).nodes)


def test_known_zeros_hide_from_either_side_and_as_numerators(tmp_path: Path) -> None:
    compared(tmp_path, zeroed("cut and padded", node("Mul", ["f", "z"], ["y"])))
    compared(tmp_path, zeroed("cut and padded", node("Div", ["z", "f"], ["y"])))


def test_zeros_that_are_too_many_make_an_upper_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zeros, "LARGEST_LIT", 3)
    network = read(tmp_path, zeroed("rectified"))
    assert [n.source for n in network.nodes if n.at_most] == ["Mul"]


def compared(folder: Path, model: onnx.ModelProto) -> Network:
    model = small(model)
    network = read(folder, model)
    found, moved = perturbed(model)
    (told,) = claimed(network)
    assert network.shapes["y"] == found
    assert not (moved & ~told).any(), "reads what is not claimed"
    assert (moved == told).all(), "claims what is not read"
    return network


@pytest.mark.parametrize("name", CASES)
def test_constant_masks_are_exact(tmp_path: Path, name: str) -> None:
    nodes, constants, shape = CASES[name]
    assert not any(n.at_most for n in compared(tmp_path, model_of(nodes, constants, shape)).nodes)


@pytest.mark.parametrize("causal", [0, 1])
@pytest.mark.parametrize("kind", [np.bool_, np.float32])
def test_the_attention_operator_and_its_masks(tmp_path: Path, kind: type, causal: int) -> None:
    """onnxruntime has no kernel for it at this opset; onnx's reference is the oracle."""
    mask = BAND if kind is np.bool_ else np.where(BAND, 0, -np.inf).astype(np.float32)
    made = node("Attention", ["x", "x", "x", "c"], ["y"], is_causal=causal)
    model = model_of([made], {"c": mask}, (1, 1, 4, 2), opset=23)
    network = read(tmp_path, model)
    (told,) = claimed(network)
    keep = BAND & TRIANGLE if causal else BAND
    assert (told.reshape(4, 2, 4, 2) == keep[:, None, :, None]).all()


def test_a_row_without_anything_left_is_read_whole(tmp_path: Path) -> None:
    """Where a softmax has nothing but masked elements they weigh as much as each other."""
    mask = np.where(TRIANGLE, 0, -1e9).astype(np.float32)
    mask[2] = -1e9
    network = read(tmp_path, model_of([node("Add", ["x", "c"], ["m"]), node("Softmax", ["m"], ["y"])], {"c": mask},
                                      (4, 4)))  # fmt: skip
    (told,) = claimed(network)
    assert told.reshape(4, 4, 4, 4)[2, :, 2].all()
    assert told.reshape(4, 4, 4, 4)[1, 0, 1].tolist() == [True, True, False, False]


def test_weights_that_happen_to_be_zero_are_read(tmp_path: Path) -> None:
    """A scale that training set to zero is a weight: all are read, whatever their values."""
    for scale in (np.zeros(3, np.float32), np.array([0.0, 0.3, 1.2], np.float32)):
        network = read(tmp_path, model_of([node("Mul", ["x", "c"], ["y"])], {"c": scale.reshape(3, 1)}, (1, 3, 4)))
        assert (claimed(network)[0] == np.eye(12, dtype=bool)).all()


def test_a_mask_that_is_not_known_is_an_upper_bound(tmp_path: Path) -> None:
    """A condition too large to be worked out, and one that differs between the batches."""
    big = [
        node("RandomUniform", [], ["r"], shape=[4, 4]),
        node("Less", ["r", "half"], ["c"]),
        node("Where", ["c", "x", "half"], ["y"]),
    ]
    network = read(tmp_path, model_of(big, {"half": np.float32(0.5)}, (1, 4, 4)))
    assert [n.at_most for n in network.nodes] == [True]
    each = np.where(np.stack([TRIANGLE, BAND]), 0, -np.inf).astype(np.float32)
    network = read(tmp_path, model_of(attention(ADDED), {"c": each}, (2, 4, 2)))
    assert [n.source for n in network.nodes if n.at_most] == ["MatMul"]
    _, moved = perturbed(small(model_of(attention(ADDED), {"c": each}, (2, 4, 2))))
    assert not (moved & ~claimed(network)[0]).any()


@pytest.mark.parametrize("low", [None, -np.inf, np.finfo(np.float32).min])
def test_a_large_stored_mask_is_read(tmp_path: Path, low: float | None) -> None:
    """Masks of more bytes than any other constant that is kept: by their two values, or by their lowest."""
    keep = np.tril(np.ones((40, 40), bool))
    slopes = np.subtract.outer(np.arange(40), np.arange(40)).astype(np.float32)
    mask = keep.astype(np.float32) if low is None else np.where(keep, slopes, low).astype(np.float32)
    op = "Mul" if low is None else "Add"
    network = read(tmp_path, model_of([node(op, ["x", "c"], ["y"])], {"c": mask}, (40, 40)))
    (told,) = claimed(network)
    assert (told.any(1).reshape(40, 40) == keep).all()


def test_large_weights_are_still_left_out(tmp_path: Path) -> None:
    weights = np.random.default_rng(0).random((40, 40), dtype=np.float32)
    network = read(tmp_path, model_of([node("Mul", ["x", "c"], ["y"])], {"c": weights}, (40, 40)))
    assert network.nodes[0].op == Elementwise(function=Function("mul"))
    assert (claimed(network)[0] == np.eye(1600, dtype=bool)).all()
