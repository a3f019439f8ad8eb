"""A model as a value: its identity is its content's, its kind is decided once, its shapes change by ``at``."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from os import environ, fspath, pathsep
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from support.odd import wrongly
from support.random_graphs import draw
from torch import nn

import striate
from striate.errors import InputError, ModelError, UnsupportedError
from striate.fields import Fields, sweep
from striate.formats.model import Model
from striate.formats.named import named_source
from striate.formats.unknown import Unknown

SEEDS = 12


def two_inputs(path: Path, *, weight: float = 1.0, external: bool = False) -> Path:
    """Two images of one size, convolved and added; the sizes are free and share their names."""
    weights = numpy_helper.from_array(np.full((1, 1, 3, 3), weight, np.float32), "w")
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, "h", "w_"]) for name in ("a", "b")]
    nodes = [helper.make_node("Conv", ["a", "w"], ["c"], "conv", pads=[1, 1, 1, 1])]
    nodes += [helper.make_node("Add", ["c", "b"], ["y"], "add")]
    graph = helper.make_graph(nodes, "two", ends, [helper.make_empty_tensor_value_info("y")], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    path.parent.mkdir(exist_ok=True)
    onnx.save(model, path, save_as_external_data=external, location=f"{path.stem}.data", size_threshold=0)
    return path


def moved(path: Path, *names: str) -> Path:
    """A copy of some files in another folder."""
    folder = path.parent / "elsewhere"
    folder.mkdir(exist_ok=True)
    for name in names:
        shutil.copy(path.parent / name, folder / name)
    return folder / path.name


def flipped(path: Path, at: int) -> None:
    """One bit of one byte turned over."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(bytes(content))


def test_the_identity_of_a_file_is_its_content_not_its_path(tmp_path: Path) -> None:
    path = two_inputs(tmp_path / "a.onnx")
    before = Model(path).identity
    copy = shutil.copy(path, tmp_path / "b.onnx")
    assert Model(copy, {"a": (1, 1, 4, 4)}).identity == Model(moved(path, "a.onnx")).identity == before
    weight = np.full(9, 1, np.float32).tobytes()
    flipped(path, path.read_bytes().index(weight))
    assert Model(path).identity != before


def test_the_identity_of_a_file_holds_the_weights_beside_it(tmp_path: Path) -> None:
    path = two_inputs(tmp_path / "a.onnx", external=True)
    before, bytes_before = Model(path).identity, path.read_bytes()
    assert Model(moved(path, "a.onnx", "a.data")).identity == before
    flipped(tmp_path / "a.data", 0)
    assert path.read_bytes() == bytes_before
    assert Model(path).identity != before


class Small(nn.Module):
    """A convolution, a buffer that is no parameter, and a plain setting."""

    def __init__(self, stride: int = 1, scale: float = 0.5, kernel: int = 3, device: str = "cpu") -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, kernel, stride, device=device)
        self.norm = nn.BatchNorm2d(2, device=device)
        self.register_buffer("mask", torch.ones(3, dtype=torch.int8, device=device), persistent=False)
        self.scale, self.act = scale, torch.relu
        self.table: dict[str, Any] = {"b": [1, 2], "a": torch.ones(2)}
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.fill_(0.25)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.conv(x)) * self.scale


class Other(Small):
    """The same under another name."""


def weight_bit(module: Small) -> None:
    module.conv.weight.detach().view(torch.int32)[0, 0, 0, 0] ^= 1


def buffer_bit(module: Small) -> None:
    module.get_buffer("mask")[1] ^= 1


def held_tensor(module: Small) -> None:
    module.table["a"][0] = 2


