"""First contact: bare commands help, and no error answers in Python's spelling."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.command_line import ENVIRONMENT, one_line, run, save_model, two_inputs

from striate.cli.spelling import LONGEST_WORD, command_words


def test_the_bare_command_helps() -> None:
    for program in (("-m", "striate"), ("-c", "from striate.cli import main; main()")):
        done = subprocess.run(
            [sys.executable, *program], capture_output=True, text=True, env=ENVIRONMENT, timeout=60, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines()[0].startswith("Usage: striate ")
    assert run().stdout == run("--help").stdout


@pytest.mark.parametrize(
    ("python", "command"),
    [
        ("give one: input_shape={'x': (...)}", "give one: --input x=SHAPE"),
        ("input_shape=(1, 0): every size", "--input 1x0: every size"),
        (
            "input_shape 'a' is no shape; give integers, such as (1, 3, 8)",
            "--input 'a' is no shape; give integers, such as 1x3x8",
        ),
        ("shapes (1, 48), (1, 34) and (5,) do not", "shapes 1x48, 1x34 and 5 do not"),
        ("name them with layout, one letter", "name them with --layout, one letter"),
        ("unknown='whole'", "--unknown whole"),
        ("unit (99, 99) lies outside", "unit (99, 99) lies outside"),
        ("resize of shape (1, 3) (nearest)", "resize of shape 1x3 (nearest)"),
    ],
)
def test_python_is_put_into_the_command_lines_words(python: str, command: str) -> None:
    assert command_words(python) == command


def test_unknown_operators_are_answered_with_an_option(tmp_path: Path) -> None:
    path = save_model(tmp_path / "odd.onnx", (1, 1, 1, 1), last="Mystery")
    one_line(run("fields", path, "--input", "1x3x16x16"), 4, "--unknown whole counts it")


def test_a_dynamic_input_is_answered_with_an_option(tmp_path: Path) -> None:
    path = save_model(tmp_path / "free.onnx", (1, 1, 1, 1))
    one_line(run("fields", path), 2, "give a size, --input x=1x3xNxN")
    one_line(run("fields", path, "--input", "1x4x16x16"), 2, "shape 1x4x16x16 was given, the model declares 1x3x")


@pytest.mark.parametrize("option", ["--input", "--other-input"])
def test_a_repeated_shape_is_refused(option: str, tmp_path: Path) -> None:
    path = two_inputs(tmp_path / "pair.onnx")
    first = () if option == "--input" else ("--input", "1x1x16x16")
    for shapes in (("1x1x16x16", "1x1x9x9"), ("image=1x1x16x16", "image=1x1x9x9")):
        again = [word for shape in shapes for word in (option, shape)]
        one_line(run("compare", path, path, *first, *again), 2, f"{option} ")
        one_line(run("compare", path, path, *first, *again), 2, "given 2 times")


def test_long_names_are_shortened_in_the_middle(tmp_path: Path) -> None:
    name = f"model/{'block_of_layers/' * 30}conv"
    result = run("fields", save_model(tmp_path / "m.onnx", (1, 1, 1, 1)), "--input", "1x3x8x8", "--layer", name)
    one_line(result, 2, "no layer 'model/block")
    assert "/conv'" in result.stderr
    assert max(map(len, result.stderr.split())) <= LONGEST_WORD + 2
