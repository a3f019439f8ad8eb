"""Networks as values and as JSON: equal and hashed alike after a round trip, refused where they are not whole."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from copy import deepcopy
from dataclasses import FrozenInstanceError, replace
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import pytest
import torchvision
from support.odd import wrongly
from support.pairs import random_pair
from support.random_graphs import draw

import striate
from striate.errors import ModelError, StriateError
from striate.fields import Fields
from striate.formats.model import Model
from striate.network import Network, Node
from striate.network.operators import BY_WORD, Conv, Elementwise, Transpose

SEEDS = 20
MUTATIONS = 400
ODD: tuple[Any, ...] = (None, True, -1, 1.5, 10**30, "", "x", [], [1], ["x"], {}, {"x": 1}, [[1]], float("nan"))


def small() -> Network:
    """x -> conv -> sum with x, one part and an alias"""
    nodes = (
        Node("a/conv", Conv((3, 3), padding=((1, 1), (1, 1)), out_channels=3), ("x",), ("y",), "Conv", 81),
        Node("a/add", Elementwise(), ("y", "x"), ("z",), at_most=True),
    )
    shapes = dict.fromkeys("xyz", (1, 3, 8, 8))
    return Network("small", ("x",), ("z",), nodes, shapes, {"x": 2}, {"a": "z"}, {"a": ("a/conv", "a/add")})


def schema() -> Any:
    return json.loads(files("striate.network").joinpath("network.schema.json").read_text())


def held(network: Network) -> None:
    """Whatever goes through JSON or pickle comes out as it was, and answers alike."""
    document = json.loads(network.to_json())
    jsonschema.validate(document, schema())
    for again in (Network.from_json(network.to_json()), pickle.loads(pickle.dumps(network)), deepcopy(network)):
        assert again == network
        assert hash(again) == hash(network)
        assert list(again.layers) == list(network.layers)
        assert again.to_json() == network.to_json()
    assert Fields(Network.from_json(network.to_json())).keys() == Fields(network).keys()


@pytest.mark.parametrize("seed", range(SEEDS))
def test_networks_of_random_files(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "random.onnx"
    path.write_bytes(draw(seed).model.SerializeToString())
    held(Model(path).network)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_networks_of_random_modules(seed: int) -> None:
    held(random_pair(seed).network())


@pytest.mark.parametrize("name", ["resnet18", "swin_t", "shufflenet_v2_x0_5"])
def test_networks_of_torchvision(name: str) -> None:
    network = Model(torchvision.models.get_model(name, weights=None), (1, 3, 224, 224)).network
    assert network.parts
    assert any(node.weights for node in network.nodes)
    held(network)


def test_the_shipped_network_answers_alike() -> None:
    network = striate.load(files("striate").joinpath("data/denoiser.onnx"), (1, 3, 64, 64)).network  # type: ignore[arg-type]
    held(network)
    fields, again = Fields(network), Fields(Network.from_json(network.to_json()))
    assert [fields[layer] for layer in network.layers] == [again[layer] for layer in network.layers]


def test_a_network_is_a_frozen_value() -> None:
    one = small()
    held(one)
    assert len({one, small(), replace(one, name="other"), replace(one, shapes={**one.shapes, "more": (1,)})}) == 3
    with pytest.raises(FrozenInstanceError):
        one.name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError, match="cannot be changed"):
        one.shapes["x"] = (1,)  # type: ignore[index]
    assert one.results
    assert b"results" not in pickle.dumps(one)


def test_what_stands_at_its_default_is_left_out() -> None:
    first, second = json.loads(small().to_json())["nodes"]
    assert first == {
        "name": "a/conv",
        "op": {"op": "conv", "kernel": [3, 3], "padding": [[1, 1], [1, 1]], "out_channels": 3}
        | {name: first["op"][name] for name in ("stride", "dilation") if name in first["op"]},
        "inputs": ["x"],
        "outputs": ["y"],
        "source": "Conv",
        "parameters": 81,
    }
    assert second == {
        "name": "a/add", "op": {"op": "elementwise"}, "inputs": ["y", "x"], "outputs": ["z"], "at_most": True
    }  # fmt: skip


def broken(change: Callable[[Any], Any]) -> str:
    document = json.loads(small().to_json())
    change(document)
    return json.dumps(document)


WRONG: dict[str, tuple[Callable[[Any], Any], str]] = {
    "another schema": (lambda d: d.update(schema=2), "schema 2; this version reads schema 1"),
    "a key more": (lambda d: d.update(shape={}), "the document has no key 'shape'; did you mean 'shapes'"),
    "a key less": (lambda d: d.pop("parts"), "the document lacks the key 'parts'"),
    "a misspelt setting": (
        lambda d: d["nodes"][0]["op"].update(dilations=[2, 2]), r"nodes\[0\].op: conv: no field 'dilations'; did you"
    ),
    "an unknown operator": (lambda d: d["nodes"][0]["op"].update(op="cnov"), "no operator 'cnov'; did you mean 'conv'"),
    "a weight without a role": (
        lambda d: d["nodes"][0].update(weights=[{"name": "w", "shape": [3]}]), "weights lacks the key 'role'"
    ),
    "a kernel of words": (lambda d: d["nodes"][0]["op"].update(kernel="3"), r"nodes\[0\].op: conv: kernel"),
    "a flag of a number": (lambda d: d["nodes"][1].update(at_most=1), r"nodes\[1\].at_most must be true or false"),
    "a size of a truth": (lambda d: d["shapes"].update(x=[True]), r"shapes\['x'\] must be an integer, got True"),
    "a negative size": (lambda d: d["shapes"].update(x=[-1]), r"shapes\['x'\] must be at least 0, got -1"),
    "a size of no tensor": (lambda d: d["shapes"].update(x=[1, 3, 2**40, 8]), "must be at most 2147483648"),
    "a tensor without a shape": (lambda d: d["shapes"].pop("y"), "tensor 'y' stands nowhere"),
    "an input of no tensor": (lambda d: d.update(inputs=["w"]), "tensor 'w' stands nowhere"),
    "an alias of nothing": (lambda d: d["aliases"].update(b="zz"), "tensor 'zz' stands nowhere; did you mean 'z'"),
    "a part of no node": (lambda d: d["parts"].update(a=["a/cnov"]), "node 'a/cnov' stands nowhere; did you mean"),
    "one name twice": (lambda d: d["nodes"][1].update(name="a/conv"), "(stands nowhere|same name)"),
    "a node without outputs": (lambda d: d["nodes"][1].update(outputs=[]), "node 'a/add' has no output"),
    "nodes out of order": (lambda d: d["nodes"].reverse(), "node 'a/add' reads 'y' before it is written"),
    "a node that reads itself": (lambda d: d["nodes"][1].update(inputs=["z"]), "reads 'z' before it is written"),
    "a tensor written twice": (lambda d: d["nodes"][1].update(outputs=["y"]), "tensor 'y' is written twice|reads 'y'"),
    "an input that is written": (lambda d: d["nodes"][1].update(outputs=["x"]), "written twice|before it is written"),
    "a shape the operator does not give": (
        lambda d: d["shapes"].update(y=[1, 3, 7, 8]), r"a/conv \(Conv\): conv gives shape \(1, 3, 8, 8\), the model"
    ),
    "an operator that does not fit": (lambda d: d["shapes"].update(x=[3, 8]), "conv"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_the_door_refuses(name: str) -> None:
    change, said = WRONG[name]
    with pytest.raises(ModelError, match=said):
        Network.from_json(broken(change))


@pytest.mark.parametrize("document", [3, None, b"{}", "", "{", "[]", "3", "NaN", "[" * 100_000, "9" * 5000])
def test_what_is_no_document_is_refused(document: object) -> None:
    with pytest.raises(ModelError, match="not the JSON of a network"):
        wrongly(Network.from_json)(document)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every place of a document that holds something, as its holder and its key."""
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [place for key in keys for place in ((value, key), *places(value[key]))]


def test_any_change_of_a_document_is_read_or_refused_in_one_line() -> None:
    random, read, refused = Random(0), 0, []
    for _ in range(MUTATIONS):
        document = json.loads(small().to_json())
        holder, key = random.choice(places(document))
        holder[key] = random.choice(ODD)
        try:
            network = Network.from_json(json.dumps(document))
        except StriateError as error:
            refused.append(str(error))
            continue
        read += 1
        assert Network.from_json(network.to_json()) == network
    assert read
    assert refused
    assert max(len(line.splitlines()) for line in refused) == 1
    assert max(map(len, refused)) < 1000


def test_the_schema_knows_every_operator_and_can_fail() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert schema()["$defs"]["operator"]["properties"]["op"]["enum"] == sorted(BY_WORD)
    for change in (lambda d: d.pop("nodes"), lambda d: d["nodes"][0].update(input=[]), lambda d: d.update(schema=2)):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(json.loads(broken(change)), schema())


def test_an_operator_that_is_none_of_them_is_told_from_another() -> None:
    turned = replace(small().nodes[0], op=Transpose((0, 1, 3, 2)))
    assert replace(small(), nodes=(turned, small().nodes[1])) != small()
