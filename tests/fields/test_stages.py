"""The name of a stage speaks for all that runs inside it; torch's own flop counter is the oracle."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import onnx
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import striate
from striate.network.stages import with_stages


class Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.wide = nn.Conv2d(channels, channels, 5, padding=2, groups=2)
        self.drop = nn.Dropout()

    def forward(self, x: Tensor) -> Tensor:
        return self.drop(torch.relu(self.wide(self.conv(x)) + x))


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2)
        self.layer1 = nn.Sequential(Block(8), Block(8))
        self.head = nn.Sequential(nn.Conv2d(8, 4, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer1(self.stem(x)))


def test_a_submodule_costs_what_runs_inside_it() -> None:
    module, image = Net().eval(), torch.zeros(1, 3, 33, 35)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(image)
    counted = {name: sum(flops.values()) // 2 for name, flops in counter.get_flop_counts().items()}
    sizes: dict[str, int] = {}
    fields = striate.load(module, tuple(image.shape)).fields()
    for path, child in module.named_modules():
        if not path or isinstance(child, nn.Dropout):
            continue
        found = fields[path]
        assert found.macs == counted.get(f"Net.{path}", 0), path
        assert found.parameters == sum(p.numel() for p in child.parameters()), path
        sizes[path] = found.activation_bytes
    assert (fields["layer1"].op, fields["layer1"].nodes) == ("stage of 8 nodes", 8)
    assert sizes["layer1"] == 8 * 4 * 8 * 16 * 17
    assert (fields["head"].op, fields["head"].nodes) == ("conv", 1)
    dropped = fields["layer1.1.drop"]
    assert (dropped.op, dropped.parameters, dropped.macs) == ("stage of 0 nodes", 0, 0)


def exported(module: nn.Module, shape: tuple[int, ...], path: Path) -> Path:
    torch.onnx.export(
        module, (torch.zeros(shape),), str(path), dynamo=False, opset_version=17, do_constant_folding=False
    )
    return path


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_folder_of_node_names_is_a_stage(tmp_path: Path) -> None:
    shape = (1, 3, 33, 35)
    network = striate.load(exported(Net().eval(), shape, tmp_path / "net.onnx"))
    torch_fields, fields = striate.load(Net().eval(), shape).fields(), network.fields()
    for path, name in (("layer1", "/layer1"), ("layer1.0", "/layer1/layer1.0"), ("head", "/head")):
        ours, theirs = fields[name], torch_fields[path]
        assert (ours.parameters, ours.macs, ours.nodes) == (theirs.parameters, theirs.macs, theirs.nodes), name
        assert ours.axes == theirs.axes, name
        assert ours.shape == theirs.shape, name


def test_the_denoisers_stages() -> None:
    path = str(files("striate").joinpath("data/denoiser.onnx"))
    network = striate.load(path, (1, 3, 64, 64))
    fields, weights = network.fields(), onnx.load(path).graph.initializer
    learned = {w.name: int(torch.tensor(w.dims).prod()) for w in weights if w.name.endswith(("weight", "bias"))}
    for stage in ("stem", "mid2", "up1", "noise"):
        assert fields[stage].parameters == sum(n for name, n in learned.items() if name.startswith(f"{stage}/")), stage
    assert fields["mid1"].axes == fields["mid1/add"].axes
    assert network.sweep("mid1", (64, 68)).points[1].axes == network.sweep("mid1/add", (68,)).points[0].axes


def test_a_stages_tensor_is_the_one_read_outside() -> None:
    network = striate.load(str(files("striate").joinpath("data/denoiser.onnx")), (1, 3, 64, 64)).network
    assert [network.tensor(stage) for stage in ("stem", "up1", "mid1")] == [
        *(network.tensor(name) for name in ("stem/relu", "up1/resize", "mid1/add")),
    ]
    named = replace(network, nodes=tuple(replace(node, name=f"{'a/' * 200}{node.name}") for node in network.nodes))
    assert max(len(path) for path in with_stages(named).parts) < 200
