"""The document: the tutorial's numbers, the schema, and the same numbers in every format."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from fractions import Fraction
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from striate.demo.lessons import stacked
from striate.errors import InputError
from striate.fields import Fields
from striate.geometry import Coordinates, Rounding
from striate.network import Network, Node
from striate.network.operators import Conv, Elementwise, Reduce, Resize
from striate.show import Scale, describe, fields_table, select_layers, to_csv, to_html, to_json, to_markdown
from striate.show.cells import field_cells, status_text
from striate.show.document import AxisDocument, Document, LayerDocument, LocalDocument, SpanDocument
from striate.show.tables import byte_text, notes


def schema() -> dict[str, object]:
    document: dict[str, object] = json.loads(files("striate.show").joinpath("fields.schema.json").read_text())
    return document


def mixed() -> Network:
    """A network with exact, periodic and whole layers, and a misaligned merge."""
    conv = Conv((3, 3), padding=((1, 1), (1, 1)), out_channels=4)
    skewed = replace(conv, padding=((0, 2), (0, 2)))
    up = Resize((2, 3), (16, 16), coordinates=Coordinates.ASYMMETRIC, nearest=(Rounding.FLOOR,) * 2)
    nodes = (
        Node("straight", conv, ("x",), ("a",), "Conv", 112),
        Node("skewed", skewed, ("x",), ("b",), "Conv", 112),
        Node("merge", Elementwise(), ("a", "b"), ("c",), "Add"),
        Node("up", up, ("a",), ("d",), "Resize"),
        Node("mean", Reduce((2, 3)), ("c",), ("e",), "GlobalAveragePool"),
        Node("scale", Elementwise(), ("c", "e"), ("f",), "Mul"),
    )
    tall = dict.fromkeys("abcf", (1, 4, 8, 8))
    shapes = {"x": (1, 3, 8, 8), **tall, "d": (1, 4, 16, 16), "e": (1, 4, 1, 1)}
    return Network("mixed", ("x",), ("f",), nodes, shapes)


def layer(document: Document, name: str) -> LayerDocument:
    return next(each for each in document["layers"] if each["name"] == name)


@pytest.mark.parametrize(("layers", "size"), [(1, 3), (2, 5), (3, 7)])
def test_three_by_three_layers_see_3_5_7(layers: int, size: int) -> None:
    document = describe(Fields(stacked(layers)))
    last = document["layers"][-1]
    assert last["shape"] == [1, 1, 1, 1]
    assert [(a["axis"], a["status"], a["size"], a["stride"], a["start"], a["local"]) for a in last["axes"]] == [
        ("height", "exact", size, [1, 1], 0, None),
        ("width", "exact", size, [1, 1], 0, None),
    ]
    assert document["totals"]["params"] == 10 * layers


@pytest.mark.parametrize("network", [stacked(3), mixed()], ids=["stacked", "mixed"])
def test_json_follows_the_schema(network: Network) -> None:
    scales = {"height": Scale(Fraction(1, 4), "um")}
    document = json.loads(to_json(describe(Fields(network), scales=scales)))
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(document, schema())


def test_the_schema_can_fail() -> None:
    document: Any = describe(Fields(stacked(1)))
    document["layers"][0]["axes"][0]["size"] = "3"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema())


def test_every_status_is_told() -> None:
    document = describe(Fields(mixed()))
    assert layer(document, "straight")["axes"][0]["status"] == "exact"
    assert layer(document, "up")["axes"][0]["status"] == "periodic"
    assert layer(document, "up")["axes"][0]["phases"] == [[-1, 2], [-1, 2]]
    assert layer(document, "up")["axes"][0]["stride"] == [1, 2]
    merge = layer(document, "merge")
    assert merge["axes"][1]["facts"] == ["exact", "misaligned"]
    assert merge["misaligned"][0]["branches"][1] == {"tensor": "b", "offset": [1, 1]}
    whole = layer(document, "scale")
    assert whole["axes"][0]["status"] == "whole"
    assert whole["axes"][0]["size"] is None
    assert whole["axes"][0]["local"] == {"status": "exact", "size": 4, "stride": [1, 1], "start": -1}
    assert whole["global_via"] == ["mean"]
    assert layer(document, "straight")["padding_share"]["corner"] == [5, 9]
    assert layer(document, "straight")["interior"] == [[1, 7], [1, 7]]


def test_csv_says_what_json_says() -> None:
    document = describe(Fields(mixed()))
    table = list(csv.DictReader(io.StringIO(to_csv(document))))
    assert len(table) == 2 * len(document["layers"])
    up = next(row for row in table if row["layer"] == "up" and row["axis"] == "width")
    assert (up["size"], up["stride"], up["start"], up["status"]) == ("3", "1/2", "-1", "periodic")
    scale = next(row for row in table if row["layer"] == "scale")
    assert (scale["size"], scale["local_size"], scale["local_stride"]) == ("", "4", "1")


def test_markdown_has_one_row_per_layer() -> None:
    document = describe(Fields(mixed()))
    table, _, below = to_markdown(document).partition("\n\n")
    lines = table.splitlines()
    assert len(lines) == 2 + len(document["layers"])
    assert "| all (local 4 x 4) |" in lines[-1]
    assert below == "- Phases of up (height, width), 2 units every 1 pixels: [-1, 2) [-1, 2).\n"


def test_physical_units() -> None:
    document = describe(Fields(stacked(3)), scales={"height": Scale(Fraction(1, 4), "um")})
    assert layer(document, "C")["axes"][0]["physical"] == {"unit": "um", "size": 1.75, "stride": 0.25}
    assert "physical" not in layer(document, "C")["axes"][1]
    assert "1.75 um" in to_markdown(document)


def test_notes_name_the_merge_and_the_global_operator() -> None:
    text = "\n".join(notes(describe(Fields(mixed()))))
    assert "These operators see everything: mean." in text
    assert "Misaligned at merge (height, width): the branches' centres stand at a 0 px, b +1 px." in text


def test_layers_are_chosen_by_name_and_pattern() -> None:
    fields = Fields(mixed())
    assert select_layers(fields, ["s*"]) == ["straight", "skewed", "scale"]
    assert select_layers(fields, ["up", "up"]) == ["up"]
    with pytest.raises(InputError, match="did you mean 'merge'"):
        select_layers(fields, ["merg"])


def axis_document(facts: list[str], local: LocalDocument | None = None) -> AxisDocument:
    return AxisDocument(
        axis="width", along=3, status=facts[0], facts=facts, size=None, stride=None, start=None, local=local
    )


def test_facts_that_hold_together_are_shown_together() -> None:
    span: SpanDocument = {"size": 5, "stride": [1, 1], "start": -1, "phases": [[-1, 2], [-1, 4]]}
    local: LocalDocument = {"status": "periodic", **span}
    axes = [axis_document(["whole", "periodic", "misaligned", "at most"], local)] * 2
    assert (*field_cells(axes), status_text(axes)) == (
        *("all (local ≤3-5 x ≤3-5)", "1", "-1..-1"),
        "whole, periodic, misaligned, at most",
    )
    mixed_axes = [axis_document(["exact"]), axis_document(["periodic", "misaligned"])]
    assert status_text(mixed_axes) == "exact x periodic, misaligned"


def test_the_head_says_which_input_the_fields_speak_of() -> None:
    node = Node("conv", Conv((3,), out_channels=1), ("audio",), ("y",))
    add = Node("add", Elementwise(), ("y", "state"), ("z",))
    shapes = {"state": (1, 1, 14), "audio": (1, 1, 16), "y": (1, 1, 14), "z": (1, 1, 14)}
    document = describe(Fields(Network("vad", ("state", "audio"), ("z",), (node, add), shapes)))
    assert document["input"]["others"] == [{"name": "state", "shape": [1, 1, 14]}]
    assert fields_table(document).title == "vad · audio 1x1x16 (NCL) · other inputs: state 1x1x14"
    assert "audio 1x1x16 (NCL) · 其他输入：state 1x1x14" in to_html(document, lang="zh")


def test_bytes_in_words() -> None:
    assert [byte_text(n) for n in (0, 1023, 1536, 2**30, 2**41)] == ["0 B", "1023 B", "1.5 KiB", "1.0 GiB", "2.0 TiB"]
