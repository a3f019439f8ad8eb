"""Damaged, hostile and unfitting TFLite files: always one StriateError of one line, in bounded time and memory."""

from __future__ import annotations

import random
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
import tflite
from support.command_line import DENOISER, one_line, run
from support.tflite_cases import CASES, case, conv
from support.tflite_models import Sketch

import striate
from striate.errors import InputError, MissingDependencyError, ModelError, StriateError, UnsupportedError
from striate.formats.given import Given
from striate.formats.shapes import input_shapes
from striate.formats.tflite import read_file, schema
from striate.formats.unknown import Unknown

SOUND = case("conv, stride 2 on even and odd")


def refusal(content: bytes, shape: Any = None, unknown: Unknown = Unknown.REFUSE) -> str:
    """The one line a file is refused with; a file that is read after all gives an empty one."""
    start = time.perf_counter()
    try:
        read_file(content, "m.tflite", input_shapes(shape), unknown, Given()).network.validate()
        text = ""
    except StriateError as error:
        text = str(error)
        assert text.startswith("m.tflite: ")
        assert text.isprintable()
    assert time.perf_counter() - start < 10
    return text


def mutated(draw: random.Random, content: bytes) -> bytes:
    """A file cut off, or with some of its bytes changed, those of its structure more often than its weights."""
    if not draw.randrange(4):
        return content[: draw.randrange(len(content))]
    changed = bytearray(content)
    for _ in range(draw.choice([1, 1, 2, 5, 20])):
        at = draw.randrange(len(changed))
        changed[at] = draw.choice([0, 1, 127, 128, 255, changed[at] ^ 1 << draw.randrange(8), draw.randrange(256)])
    return bytes(changed)


def mutate(count: int) -> int:
    """How many of so many mutated files were refused; each is read or refused in one line."""
    draw, files = random.Random(0), [case(name) for name in CASES]
    return sum(
        bool(refusal(mutated(draw, draw.choice(files)), unknown=draw.choice(list(Unknown)))) for _ in range(count)
    )


def test_mutations() -> None:
    assert 600 < mutate(1000) < 1000


@pytest.mark.exhaustive
def test_thousands_of_mutations() -> None:
    assert 30_000 < mutate(50_000) < 50_000


def test_truncated_at_every_length() -> None:
    assert all(refusal(SOUND[:length]) for length in range(len(SOUND) - 4))


def test_an_offset_that_leads_back_is_not_taken_for_the_end_of_the_file() -> None:
    root = int.from_bytes(SOUND[:4], "little")
    assert root - int.from_bytes(SOUND[root : root + 4], "little", signed=True) >= 0
    far = SOUND[:root] + (root + 1).to_bytes(4, "little", signed=True) + SOUND[root + 4 :]
    assert "byte -1 is read" in refusal(far)


def test_vectors_that_share_their_bytes_are_no_bomb() -> None:
    """Three hundred operations that each read the same 60,000 tensors, which the file holds once."""
    sketch = Sketch()
    x = sketch.input(1, 4, 4, 1)
    for _ in range(300):
        sketch.add("ADD_N", *[x] * 60_000)
    content = sketch.file(x, share=True)
    assert len(content) < 1 << 19
    start = time.perf_counter()
    assert "more elements than the file has bytes" in refusal(content)
    assert time.perf_counter() - start < 2


def test_a_file_that_claims_to_hold_much_takes_no_more_memory_than_some_copies_of_it() -> None:
    content = bytearray(SOUND + bytes(1 << 20))
    tracemalloc.start()
    for place in range(0, len(SOUND) - 4, 4):
        changed = content[:]
        changed[place : place + 4] = (1 << 20).to_bytes(4, "little")
        refusal(bytes(changed))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * len(content)


def relu() -> Sketch:
    sketch = Sketch()
    sketch.add("RELU", sketch.input(1, 4, 4, 1))
    return sketch


def custom() -> bytes:
    sketch = Sketch()
    return sketch.file(sketch.add("CUSTOM:Convolution2DTransposeBias", sketch.input(1, 4, 4, 1), shape=(1, 8, 8, 1)))