CHANGES: dict[str, Callable[[Small], Any]] = {
    "a bit of a weight": weight_bit,
    "a bit of a buffer": buffer_bit,
    "a setting": lambda module: setattr(module, "scale", 0.25),
    "a setting of a submodule": lambda module: setattr(module.conv, "stride", (2, 2)),
    "what a setting holds": held_tensor,
    "the order in a list": lambda module: module.table["b"].reverse(),
    "an activation": lambda module: setattr(module, "act", torch.tanh),
    "a further submodule": lambda module: setattr(module, "extra", nn.Identity()),
    "a type": lambda module: module.double(),
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_identity_of_a_module_changes_with(name: str) -> None:
    module, same = Small(), Small()
    before = Model(module).identity
    assert Model(same).identity == before
    CHANGES[name](module)
    assert Model(module).identity != before


def test_the_identity_of_a_module_is_that_of_its_class_too() -> None:
    assert Model(Small()).identity != Model(Other()).identity


def test_training_copies_and_shapes_do_not_change_an_identity() -> None:
    module = Small()
    before = Model(module, (1, 1, 8, 8)).identity
    assert Model(module.train(), (1, 1, 9, 9)).identity == before
    assert Model(module.eval()).identity == before
    assert Model(pickle.loads(pickle.dumps(module))).identity == before


def test_on_meta_shapes_stand_for_values() -> None:
    identity = Model(Small(device="meta")).identity
    assert identity == Model(Small(device="meta")).identity
    assert identity not in (Model(Small(device="meta", kernel=5)).identity, Model(Small()).identity)


def test_a_cycle_of_attributes_has_an_identity() -> None:
    def cyclic() -> nn.Module:
        module = Small()
        module.table["self"] = [module.table]
        return module

    assert Model(cyclic()).identity == Model(cyclic()).identity != Model(Small()).identity


def test_identities_are_the_same_in_every_process(tmp_path: Path) -> None:
    path = two_inputs(tmp_path / "a.onnx", external=True)
    code = (
        "import sys, torch; from torch import nn; from striate.formats.model import Model\n"
        "module = nn.Sequential(nn.Conv2d(1, 1, 3, bias=False), nn.ReLU()); module.words = {'x', 'y', 'z'}\n"
        "torch.nn.init.ones_(module[0].weight); print(Model(module).identity, Model(sys.argv[1]).identity)"
    )
    told = {**environ, "PYTHONHASHSEED": "1", "PYTHONPATH": pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code, path], env=told, capture_output=True, text=True, check=True)
    module: Any = nn.Sequential(nn.Conv2d(1, 1, 3, bias=False), nn.ReLU())
    module.words = {"z", "y", "x"}
    nn.init.ones_(module[0].weight)
    assert done.stdout.split() == [Model(module).identity, Model(path).identity]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_at_gives_what_reading_there_gives(seed: int, tmp_path: Path) -> None:
    drawn = draw(seed)
    shape = (*drawn.source[:-1], drawn.source[-1] + 3)
    path = tmp_path / "random.onnx"
    path.write_bytes(drawn.model.SerializeToString())
    there: dict[str, Any] = {}
    for name, model in (("read", Model(path, shape)), ("at", Model(path).at(shape))):
        try:
            there[name] = model.network
        except striate.StriateError as error:
            there[name] = str(error)
    assert there["at"] == there["read"]


def test_inputs_that_are_not_named_stay_as_they_were_given(tmp_path: Path) -> None:
    path = two_inputs(tmp_path / "a.onnx")
    free = Model(path, (1, 1, 8, 8)).at({"a": (1, 1, 9, 10)})
    assert {name: free.network.shapes[name] for name in "aby"} == dict.fromkeys("aby", (1, 1, 9, 10))
    both = Model(path, [(1, 1, 8, 8), (1, 1, 8, 8)]).at({"a": (1, 1, 8, 1)})
    assert both.shapes == {"a": (1, 1, 8, 1), "b": (1, 1, 8, 8)}
    assert [point.axes[1].size for point in sweep(Model(path, (1, 1, 8, 8)), "add", [6, (8, 9)]).points] == [3, 3]


def test_a_model_is_a_frozen_value(tmp_path: Path) -> None:
    path = two_inputs(tmp_path / "a.onnx")
    model = Model(fspath(path), {"a": [1, 1, 8, 8]}, "whole")
    assert model == Model(path, {"a": (1, 1, 8, 8)}, Unknown.WHOLE)
    assert len({model, Model(path, {"a": (1, 1, 8, 8)}, "whole"), Model(path)}) == 2
    assert model.unknown is Unknown.WHOLE
    with pytest.raises(FrozenInstanceError):
        model.shapes = None  # type: ignore[misc]
    again = pickle.loads(pickle.dumps(model))
    assert (again, again.network) == (model, model.network)
    module = Model(Small().eval(), (1, 1, 8, 8))
    assert pickle.loads(pickle.dumps(module)).network == module.network


