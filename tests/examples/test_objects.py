"""The object network: the script that fetches it, and striate's claims on it against LiteRT and what is published."""

from __future__ import annotations

import importlib.util
import io
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.litert import Runtime
from support.sure import sure

import striate
from striate.formats.given import Given
from striate.formats.tflite import Reading, read_file
from striate.formats.unknown import Unknown
from striate.network.operators import Conv

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "objects.py"
GROWTH = [3, 7, 11, 19, 27, 43, 59, 75, 107, 139, 171, 203, 235, 267, 299, 363, 427, 491]
"""Pixels that a unit sees, by depth, to the end of the backbone."""
LEFT_PADS = [0, 1, 0, 1, 1, 1, 1, 0, 1]
"""What TensorFlow's SAME puts before a row at each of the first 3x3 convolutions, on 300 pixels."""
BLOCKS = "FeatureExtractor/MobilenetV2/"
LAYERS = [
    f"{BLOCKS}Conv/Relu6",
    f"{BLOCKS}expanded_conv_2/add",
    f"{BLOCKS}expanded_conv_5/add",
    f"{BLOCKS}expanded_conv_12/add",
    "BoxPredictor_0/ClassPredictor/BiasAdd",
]


def script() -> Any:
    spec = importlib.util.spec_from_file_location("objects", SCRIPT)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    assert spec.loader is not None
    spec.loader.exec_module(module)
    return module


@dataclass
class Objects:
    """The network's file, read and in LiteRT."""

    content: bytes

    @cached_property
    def reading(self) -> Reading:
        return read_file(self.content, "objects.tflite", None, Unknown.REFUSE, Given())

    @cached_property
    def model(self) -> striate.LoadedModel:
        return striate.load(self.content)

    @cached_property
    def runtime(self) -> Runtime:
        return Runtime(self.content)

    def values(self, layer: str, image: NDArray[Any]) -> NDArray[Any]:
        """A layer in LiteRT, channels first."""
        place, order = self.reading.places[self.model.tensor(layer)]
        return self.runtime.run(image, [place])[0].transpose(order)


@pytest.fixture(scope="module")
def objects() -> Objects:
    path = script().FOLDER / "objects.tflite"
    if not path.exists():
        pytest.skip(f"the object network is not in {path.parent}; fetch it: python examples/objects.py")
    return Objects(path.read_bytes())


def test_the_field_grows_as_published(objects: Objects) -> None:
    fields, seen = objects.model.fields(), []
    for node in objects.model.nodes:
        if isinstance(node.op, Conv) and node.name.startswith(f"{BLOCKS}"):
            height, width = (sure(axis.span).size for axis in fields[node.name].axes.values())
            assert height == width
            seen.append(height)
    assert list(dict.fromkeys(seen))[: len(GROWTH)] == GROWTH


def test_the_pads_are_those_of_tensorflow(objects: Objects) -> None:
    windows = [node.op for node in objects.model.nodes if isinstance(node.op, Conv) and node.op.kernel == (3, 3)]
    assert [op.padding[1][0] for op in windows[: len(LEFT_PADS)]] == LEFT_PADS


def test_every_shape_is_the_one_that_litert_gives(objects: Objects) -> None:
    image, shapes = np.zeros((1, 300, 300, 3), np.float32), objects.model.shapes
    names = [name for name in objects.reading.places if name in shapes]
    values = objects.runtime.run(image, [objects.reading.places[name][0] for name in names])
    assert len(names) > 90
    for name, value in zip(names, values, strict=True):
        assert value.transpose(objects.reading.places[name][1]).shape == shapes[name], name


@pytest.mark.parametrize("layer", LAYERS)
def test_a_unit_is_moved_by_what_it_is_said_to_read_and_by_nothing_else(objects: Objects, layer: str) -> None:
    rows, columns = objects.model.shapes[objects.model.tensor(layer)][2:]
    random = np.random.default_rng(0)
    base, noise = random.uniform(-1, 1, (2, 1, 300, 300, 3)).astype(np.float32)
    moved = 0
    for at in ((rows // 2, columns // 2), (0, columns - 1)):
        region = objects.model.region(layer, at)
        mask = region.mask[None, :, :, None]
        quiet = objects.values(layer, base)[:, :, *at]
        assert objects.values(layer, np.where(mask, base, noise))[:, :, *at].tobytes() == quiet.tobytes()
        for line in edges(region.mask):
            changed = np.where(line[None, :, :, None], noise, base)
            moved += objects.values(layer, changed)[:, :, *at].tobytes() != quiet.tobytes()
    assert moved >= 6


def edges(mask: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """The outermost rows and columns of a cover, one at a time."""
    found = []
    for axis in (0, 1):
        lines = np.flatnonzero(mask.any(axis=1 - axis))
        for end in (lines[0], lines[-1]):
            only = np.zeros_like(mask)
            only[(slice(None),) * axis + (end,)] = True
            found.append(mask & only)
    return found


def test_a_wrong_claim_is_moved_from_outside(objects: Objects) -> None:
    """The same field a pixel further left, as symmetric padding of the first convolution would have it."""
    layer, at = LAYERS[0], (75, 75)
    shifted = np.roll(objects.model.region(layer, at).mask, -1, 1)[None, :, :, None]
    base, noise = np.random.default_rng(0).uniform(-1, 1, (2, 1, 300, 300, 3)).astype(np.float32)
    quiet = objects.values(layer, base)[:, :, *at]
    assert objects.values(layer, np.where(shifted, base, noise))[:, :, *at].tobytes() != quiet.tobytes()


def archive(path: Path, member: str, content: bytes) -> Path:
    with tarfile.open(path, "w:gz") as package:
        entry = tarfile.TarInfo(member)
        entry.size = len(content)
        package.addfile(entry, io.BytesIO(content))
    return path


def test_what_is_fetched_is_kept_only_where_its_hash_is_right(tmp_path: Path) -> None:
    module = script()
    wrong = archive(tmp_path / "a.tgz", module.MEMBER, bytes(module.NETWORK.stop))
    with pytest.raises(ValueError, match="which should be"):
        module.fetch(tmp_path / "out", wrong)
    assert not (tmp_path / "out").exists()
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path / "out"), "--archive", str(tmp_path / "none.tgz")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    other = archive(tmp_path / "b.tgz", "package/other", b"")
    with pytest.raises(KeyError):
        module.parts(other)


def test_the_labels_are_those_of_23_kinds(objects: Objects) -> None:
    labels = (script().FOLDER / "objects.txt").read_text().split("\n")
    assert labels[0] == "???"
    assert len(labels[1:24]) == 23 == len([label for label in labels[1:] if label])
    assert objects.model.shapes["raw_outputs/class_predictions"] == (1, 1917, 24)