def test_a_custom_operator_is_refused_by_name_or_sees_everything(tmp_path: Path) -> None:
    assert refusal(custom()).endswith(
        'node t1 (CUSTOM): no rule for the custom operator Convolution2DTransposeBias; unknown="whole" counts it as '
        "seeing everything"
    )
    network = read_file(custom(), "m", None, Unknown.WHOLE, Given()).network
    assert network.shapes["t1"] == (1, 8, 8, 1)
    assert network.nodes[0].at_most
    assert "own input size alone" in refusal(custom(), (1, 6, 6, 1), Unknown.WHOLE)
    path = tmp_path / "m.tflite"
    path.write_bytes(custom())
    one_line(run("fields", path), 4, "--unknown whole")


HOSTILE: dict[str, tuple[Callable[[Sketch, int], int], str]] = {
    "a loop": (lambda s, x: s.add("WHILE", x), "a loop is not read"),
    "data": (lambda s, x: s.add("WHERE", x), "how many elements come out depends on data"),
    "stride": (lambda s, x: conv(s, x, 1, 1, StrideH=0), r"strides \(0, 1\) must be at least 1"),
    "dilation": (lambda s, x: conv(s, x, 1, 1, DilationWFactor=-1), r"dilations \(1, -1\) must be at least 1"),
    "padding": (lambda s, x: conv(s, x, 1, 1, Padding=7), "unknown padding number 7"),
    "activation": (lambda s, x: conv(s, x, 1, 1, FusedActivationFunction=5), "SIGN_BIT has no rule"),
    "channels": (lambda s, x: conv(s, x, 1, 2), r"reads 2 channels, the input of shape \(1, 4, 4, 1\) has 1"),
    "too small": (lambda s, x: conv(s, x, 1, 1, (9, 9), Padding=1), "too small|smaller"),
    "options": (lambda s, x: s.add("CONV_2D", x, x, options="AddOptions"), "AddOptions, which should be Conv2DOptions"),
    "missing": (lambda s, x: s.add("CONV_2D", x), "input 1 is missing"),
    "axis": (lambda s, x: s.add("UNPACK", x, options="UnpackOptions", Axis=9), "axis 9 lies outside rank 4"),
    "reshape": (lambda s, x: s.add("RESHAPE", x, s.constant(np.array([3, 5]))), r"16 elements to \(3, 5\) of 15"),
    "large": (
        lambda s, x: s.add("TILE", x, s.constant(np.array([1 << 30, 1 << 30, 1 << 30, 1]))),
        "larger than any tensor",
    ),
    "resize": (
        lambda s, x: s.add("RESIZE_BILINEAR", x, s.constant(np.array([1 << 30, 4])), options="ResizeBilinearOptions"),
        "at most 1048576 elements",
    ),
    "both flags": (
        lambda s, x: s.add(
            "RESIZE_BILINEAR", x, s.constant(np.array([8, 8])), options="ResizeBilinearOptions", AlignCorners=True,
            HalfPixelCenters=True,
        ),
        "align_corners and half_pixel_centers together",
    ),
    "mirror": (
        lambda s, x: s.add("MIRROR_PAD", x, s.constant(np.full((4, 2), 5)), options="MirrorPadOptions"),
        "the mirror shows at most 0 pixels",
    ),
    "zero": (
        lambda s, x: s.add("RESHAPE", x, s.add("FLOOR_DIV", s.constant(np.array([4])), s.constant(np.array([0])))),
        "division by zero in shape arithmetic",
    ),
    "by data": (lambda s, x: s.add("RESHAPE", x, s.add("CAST", x, kind="int32")), "depends on data"),
    "slices": (
        lambda s, x: s.add(
            "STRIDED_SLICE", x, *(s.constant(np.array([k])) for k in (3, 1, 1)), options="StridedSliceOptions"
        ),
        "nothing of",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_operations(name: str) -> None:
    build, said = HOSTILE[name]
    sketch = Sketch()
    end = build(sketch, sketch.input(1, 4, 4, 1))
    with pytest.raises(ModelError, match=said) as caught:
        read_file(sketch.file(end), "m.tflite", None, Unknown.REFUSE, Given())
    assert str(caught.value).startswith("m.tflite: node t")


def test_tensors_that_are_not_there_or_written_twice() -> None:
    sketch = relu()
    sketch.operations[0][1][0][0] = 7
    assert "tensor 7 is named, the graph has 2" in refusal(sketch.file(1))
    sketch = relu()
    sketch.operations[0][1][0][0] = 1
    assert "reads 't1', which nothing before it writes" in refusal(sketch.file(1))
    sketch = relu()
    sketch.operations.append(sketch.operations[0])
    assert "tensor 't1' is written twice" in refusal(sketch.file(1))
    sketch = relu()
    sketch.tensor("lost")
    sketch.operations[0][1][0][0] = -1
    assert refusal(sketch.file(1)) == ""


def test_a_buffer_that_holds_less_than_its_tensor() -> None:
    sketch = Sketch()
    x = sketch.input(1, 4, 4, 1)
    bias = sketch.tensor("bias", (100,), content=bytes(4))
    assert "needs 400 bytes, its buffer has 4" in refusal(sketch.file(sketch.add("ADD", x, bias)))


def test_names_are_shown_as_they_are_but_in_one_line() -> None:
    sketch = Sketch()
    end = sketch.add("WHILE", sketch.input(1, 4, 4, 1), name="two\nlines\x1b[31m")
    assert "node two lines\\x1b[31m (WHILE)" in refusal(sketch.file(end))


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((1, 6, 6), "was given, the file has"),
        ((1, 6, 6, 3), "do not both divide by 3 groups"),
        ({"y": (1, 6, 5, 1)}, "no input 'y'"),
        ([(1, 6, 5, 1), (1, 6, 5, 1)], "2 input shapes for 1 inputs"),
    ],
)
def test_shapes_that_do_not_fit(shape: Any, said: str) -> None:
    assert said in refusal(SOUND, shape)


