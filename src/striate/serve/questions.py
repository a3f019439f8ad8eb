"""The questions that the views of a network ask, each a function of the subject and of what the page sends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypedDict

from striate.errors import InputError
from striate.explore.tuning import Kind
from striate.fields import Unit
from striate.serve import answers, recipes, units
from striate.serve.blocks import blocks, opened_at_first
from striate.serve.layout import HEIGHT, WIDTH, layout
from striate.serve.subject import Subject

Given = Mapping[str, Any]
Question = Callable[[Subject, Given], Any]

MOST_LAYERS, MOST_STIMULI = 64, 64
SHOWN: Mapping[str, Kind] = {"grating": "grating", "bar": "bar", "edge": "edge"}


class BoxDocument(TypedDict):
    """A box of the drawing: its layer, the stage that it stands for, the opened ones around it, its corner."""

    layer: str
    folder: str
    within: list[str]
    nodes: int
    x: float
    y: float


class RouteDocument(TypedDict):
    """A link between two boxes, by number, and the points between which it bends."""

    source: int
    target: int
    tensor: str
    points: list[list[float]]
    skip: bool


class GraphDocument(TypedDict):
    """A drawn network: ``box`` is the width and the height of each box."""

    size: list[float]
    box: list[float]
    opened: list[str]
    boxes: list[BoxDocument]
    routes: list[RouteDocument]


def graph(subject: Subject, given: Given) -> GraphDocument:
    """The network drawn with the stages ``opened``; with those that are so at first where nothing is given."""
    network = subject.fields.network
    opened = frozenset(_texts(given, "opened")) if "opened" in given else opened_at_first(network)
    found = blocks(network, opened)
    drawn = layout(found)
    return {
        "size": list(drawn.size),
        "box": [WIDTH, HEIGHT],
        "opened": sorted(opened),
        "boxes": [
            {"layer": block.layer, "folder": block.folder, "within": list(block.within), "nodes": len(block.nodes),
             "x": place.x, "y": place.y}
            for block, place in zip(found.blocks, drawn.places, strict=True)
        ],
        "routes": [
            {"source": route.link.source, "target": route.link.target, "tensor": route.link.tensor,
             "points": [list(point) for point in route.points], "skip": route.skip}
            for route in drawn.routes
        ],
    }  # fmt: skip


def reached(subject: Subject, given: Given) -> list[units.ReachedDocument]:
    """What a pixel reaches in some layers."""
    layers = _texts(given, "layers")
    if len(layers) > MOST_LAYERS:
        raise InputError(f"{len(layers)} layers are too many at once: ask for {MOST_LAYERS} or fewer")
    return units.reached_documents(subject.fields, _place(given, "pixel"), layers, local=_flag(given, "local"))


def tuned(subject: Subject, given: Given) -> answers.TuningDocument:
    """The experiment of Hubel and Wiesel on a layer, and its control."""
    layer, stimulus = _text(given, "layer"), _text(given, "stimulus")
    if stimulus not in SHOWN:
        raise InputError(f"stimulus is one of {', '.join(SHOWN)}, got {stimulus!r:.40}")
    kind = SHOWN[stimulus]
    found = subject.tuning(layer, kind)
    assert found is not None
    return answers.tuning_document(found, subject.tuning(layer, kind, control=True))


def answered(subject: Subject, given: Given) -> answers.AnswerDocument:
    """What the channels of a layer answer to the stimuli that are shown to its unit."""
    told = given.get("stimuli")
    if not isinstance(told, list) or not 1 <= len(told) <= MOST_STIMULI or not all(isinstance(s, dict) for s in told):
        raise InputError(f"stimuli are a list of 1 to {MOST_STIMULI}, each with its kind and numbers")
    layer, stimuli = _text(given, "layer"), [answers.stimulus_of(one) for one in told]
    return answers.answer_document(subject.bench(layer), subject.answers(layer, stimuli), stimuli)


def code(subject: Subject, given: Given) -> dict[str, str]:
    """The lines of Python that give what a view shows."""
    recipe, layer, view = recipes.Recipe(subject), _text(given, "layer"), _text(given, "view")
    match view:
        case "fields":
            lines = recipes.field_lines(recipe, layer, _place(given, "at"), local=_flag(given, "local"))
        case "features":
            lines = recipes.feature_lines(recipe, layer, _number(given, "channel"), whole=_flag(given, "whole"))
        case "tuning":
            lines = recipes.tuning_lines(recipe, layer, _number(given, "channel"))
        case "answer":
            shown = answers.stimulus_of(_told(given, "stimulus"))
            lines = recipes.answer_lines(recipe, layer, _number(given, "channel"), repr(shown))
        case _:
            raise InputError(f"there are no lines for {view!r:.40}: ask for fields, features, tuning or answer")
    return {"code": "\n".join(lines) + "\n"}


QUESTIONS: Mapping[str, Question] = {
    "network": lambda subject, given: subject.network,
    "graph": graph,
    "unit": lambda subject, given: units.unit_document(subject.fields, _unit(given), local=_flag(given, "local")),
    "effective": lambda subject, given: units.effective_document(
        subject.fields, _unit(given), local=_flag(given, "local")
    ),
    "reach": reached,
    "maps": lambda subject, given: answers.maps_document(subject.fields, subject.maps(_text(given, "layer"))),
    "planes": lambda subject, given: answers.planes_document(
        subject.fields, subject.maps(_text(given, "layer")), _place(given, "channels")
    ),
    "strongest": lambda subject, given: answers.strong_documents(
        subject.strongest(_text(given, "layer"), _flag(given, "whole")), _number(given, "channel")
    ),
    "tuning": tuned,
    "answer": answered,
    "code": code,
    "spots": lambda subject, given: answers.spots_document(
        subject.spots(_text(given, "layer")), _number(given, "channel")
    ),
}
"""Every question by name."""


def _unit(given: Given) -> Unit:
    channel = None if given.get("channel") is None else _number(given, "channel")
    return Unit(_text(given, "layer"), tuple(_place(given, "at")), channel)


def _text(given: Given, name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str):
        raise InputError(f"{name} must be text, got {value!r:.40}")
    return value


def _texts(given: Given, name: str) -> list[str]:
    values = given.get(name)
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise InputError(f"{name} must be a list of texts, got {values!r:.40}")
    return values


def _place(given: Given, name: str) -> list[int]:
    values = given.get(name)
    if not isinstance(values, list) or not all(type(value) is int for value in values):
        raise InputError(f"{name} must be a list of whole numbers, got {values!r:.40}")
    return values


def _number(given: Given, name: str) -> int:
    value = given.get(name)
    if type(value) is not int:
        raise InputError(f"{name} must be a whole number, got {value!r:.40}")
    return value


def _told(given: Given, name: str) -> Given:
    value = given.get(name)
    if not isinstance(value, dict):
        raise InputError(f"{name} must be an object, got {value!r:.40}")
    return value


def _flag(given: Given, name: str) -> bool:
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise InputError(f"{name} must be true or false, got {value!r:.40}")
    return value
