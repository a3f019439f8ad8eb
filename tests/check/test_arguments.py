"""Whatever is handed to check, it is taken, or refused in one line of striate's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from onnx import helper, numpy_helper
from support.odd import wrongly
from support.small_graphs import GRAPHS, Graph
from torch import nn

from striate.check import check
from striate.cli import app
from striate.errors import StriateError

ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 1.5, 3 + 2j, float("nan"), 10**30, -(10**30), np.int64(-2), np.float32(1), object()),
    *("", "x", "0", "output", "NCHW", "NHWC", "ZZZZ", b"x", np.array(3), np.array([0, 0]), np.array([[0, 0]])),
    *([], (), {}, {1}, range(2), iter([(0, 0)]), [1], [None], [[]], ["0"], ["nope"], ["0", "0"], [np.array([0, 0])]),
    *([[0, 0]], [["a", 0]], [(0,)], [(-1, 0)], [(0, 0, 0)], [(99, 0)]),
)
ARGUMENTS = ("layers", "units", "seed", "progress", "passes", "source", "layout", "input_shape", "local", "everything")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, tuple[int, ...]]]:
    graph = Graph(1, 3, 8, 9)
    path = graph.save(tmp_path_factory.mktemp("odd"), graph.conv("image", 3, 2, 3))
    return [(nn.Conv2d(1, 1, 3), (1, 1, 8, 9)), (path, (1, 3, 8, 9))]


def refusal(model: Any, given: dict[str, Any]) -> str | None:
    try:
        check(model, **given)
    except StriateError as error:
        return str(error)
    return None


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_odd_arguments(argument: str, models: list[tuple[Any, tuple[int, ...]]]) -> None:
    for model, shape in models:
        said = [refusal(model, {"input_shape": shape, "passes": 2, argument: value}) for value in ODD]
        assert [line for line in said if line is not None and len(line.splitlines()) != 1] == []
        assert any(said)


@pytest.mark.parametrize(
    ("argument", "value", "said"),
    [
        ("seed", -1, "seed must be at least 0, got -1"),
        ("layers", 3, "layers must be a sequence, got 3"),
        ("layers", [3], "layers must be a string, got 3"),
        ("units", [(0, "a")], "the unit's place must be an integer, got 'a'"),
        ("units", [], "units is empty"),
        ("passes", "many", "passes must be an integer, got 'many'"),
        ("progress", 3, "progress must be called with two integers, got 3"),
    ],
)
def test_what_is_wrong_is_named(argument: str, value: object, said: str) -> None:
    with pytest.raises(StriateError, match=said):
        wrongly(check)(nn.Conv2d(1, 1, 3), (1, 1, 8, 9), **{argument: value})


@pytest.mark.parametrize(
    "words", [["--seed", "-1"], ["--layout", "NCWW"], ["--layout", "?"], ["--source", "nope"], ["--unit", "-1,0"]]
)
def test_the_command_refuses_in_one_line(words: list[str], tmp_path: Path) -> None:
    graph = Graph(1, 3, 12, 10)
    path = graph.save(tmp_path, GRAPHS["holes"](graph))
    result = CliRunner().invoke(app, ["check", str(path), *words])
    assert result.exit_code == 2
    assert not result.exception or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output


def test_the_command_checks_the_input_that_is_named(tmp_path: Path) -> None:
    """A 3x3 window over one input, and over the other a 1x1 one."""
    inputs = [helper.make_tensor_value_info(name, 1, (1, 1, 8, 8)) for name in ("wide", "narrow")]
    weights = [numpy_helper.from_array(np.ones((1, 1, n, n), np.float32), f"w{n}") for n in (3, 1)]
    nodes = [
        helper.make_node("Conv", ["wide", "w3"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["narrow", "w1"], ["b"]),
        helper.make_node("Add", ["a", "b"], ["y"]),
    ]
    graph = helper.make_graph(nodes, "two", inputs, [helper.make_tensor_value_info("y", 1, (1, 1, 8, 8))], weights)
    path = tmp_path / "two.onnx"
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString())
    for name, pixels in (("wide", 9), ("narrow", 1)):
        words = ["check", str(path), "--input", f"{name}=1x1x8x8", "--layer", "y", "--unit", "4,4"]
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0, result.output
        assert ["y", "4,4", f"{pixels}", f"{pixels}"] in [line.split()[:4] for line in result.output.splitlines()]
