"""The program as tests call it, and small models to ask it about."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result
from onnx import TensorProto, helper, numpy_helper

import striate.errors
from striate.cli import app

PROGRAM = [sys.executable, "-m", "striate"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(striate.errors.__file__).parents[1])}
PYTHONS = r"input_shape|\b[a-z_]+=[{\"'(]|shape \(\d|\bNone\b"
DENOISER = str(files("striate").joinpath("data/denoiser.onnx"))


def run(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


def run_process(*args: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *args], capture_output=True, text=True, cwd=cwd, env=ENVIRONMENT, timeout=120, check=False
    )


def on_terminal(columns: int, *args: str) -> str:
    """What the program prints on a terminal of so many columns, without colours."""
    pty, fcntl, termios = (pytest.importorskip(name) for name in ("pty", "fcntl", "termios"))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {key: value for key, value in ENVIRONMENT.items() if key not in ("COLUMNS", "LINES")}
    with subprocess.Popen(
        [*PROGRAM, *args], stdout=theirs, stderr=subprocess.PIPE, env={**environment, "TERM": "xterm"}
    ) as process:
        os.close(theirs)
        found = b""
        with suppress(OSError):
            while part := os.read(ours, 1 << 16):
                found += part
        assert process.wait(60) == 0
    os.close(ours)
    return re.sub(r"\x1b\[[0-9;]*m", "", found.decode().replace("\r\n", "\n"))


def one_line(result: Result, code: int, text: str) -> None:
    assert result.exit_code == code, result.output
    assert result.stderr.count("\n") == 1, result.stderr
    assert result.stderr.startswith("striate: ")
    assert text in result.stderr
    assert not re.search(PYTHONS, result.stderr), result.stderr
    assert "Traceback" not in result.stderr


def save_model(path: Path, pads: tuple[int, int, int, int], size: int | str = "size", last: str = "Relu") -> Path:
    """Three layers: a 3x3 convolution, another with stride 2, one more operator."""
    weights = [
        numpy_helper.from_array(np.ones(s, np.float32), n) for n, s in (("w1", (4, 3, 3, 3)), ("w2", (4, 4, 3, 3)))
    ]
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["a"], "first", pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["a", "w2"], ["b"], "second", pads=pads, strides=[2, 2]),
        helper.make_node(last, ["b"], ["y"], "last", domain="" if last == "Relu" else "nowhere"),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, size, size])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        weights,
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("nowhere", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets), path)
    return path


def two_inputs(path: Path) -> Path:
    """``image`` through a 3x3 convolution, ``depth`` through a 5x5 one, added up; both sizes are open."""
    pairs = (("image", 3), ("depth", 5))
    weights = [numpy_helper.from_array(np.ones((1, 1, k, k), np.float32), f"w{k}") for _, k in pairs]
    nodes = [
        *(helper.make_node("Conv", [x, f"w{k}"], [f"y{k}"], f"conv{k}", pads=[k // 2] * 4) for x, k in pairs),
        helper.make_node("Add", ["y3", "y5"], ["y"], "sum"),
    ]
    inputs = [helper.make_tensor_value_info(x, TensorProto.FLOAT, [1, 1, "h", "w"]) for x, _ in pairs]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "pair", inputs, [output], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path
