"""Damaged, hostile and unfitting .keras files: always one StriateError of one line, in bounded time and memory."""

from __future__ import annotations

import io
import json
import random
import re
import sys
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from support.command_line import one_line, run
from support.keras_cases import CASES, built
from support.keras_models import F, L, keras, saved

import striate
from striate.errors import InputError, ModelError, StriateError, UnsupportedError
from striate.formats.given import Given
from striate.formats.keras import read_file
from striate.formats.keras.weights import weight_values
from striate.formats.shapes import input_shapes
from striate.formats.unknown import Unknown


def branched() -> Any:
    x = L.Input((8, 8, 2), name="x")
    inner = keras.Sequential([L.Input((8, 8, 4)), L.BatchNormalization(), L.Conv2D(4, 3, padding="same")], name="inner")
    y = L.Conv2D(4, 3, padding="same", name="first")(x)
    return keras.Model(x, F.relu(L.Add(name="sum")([y, inner(y)])[:, 1:]))


SOUND = saved(branched())


def parts(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(held: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in held.items():
            archive.writestr(name, content)
    return file.getvalue()


def changed(change: Callable[[Any], Any]) -> bytes:
    """A sound file with something of its config changed."""
    held = parts(SOUND)
    config = json.loads(held["config.json"])
    change(config)
    return packed({**held, "config.json": json.dumps(config).encode()})


def refusal(content: bytes, shape: Any = None, unknown: Unknown = Unknown.REFUSE) -> str:
    """The one line a file is refused with; a file that is read after all gives an empty one."""
    start = time.process_time()
    try:
        read_file(content, "m.keras", input_shapes(shape), unknown, Given()).network.validate()
        text = ""
    except StriateError as error:
        text = str(error)
        assert text.startswith("m.keras: ")
        assert text.isprintable()
    assert time.process_time() - start < 10
    return text


HOSTILE: tuple[Any, ...] = (
    None, -1, 0, 1, 2, 10**6, 10**30, 1.5, True, "", "x", "first", "Lambda", [], [[]], [1, 2], {}, ["first", 0, 0]
)  # fmt: skip


def mutated(draw: random.Random, content: bytes) -> bytes:
    """A file with a value somewhere in its config replaced or taken away, or with some of its bytes changed."""
    if draw.random() < 0.2:
        row = bytearray(content)
        for _ in range(draw.choice([1, 2, 20])):
            row[draw.randrange(len(row))] = draw.randrange(256)
        return bytes(row[: draw.randrange(len(row))] if draw.random() < 0.3 else row)
    held = parts(content)
    config = json.loads(held["config.json"])
    for _ in range(draw.choice([1, 1, 1, 2, 5])):
        place: Any = config
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = draw.choice(keys)
            if not isinstance(place[key], dict | list) or not place[key] or draw.random() < 0.1:
                break
            place = place[key]
        if draw.random() < 0.2:
            del place[key]
        else:
            place[key] = deepcopy(draw.choice(HOSTILE))
        if not config:
            break
    return packed({**held, "config.json": json.dumps(config).encode()})


def mutate(count: int) -> int:
    """How many of so many mutated files were refused; each is read or refused in one line."""
    draw = random.Random(0)
    names = draw.sample(sorted(CASES), 12)
    files = [SOUND, SOUND, *(saved(built(name)) for name in names)]
    return sum(
        bool(refusal(mutated(draw, draw.choice(files)), unknown=draw.choice(list(Unknown)))) for _ in range(count)
    )


def test_mutations() -> None:
    assert 20 < mutate(100) < 100


@pytest.mark.exhaustive
def test_thousands_of_mutations() -> None:
    assert 1000 < mutate(5000) < 5000


def test_the_sound_file_is_read() -> None:
    assert refusal(SOUND) == ""
    assert refusal(changed(lambda config: None)) == ""


def test_truncated_anywhere() -> None:
    assert all(refusal(SOUND[:length]) for length in range(0, len(SOUND) - 1, 97))


def layer(config: Any, name: str) -> Any:
    return next(found for found in config["config"]["layers"] if found["name"] == name)


def settings(name: str, **more: Any) -> Callable[[Any], None]:
    return lambda config: layer(config, name)["config"].update(more)


def custom(config: Any) -> None:
    layer(config, "first").update(module="mine.layers", class_name="Blob", registered_name="mine>Blob")


def coded(config: Any) -> None:
    function = {"class_name": "__lambda__", "config": {"code": "4w"}}
    layer(config, "first").update(class_name="Lambda", config={"name": "first", "function": function})


def subclassed(config: Any) -> None:
    config.update(module="mine", class_name="Net", registered_name="mine>Net")


def circle(config: Any) -> None:
    node = layer(config, "first")["inbound_nodes"][0]
    node["args"][0]["config"]["keras_history"] = ["sum", 0, 0]


def lost(config: Any) -> None:
    node = layer(config, "first")["inbound_nodes"][0]
    node["args"][0]["config"]["keras_history"] = ["nobody", 0, 0]


def twice(config: Any) -> None:
    config["config"]["layers"].append(layer(config, "first"))


REFUSED = {
    "custom": (custom, "layer first (Blob): a layer of its author's own Python code has no rule: in Keras export"),
    "lambda": (coded, "layer first (Lambda): this layer has no rule: in Keras export the model"),
    "subclassed": (subclassed, "the model is a Net, a class of its author's own Python code: Sequential"),
    "circle": (circle, "layer first reads what is made of its own output"),
    "lost": (lost, "layer first reads call 0 of 'nobody', which is not there"),
    "twice": (twice, "two layers are named 'first'"),
    "stride": (settings("first", strides=[0, 1]), "strides should be an integer of at least 1, is 0"),
    "padding": (settings("first", padding="reflect"), "padding should be one of valid, same, is 'reflect'"),
    "filters": (settings("first", filters=10**40), "filters should be an integer of at least 1"),
    "kernel": (settings("first", kernel_size=[3]), "kernel_size should be 2 integers, is [3]"),
    "groups": (settings("first", groups=3), "do not both divide by 3 groups"),
    "format": (settings("first", data_format="NCHW"), "data_format should be one of channels_last, channels_first"),
    "activation": (settings("first", activation="mine"), "the activation 'mine' has no rule: it is none of Keras's"),
    "function": (
        settings("first", activation={"class_name": "function", "config": "mine", "module": "builtins"}),
        "the activation 'mine' is a function of its author's own",
    ),
    "too small": (settings("first", padding="valid", kernel_size=[9, 9]), "layer first (Conv2D): "),
    "no layers": (lambda config: config["config"].update(layers=7), "the layers of functional"),
    "no inputs": (lambda config: config["config"].update(input_layers=[]), "needs inputs and outputs"),
    "strange input": (lambda config: config["config"].update(input_layers=[["y", 0, 0]]), "input 'y' is no layer"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_hostile_configs(name: str) -> None:
    change, said = REFUSED[name]
    assert said in refusal(changed(change))


def test_a_layer_without_a_rule_may_count_as_seeing_everything(tmp_path: Path) -> None:
    network = read_file(changed(custom), "m", None, Unknown.WHOLE, Given()).network
    assert network.shapes["first"] == (1, 8, 8, 4)
    assert network.nodes[0].at_most
    assert "own size alone" in refusal(changed(custom), (1, 6, 6, 2), Unknown.WHOLE)
    path = tmp_path / "m.keras"
    path.write_bytes(changed(custom))
    one_line(run("fields", path), 4, "--unknown whole")


def test_nothing_is_executed(tmp_path: Path) -> None:
    """A lambda's code, the names of modules to import and pickled values stay what they are: text."""
    before = set(sys.modules)
    assert "no rule" in refusal(changed(coded))
    path = tmp_path / "evil.py"
    path.write_text("raise SystemExit(9)")
    assert "no rule" in refusal(changed(lambda config: layer(config, "first").update(module="evil", class_name="Evil")))
    assert set(sys.modules) == before


def nested(depth: int) -> Any:
    found: Any = {"module": "keras.layers", "class_name": "ReLU", "config": {"name": "l"}}
    for k in range(depth):
        found = {"module": "keras", "class_name": "Sequential", "config": {"name": f"m{k}", "layers": [found]}}
    return found


def test_deep_and_broad_files_end_soon() -> None:
    held = parts(SOUND)
    deep = {**held, "config.json": b"[" * 10**6}
    assert re.search("no JSON|nested too deep", refusal(packed(deep)))
    for depth in (100, 5000):
        content = json.dumps(nested(depth)).encode() if depth < 1000 else b'{"a":' * depth + b"1" + b"}" * depth
        assert refusal(packed({**held, "config.json": content}))
    call = {"args": [{"class_name": "__keras_tensor__", "config": {"keras_history": ["x", 0, 0]}}], "kwargs": {}}
    found: Any = {"module": "keras.layers", "class_name": "ReLU", "config": {"name": "r"}}
    for k in range(30):
        entry = {"module": "keras.layers", "class_name": "InputLayer", "config": {"name": "x", "batch_shape": [1, 4]}}
        name = found["config"]["name"]
        second = {"args": [{"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}}], "kwargs": {}}
        config = {
            "name": f"m{k}", "layers": [{**entry, "name": "x"}, {**found, "inbound_nodes": [call, second]}],
            "input_layers": ["x", 0, 0], "output_layers": [name, 1 + (k > 0), 0],
        }  # fmt: skip
        found = {"module": "keras", "class_name": "Functional", "config": config}
    assert "more than 8,192 calls of layers" in refusal(packed({**held, "config.json": json.dumps(found).encode()}))


def test_a_bomb_takes_no_memory() -> None:
    held = parts(SOUND)
    bomb = packed({**held, "config.json": bytes((1 << 26) + 1)}, zipfile.ZIP_DEFLATED)
    assert len(bomb) < 1 << 20
    tracemalloc.start()
    assert "more than the 67,108,864 that are read" in refusal(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 24


def test_weights_larger_than_their_file_are_not_unpacked() -> None:
    bomb = packed({**parts(SOUND), "model.weights.h5": bytes(1 << 24)}, zipfile.ZIP_DEFLATED)
    assert refusal(bomb) == ""
    weight = next(weight for node in striate.load(bomb).nodes for weight in node.weights)
    with pytest.raises(ModelError, match="has 16,777,216 bytes unpacked, more than the"):
        weight_values(bomb, weight)


def test_archives_that_are_not_keras_own() -> None:
    held = parts(SOUND)
    double = io.BytesIO(SOUND)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(double, "a") as archive:
        archive.writestr("config.json", b"{}")
    assert "holds 2 parts named config.json" in refusal(double.getvalue())
    assert "holds no config.json" in refusal(packed({"metadata.json": b"{}"}))
    assert "compressed by method 12" in refusal(packed(held, zipfile.ZIP_BZIP2))
    assert "config.json is no JSON" in refusal(packed({**held, "config.json": b"nothing"}))
    assert "config.json holds no JSON object" in refusal(packed({**held, "config.json": b"[1]"}))
    locked = bytearray(SOUND)
    at = locked.rindex(b"config.json") - 46 + 8
    locked[at] |= 1
    assert "config.json is encrypted" in refusal(bytes(locked))


def test_what_is_no_keras_file(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    for content, said in [
        (b"", "no zip archive"),
        (b"PK\x03\x04" + bytes(40), "damaged zip archive"),
        (b"\x89HDF\r\n\x1a\n" + bytes(64), "as Keras 2 wrote its models (.h5), not a .keras file; in Keras"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer, not a .keras file"),
        (packed({"a": b"b"}), "holds no config.json"),
    ]:
        path.write_bytes(content)
        with pytest.raises(ModelError, match=re.escape(said)):
            striate.load(path)
        one_line(run("fields", path), 3, said)
    with pytest.raises(InputError, match="No such file"):
        striate.load(tmp_path / "none.keras")
    (tmp_path / "folder.keras").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        striate.load(tmp_path / "folder.keras")


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((1, 6, 6), "was given, the file has"),
        ({"y": (1, 6, 5, 1)}, "no input 'y'"),
        ([(1, 6, 5, 1), (1, 6, 5, 1)], "2 input shapes for 1 inputs"),
    ],
)
def test_shapes_that_do_not_fit(shape: Any, said: str) -> None:
    assert said in refusal(SOUND, shape)


def test_an_input_stays_at_no_value() -> None:
    with pytest.raises(InputError, match="no value to stay at"):
        striate.load(SOUND, values={"x": 1})


def test_a_mask_made_of_data_is_refused() -> None:
    x = L.Input((4, 3), name="x")
    model = keras.Model(x, L.MultiHeadAttention(2, 2)(x, x, attention_mask=F.ones((1, 4, 4), "bool")))
    with pytest.raises(UnsupportedError, match="an attention mask that a call is given has no rule"):
        striate.load(saved(model))
