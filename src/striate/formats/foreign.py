"""Files and folders that hold no model which is read: told by their content what each is, and the way to one that is.

Nothing is unpickled, executed or loaded: the first bytes, the names in an archive and the words of a pickle are read.
"""

from __future__ import annotations

import pickletools
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

HEAD = 4096
LARGEST_PICKLE = 1 << 22
MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Foreign:
    """What a file is, and what to do to have it read."""

    what: str
    way: str

    def __str__(self) -> str:
        return f"{self.what}, not an ONNX file; {self.way}"


_MODULE = "in Python build the module, load its weights and call striate.load(module, (1, 3, 224, 224))"
_PADDLE = (
    "convert: paddle2onnx --model_dir FOLDER --model_filename MODEL --params_filename WEIGHTS --save_file model.onnx"
)
_ORIGIN = "give the ONNX file or the torch module that it was made from"

CHECKPOINT = Foreign("PyTorch weights (torch.save; left pickled)", _MODULE)
TORCHSCRIPT = Foreign(
    "a TorchScript archive (never executed here)",
    "in Python: striate.load(torch.jit.load(file), (1, 3, 224, 224)), or export its module with torch.onnx.export",
)
EXPORTED = Foreign(
    "a torch.export program (.pt2)",
    "in Python: striate.load(torch.export.load(file)), or torch.onnx.export(torch.export.load(file), (), 'model.onnx')",
)
HDF5 = Foreign(
    "an HDF5 file, as Keras 2 wrote its models (.h5)",
    "in Keras save it anew: keras.models.load_model(file).save('model.keras')",
)
GRAPH_DEF = Foreign(
    "a frozen TensorFlow graph",
    "convert: python -m tf2onnx.convert --graphdef FILE --inputs X:0 --outputs Y:0 --output model.onnx",
)
SAVED_MODEL = Foreign(
    "a TensorFlow SavedModel", "convert: python -m tf2onnx.convert --saved-model FOLDER --output model.onnx"
)
TFJS = Foreign("a TensorFlow.js model", "export the Keras or TensorFlow model that it was made from to ONNX")
PADDLE = Foreign("a Paddle program", _PADDLE)
PADDLE_WEIGHTS = Foreign("Paddle weights", _PADDLE)
NCNN = Foreign("an ncnn network (.param)", _ORIGIN)
OPENVINO = Foreign("an OpenVINO network or other XML", _ORIGIN)
SAFETENSORS = Foreign("weights alone (safetensors)", _MODULE)
ORT = Foreign("an ONNX Runtime flatbuffer (.ort)", "give the .onnx file that it was made from")
GGUF = Foreign("a GGUF file, weights of a language model", _MODULE)
NUMPY = Foreign("a NumPy array", "give the model; an array has no layers")
ARCHIVE = Foreign("a compressed archive", "unpack it and give the model file in it")
PICKLE = Foreign("a Python pickle (never opened here)", _MODULE)
WEB_PAGE = Foreign("a web page", "the download did not give the file; fetch it again")
LFS = Foreign("a Git LFS pointer", "fetch the file itself: git lfs pull")
JSON = Foreign("a JSON file", _ORIGIN)
COREML = Foreign("a Core ML model", _ORIGIN)
TEXT = Foreign("a text file", _ORIGIN)

MAGIC: tuple[tuple[int, bytes, Foreign], ...] = (
    (0, b"\x89HDF\r\n\x1a\n", HDF5),
    (2, b"\0\0ORTM", ORT),
    (0, b"7767517", NCNN),
    (0, b"GGUF", GGUF),
    (0, b"\x93NUMPY", NUMPY),
    (0, b"\x1f\x8b", ARCHIVE),
    (0, b"BZh", ARCHIVE),
    (0, b"\xfd7zXZ\0", ARCHIVE),
    (0, b"7z\xbc\xaf\x27\x1c", ARCHIVE),
    (257, b"ustar", ARCHIVE),
    (0, b"version https://git-lfs", LFS),
)
"""What stands at which byte of files of a kind."""

SUFFIXES = {
    ".pdmodel": PADDLE,
    ".pdiparams": PADDLE_WEIGHTS,
    ".pdparams": PADDLE_WEIGHTS,
    ".mlmodel": COREML,
    ".pt": CHECKPOINT,
    ".pth": CHECKPOINT,
    ".ckpt": CHECKPOINT,
    ".pkl": PICKLE,
    ".h5": HDF5,
    ".pb": SAVED_MODEL,
    ".param": NCNN,
    ".bin": Foreign("weights alone (.bin)", _ORIGIN),
    ".mnn": Foreign("an MNN model", _ORIGIN),
    ".engine": Foreign("a TensorRT engine", _ORIGIN),
    ".trt": Foreign("a TensorRT engine", _ORIGIN),
    ".plan": Foreign("a TensorRT engine", _ORIGIN),
    ".caffemodel": Foreign("Caffe weights", _ORIGIN),
    ".prototxt": Foreign("a Caffe network", _ORIGIN),
    ".weights": Foreign("Darknet weights", _ORIGIN),
    ".rknn": Foreign("an RKNN model", _ORIGIN),
    ".py": Foreign("Python code", "name the model in it as package.module:callable"),
}
"""What a file is by its name, where its bytes say nothing and it is no ONNX model either."""

PLAIN_GLOBALS = ("collections ", "torch ", "torch._utils ", "torch._tensor ", "torch.storage ", "numpy", "_codecs ")