def test_a_model_of_a_module_is_that_very_module() -> None:
    class Equal(nn.Identity):
        def __eq__(self, other: object) -> bool:
            return True

    one, other = Equal(), Equal()
    assert Model(one, (1, 2)) == Model(one, [1, 2])
    assert Model(one) != Model(other)
    assert len({Model(one), Model(one), Model(other)}) == 2
    assert repr(Model(one, (1, 2))) == "<Model Equal (torch) at (1, 2)>"


def test_nothing_is_read_before_it_is_asked_for(tmp_path: Path) -> None:
    model = Model(tmp_path / "nowhere.onnx", (1, 3, 8, 8)).at((1, 3, 9, 9))
    assert (model.name, model.kind) == ("nowhere.onnx", "onnx")
    with pytest.raises(InputError, match=r"nowhere.onnx: cannot be opened"):
        _ = model.network
    with pytest.raises(InputError, match=r"nowhere.onnx: cannot be opened"):
        _ = model.identity


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((3,), r"the path or bytes of an ONNX, TFLite or .keras file, a ModelProto or a torch.nn.Module, got 3"),
        ((nn.ReLU,), r"a model is the path"),
        (("a.onnx", "1x3"), r"input_shape '1x3' is no shape"),
        (("a.onnx", {3: (1, 3)}), r"the name of an input must be a string, got 3"),
        (("a.onnx", (1, 0)), r"input_shape \(1, 0\) has a dimension below 1"),
        (("a.onnx", [(1, 2), (1, 2.5)]), r"input_shape \(1, 2.5\) is no shape"),
        (("a.onnx", None, "guess"), r"unknown must be one of 'refuse', 'whole', got 'guess'"),
    ],
)
def test_what_makes_no_model_is_refused_at_once(arguments: tuple[Any, ...], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Model(*arguments)


def test_a_module_needs_a_shape() -> None:
    with pytest.raises(InputError, match="a torch module needs its input's shape"):
        _ = Model(nn.ReLU()).network
    with pytest.raises(InputError, match="give at least one size"):
        _ = Model(nn.ReLU(), ()).network


def test_an_operator_without_a_rule_is_refused_or_sees_all() -> None:
    class Decomposed(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.linalg.svd(x)[0]

    with pytest.raises(UnsupportedError):
        _ = Model(Decomposed(), (3, 3)).network
    assert Model(Decomposed(), (3, 3), "whole").network.shapes["linalg_svd"] == (3, 3)


def test_text_names_a_file_first_then_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    two_inputs(tmp_path / "torch.nn:ReLU")
    assert Model(named_source("torch.nn:ReLU")).kind == "onnx"
    assert Model(named_source("torch.nn:Identity")).kind == "torch"
    with pytest.raises(InputError, match=r"gave Size, not a torch.nn.Module"):
        named_source("torch:Size")


def test_questions_take_a_model_or_what_holds_one(tmp_path: Path) -> None:
    path = two_inputs(tmp_path / "a.onnx")
    model, loaded = Model(path, (1, 1, 8, 8)), striate.load(path, (1, 1, 8, 8))
    assert isinstance(loaded, striate.LoadedModel)
    assert loaded == striate.LoadedModel(model)
    assert loaded.network == model.network
    answers = [Fields(held)["add"] for held in (model, loaded, model.network)]
    assert answers == [loaded.fields()["add"]] * 3
    assert sweep(loaded, "add", [8]) == sweep(model, "add", [8]) == loaded.sweep("add", [8])
    assert loaded.compare(model).same
    assert loaded.at((1, 1, 9, 9)).shapes["y"] == (1, 1, 9, 9)
    with pytest.raises(InputError, match="built by hand: it cannot be read at another input size"):
        wrongly(sweep)(model.network, "add", [8])
    with pytest.raises(InputError, match="network must be a Network, got 3"):
        wrongly(Fields)(3)


def test_importing_striate_imports_no_framework() -> None:
    code = "import sys, striate; print([name for name in ('torch', 'onnx', 'onnxruntime') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_file_that_loses_its_weights_has_no_identity(tmp_path: Path) -> None:
    path = two_inputs(tmp_path / "a.onnx", external=True)
    (tmp_path / "a.data").unlink()
    with pytest.raises(ModelError, match=r"a.onnx: tensor 'w' keeps its data in 'a.data'"):
        _ = Model(path).identity
