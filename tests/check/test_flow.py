"""One flow for every kind of model: what is wrong of one layer leaves the others checked."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from support.odd import wrongly
from support.small_graphs import GRAPHS, Graph
from torch import nn

from striate.check import check
from striate.errors import InputError
from striate.formats.model import Model
from striate.network.operators import Conv

SHAPE = (1, 1, 12, 12)


class Two(nn.Sequential):
    """A convolution, and a second one of stride 2."""

    def __init__(self) -> None:
        super().__init__(nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3, 2))


def models(folder: Path) -> list[Model]:
    stream: Any = io.BytesIO()
    torch.onnx.export(Two().eval(), (torch.zeros(SHAPE),), stream, dynamo=False, opset_version=17)
    path = folder / "two.onnx"
    path.write_bytes(stream.getvalue())
    return [Model(Two().eval(), SHAPE), Model(path)]


def without_stride(model: Model) -> Model:
    """The model, read as if its last convolution had no stride."""
    network = model.network
    last = network.nodes[-1]
    assert isinstance(last.op, Conv)
    wrong = replace(last, op=replace(last.op, stride=(1, 1)))
    shapes = {**network.shapes, last.outputs[0]: (1, 1, 8, 8)}
    vars(model)["network"] = replace(network, nodes=(*network.nodes[:-1], wrong), shapes=shapes)
    return model


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_layer_of_a_wrong_shape_leaves_the_others_proved(tmp_path: Path) -> None:
    told = []
    for model in map(without_stride, models(tmp_path)):
        first, last = (node.name for node in model.network.nodes)
        report = check(model, layers=[first, last], units=[(1, 1)])
        assert [unit.ok for unit in report.units] == [True, False]
        assert report.units[0].complete
        assert report.units[0].noise is not None
        assert [extent.layer for extent in report.extents] == [first, first]
        assert report.first is not None
        told.append(str(report.first.first))
        alone = check(model, layers=[last], units=[(1, 1)])
        assert (alone.ok, alone.runs, alone.unusable) == (False, 0, "the claim's shapes are wrong")
    assert told == ["shape: (1, 1, 8, 8) claimed, (1, 1, 4, 4) in the runtime"] * 2


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_steps_are_told_to_the_end_and_never_beyond(tmp_path: Path) -> None:
    for model in models(tmp_path):
        told: list[tuple[int, int]] = []
        report = check(model, passes=5, progress=lambda done, total, told=told: told.append((done, total)))
        assert report.ok
        done, totals = zip(*told, strict=True)
        assert list(done) == sorted(done)
        assert set(totals) == {done[-1]}


def test_a_model_is_checked_at_its_own_shapes_or_at_others(tmp_path: Path) -> None:
    graph = Graph(1, 3, "h", "w")
    path = graph.save(tmp_path, GRAPHS["holes"](graph))
    model = Model(path, (1, 3, 12, 10))
    found: list[Any] = [check(model), check(path, (1, 3, 12, 10)), check(Model(path, (1, 3, 30, 30)), (1, 3, 12, 10))]
    assert found[0] == found[1] == found[2]
    assert found[0].ok
    assert found[0].model == model.name == "small.onnx"
    with pytest.raises(InputError, match=r"a model is the path or bytes of an ONNX, TFLite or \.keras file"):
        wrongly(check)(3)
