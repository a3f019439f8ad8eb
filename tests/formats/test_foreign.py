"""Files and folders that are no ONNX model: each named for what it is, by its content, with the way forward."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from support.command_line import DENOISER, one_line, run
from torch import nn

from striate import InputError, ModelError, load


def flatbuffer(identifier: bytes) -> bytes:
    return b"\x1c\0\0\0" + identifier + bytes(64)


def zipped(**files: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return held.getvalue()


def saved(thing: object, zipped: bool = True) -> bytes:
    held = io.BytesIO()
    torch.save(thing, held, _use_new_zipfile_serialization=zipped)
    return held.getvalue()


def scripted() -> bytes:
    held = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(nn.Sequential(nn.Conv2d(1, 1, 3))), held)
    return held.getvalue()


def exported() -> bytes:
    held = io.BytesIO()
    torch.export.save(torch.export.export(nn.Conv2d(1, 1, 3), (torch.zeros(1, 1, 8, 8),)), held)
    return held.getvalue()


def array() -> bytes:
    held = io.BytesIO()
    np.save(held, np.zeros(3))
    return held.getvalue()


def safetensors() -> bytes:
    head = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    return struct.pack("<Q", len(head)) + head + bytes(4)


def message(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2, len(content)]) + content


PADDLE = message(1, b"\x08\x00\x10\x01" + message(3, message(1, b"feed"))) * 2
GRAPH_DEF = message(1, message(1, b"input") + message(2, b"Placeholder"))
SAVED_MODEL = b"\x08\x01" + message(2, message(1, message(3, b"serve")))
STATE = nn.Conv2d(1, 1, 3).state_dict()

FILES: list[tuple[str, Callable[[], bytes], str, str]] = [
    ("weights", lambda: saved(STATE), "PyTorch weights", "striate.load(module"),
    ("old_weights", lambda: saved(STATE, False), "PyTorch weights", "striate.load("),
    ("module", lambda: saved(nn.Conv2d(1, 1, 3)), "pickle of torch.nn.modules.conv.Conv2d", "weights_only=False"),
    ("script", scripted, "a TorchScript archive", "torch.jit.load"),
    ("exported", exported, "a torch.export program", "torch.export.load"),
    ("h5", lambda: b"\x89HDF\r\n\x1a\n" + bytes(64), "as Keras 2 wrote", ".save('model.keras')"),
    ("ort", lambda: flatbuffer(b"ORTM"), "an ONNX Runtime flatbuffer", "give the .onnx file"),
    ("paddle", lambda: PADDLE, "a Paddle program", "paddle2onnx"),
    ("paddle_json", lambda: b'{"base_code":{"magic":"pir"},"program":{}}', "a Paddle program", "paddle2onnx"),
    ("graph", lambda: GRAPH_DEF, "a frozen TensorFlow graph", "tf2onnx.convert --graphdef"),
    ("saved_model", lambda: SAVED_MODEL, "a TensorFlow SavedModel", "tf2onnx.convert --saved-model"),
    ("ncnn", lambda: b"7767517\n2 2\nInput data 0 1 data\n", "an ncnn network", "was made from"),
    ("openvino", lambda: b'<?xml version="1.0"?><net name="x"></net>', "OpenVINO", "was made from"),
    ("safetensors", safetensors, "weights alone", "striate.load(module"),
    ("numpy", array, "a NumPy array", "give the model"),
    ("pickle", lambda: pickle.dumps({"a": 1}), "a Python pickle", "striate.load(module"),
    ("packed", lambda: gzip.compress(b"x" * 99), "a compressed archive", "unpack"),
    ("zip", lambda: zipped(a=b"b"), "a compressed archive", "unpack"),
    ("half_a_zip", lambda: saved(STATE)[:300], "a damaged zip archive", "again"),
    ("page", lambda: b"<!DOCTYPE html><html>Sign in</html>", "a web page", "fetch it again"),
    ("lfs", lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer", "git lfs pull"),
    ("tfjs", lambda: b'{"format": "layers-model"}', "a TensorFlow.js model", "to ONNX"),
    ("json", lambda: b'{"a": 1}', "a JSON file", "was made from"),
]


@pytest.mark.parametrize("suffix", [".onnx", ".bin2"])
@pytest.mark.parametrize(("made", "what", "way"), [row[1:] for row in FILES], ids=[row[0] for row in FILES])
def test_a_file_is_named_by_its_content(
    made: Callable[[], bytes], what: str, way: str, suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(made())
    with pytest.raises(ModelError) as refused:
        load(path)
    text = str(refused.value)
    assert what in text
    assert way in text
    assert "wire type" not in text
    one_line(run("fields", path), 3, what)
    with pytest.raises(ModelError, match=r"^model: .*not an ONNX file; "):
        load(made())


@pytest.mark.parametrize(
    ("suffix", "what"),
    [(".mlmodel", "a Core ML model"), (".pdiparams", "Paddle weights"), (".plan", "TensorRT"), (".py", "Python code")],
)
def test_a_file_whose_bytes_say_nothing_is_named_by_its_suffix(suffix: str, what: str, tmp_path: Path) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(b"\x07\xff\x13" * 40)
    with pytest.raises(ModelError, match=what):
        load(path)


def test_text_is_named_as_text(tmp_path: Path) -> None:
    for name in ("notes.txt", "model.onnx"):
        (tmp_path / name).write_text("# the model\n\tlies elsewhere\n")
        one_line(run("fields", tmp_path / name), 3, f"{name}: a text file, not an ONNX file")


@pytest.mark.parametrize(
    ("names", "what"),
    [
        (("saved_model.pb", "variables"), "a TensorFlow SavedModel"),
        (("inference.pdmodel", "inference.pdiparams"), "a Paddle program"),
        (("config.json", "model.safetensors"), "a Hugging Face model"),
        (("a.param", "a.bin"), "an ncnn network"),
        (("a.onnx", "b.onnx"), "give one file in it: a.onnx, b.onnx"),
        ((), "give the model file in it"),
    ],
)
def test_a_folder_is_named_by_the_files_in_it(names: tuple[str, ...], what: str, tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(InputError, match=what):
        load(tmp_path)
    one_line(run("fields", tmp_path), 2, what)


def test_an_onnx_file_is_read_whatever_it_is_called(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(Path(DENOISER).read_bytes())
    assert load(path, (1, 3, 16, 16)).outputs == ("denoised",)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
            return Path.touch, (tmp_path / "went off",)

    for name, content in (("a.pt", saved(Bomb())), ("b.pt", pickle.dumps(Bomb()))):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelError, match="pickle"):
            load(tmp_path / name)
    assert not (tmp_path / "went off").exists()