def foreign(held: Path | bytes) -> Foreign | None:
    """What the bytes of a file say that it is, where they are not those of a protobuf such as ONNX."""
    head = _head(held)
    for at, magic, kind in MAGIC:
        if head[at : at + len(magic)] == magic:
            return kind
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return _archive(held)
    if head[:1] == b"\x80" and 2 <= int.from_bytes(head[1:2]) <= 5:
        return _pickle(head) if head[2:10] != b"\x8a\x0al\xfc\x9cF\xf9 " else CHECKPOINT
    length = int.from_bytes(head[:8], "little")
    if head[8:9] == b"{" and length < (len(held) if isinstance(held, bytes) else held.stat().st_size):
        return SAFETENSORS
    return _text(head.lstrip(b"\xef\xbb\xbf \t\r\n").lower())


def unread(held: Path | bytes) -> Foreign | None:
    """What a protobuf or nameless file is that does not read as ONNX: by its first message, its suffix, its letters."""
    head = _head(held)
    if head[:1] == b"\x0a":
        first = _after_number(head, 1)
        if head[first : first + 1] in (b"\x08", b"\x0a"):
            return PADDLE if head[first : first + 1] == b"\x08" else GRAPH_DEF
    if head[:3] == b"\x08\x01\x12":
        return SAVED_MODEL
    known = None if isinstance(held, bytes) else SUFFIXES.get(held.suffix.lower())
    return known or (TEXT if head and head.isascii() and all(byte > 31 or byte in b"\t\n\r" for byte in head) else None)


def _head(held: Path | bytes) -> bytes:
    if isinstance(held, bytes):
        return held[:HEAD]
    with held.open("rb") as file:
        return file.read(HEAD)


def folder(path: Path) -> str:
    """What a folder is by the files in it, and which to give; follows its name in an error."""
    try:
        files = sorted(entry.name for entry in path.iterdir())
    except OSError as error:
        return f"is a folder that cannot be read: {error.strerror}"
    models = [name for name in files if name.endswith((".onnx", ".tflite", ".keras"))]
    if models:
        return f"is a folder; give one file in it: {_some(models)}"
    for kind, marks in _FOLDERS:
        if any(name == mark or (mark[0] == "." and name.endswith(mark)) for name in files for mark in marks):
            return f"is a folder that holds {kind}"
    return "is a folder; give the model file in it"


_FOLDERS: tuple[tuple[Foreign, Sequence[str]], ...] = (
    (SAVED_MODEL, ("saved_model.pb",)),
    (PADDLE, (".pdmodel", ".pdiparams")),
    (
        Foreign(
            "a Hugging Face model",
            "in Python: striate.load(AutoModel.from_pretrained(folder), (1, 3, 224, 224)), "
            "or optimum-cli export onnx --model FOLDER OUT",
        ),
        ("model.safetensors", "pytorch_model.bin", "model.safetensors.index.json"),
    ),
    (COREML, ("Manifest.json",)),
    (OPENVINO, (".xml",)),
    (NCNN, (".param",)),
    (HDF5, (".h5",)),
    (CHECKPOINT, (".pt", ".pth", ".ckpt")),
)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST_NAMED]) + ("" if len(names) <= MOST_NAMED else f" and {len(names) - MOST_NAMED} more")


def _archive(held: Path | bytes) -> Foreign:
    """A zip archive by the names in it."""
    try:
        with zipfile.ZipFile(BytesIO(held) if isinstance(held, bytes) else held) as archive:
            names = archive.namelist()
            last = {name.rpartition("/")[2] for name in names}
            if "archive_format" in last or "serialized_exported_program.json" in last:
                return EXPORTED
            if "constants.pkl" in last:
                return TORCHSCRIPT
            pickles = [name for name in names if name.rpartition("/")[2] == "data.pkl"]
            if pickles:
                with archive.open(pickles[0]) as file:
                    return _saved(file.read(LARGEST_PICKLE))
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, ValueError, EOFError):
        return Foreign("a damaged zip archive (.pt, .keras and .npz are such)", "fetch or save it again")
    return NUMPY if names and all(name.endswith(".npy") for name in names) else ARCHIVE


def _saved(content: bytes) -> Foreign:
    """What ``torch.save`` wrote: weights, or an object of the class that its pickle names first."""
    strange = [name for name in _globals(content) if not name.startswith(PLAIN_GLOBALS)]
    if not strange:
        return CHECKPOINT
    name = strange[0].replace(" ", ".")
    return Foreign(
        f"a PyTorch pickle of {name} (left pickled, since opening one runs its code)",
        "if you trust it: striate.load(torch.load(file, weights_only=False), (1, 3, 224, 224))",
    )


def _pickle(head: bytes) -> Foreign:
    return CHECKPOINT if any(name.startswith("torch") for name in _globals(head)) else PICKLE


def _globals(content: bytes) -> list[str]:
    """The classes and functions a pickle names, read as words."""
    found = []
    try:
        for code, argument, _ in pickletools.genops(content):
            if code.name == "GLOBAL":
                found.append(str(argument))
    except (ValueError, UnicodeDecodeError, IndexError, EOFError):
        pass
    return found


def _text(head: bytes) -> Foreign | None:
    """What begins as text of some known kind."""
    starts: Iterable[tuple[tuple[bytes, ...], Foreign]] = (
        ((b"<!doctype html", b"<html"), WEB_PAGE),
        ((b"<?xml", b"<net"), OPENVINO),
    )
    for words, kind in starts:
        if head.startswith(words):
            return kind
    if not head.startswith(b"{"):
        return None
    if b'"base_code"' in head:
        return PADDLE
    return TFJS if b'"layers-model"' in head or b'"graph-model"' in head else JSON


def _after_number(content: bytes, at: int) -> int:
    """The place after a protobuf's number."""
    while at < len(content) and content[at] > 127:
        at += 1
    return at + 1