def test_an_open_size_is_asked_for() -> None:
    sketch = Sketch()
    end = sketch.add("RELU", sketch.input(1, 1, 1, 3, signature=(-1, -1, -1, 3)))
    with pytest.raises(striate.InputError, match=r"of shape \(1, \?, \?, 3\): dimension 1 \(unnamed\) is dynamic"):
        striate.load(sketch.file(end))
    assert striate.load(sketch.file(end), (1, 5, 7, 3)).shapes["t1"] == (1, 5, 7, 3)


def test_what_is_no_tflite_file(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    for content, said in [
        (b"", "the file is empty"),
        (b"PK\x03\x04" + bytes(40), "damaged zip archive"),
        (b"\x07\xff\x13" * 40, "no TFLite flatbuffer"),
        (Path(DENOISER).read_bytes(), "no TFLite flatbuffer"),
        (SOUND[:20], "truncated or damaged"),
    ]:
        path.write_bytes(content)
        with pytest.raises(ModelError, match=said):
            striate.load(path)
        one_line(run("fields", path), 3, said)
    with pytest.raises(InputError, match="No such file"):
        striate.load(tmp_path / "none.tflite")
    (tmp_path / "folder.tflite").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        striate.load(tmp_path / "folder.tflite")


def test_without_the_schema_a_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tflite", None)
    schema._schema.cache_clear()
    try:
        with pytest.raises(MissingDependencyError, match=r'pip install "striate\[tflite\]"'):
            striate.load(SOUND)
    finally:
        schema._schema.cache_clear()


def test_another_version_of_the_schema() -> None:
    builder = flatbuffers.Builder(64)
    tflite.ModelStart(builder)
    tflite.ModelAddVersion(builder, 2)
    builder.Finish(tflite.ModelEnd(builder), b"TFL3")
    with pytest.raises(UnsupportedError, match="version 2 of the TFLite schema; version 3 is read"):
        striate.load(bytes(builder.Output()))
