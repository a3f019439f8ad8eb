"""The questions that the views of a network ask, each a function of the subject and of what the page sends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypedDict

from striate.errors import InputError
from striate.explore.tuning import Kind
from striate.fields import Unit
from striate.serve import answers, recipes, units
from striate.serve.blocks import blocks, opened_at_first
from striate.serve.given import Given, flag_in, number_in, place_in, text_in, texts_in
from striate.serve.layout import HEIGHT, WIDTH, layout
from striate.serve.subject import Subject

Question = Callable[[Subject, Given], Any]

MOST_LAYERS, MOST_STIMULI = 64, 64
SHOWN: Mapping[str, Kind] = {"grating": "grating", "bar": "bar", "edge": "edge"}


class BoxDocument(TypedDict):
    """A box of the drawing: its layer, the stage it stands for, its nodes, the opened stages around it, its corner."""

    layer: str
    folder: str
    within: list[str]
    nodes: list[str]
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
    opened = frozenset(texts_in(given, "opened")) if "opened" in given else opened_at_first(network)
    found = blocks(network, opened)
    drawn = layout(found)
    return {
        "size": list(drawn.size),
        "box": [WIDTH, HEIGHT],
        "opened": sorted(opened),
        "boxes": [
            {"layer": block.layer, "folder": block.folder, "within": list(block.within), "nodes": list(block.nodes),
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
    layers = texts_in(given, "layers")
    if len(layers) > MOST_LAYERS:
        raise InputError(f"{len(layers)} layers are too many at once: ask for {MOST_LAYERS} or fewer")
    return units.reached_documents(subject.fields, place_in(given, "pixel"), layers, local=flag_in(given, "local"))


def tuned(subject: Subject, given: Given) -> answers.TuningDocument:
    """The experiment of Hubel and Wiesel on a layer, and its control."""
    layer, stimulus = text_in(given, "layer"), text_in(given, "stimulus")
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
    layer, stimuli = text_in(given, "layer"), [answers.stimulus_of(one) for one in told]
    return answers.answer_document(subject.bench(layer), subject.answers(layer, stimuli), stimuli)


def code(subject: Subject, given: Given) -> dict[str, str]:
    """The lines of Python that give what a view shows."""
    recipe, layer, view = recipes.Recipe(subject), text_in(given, "layer"), text_in(given, "view")
    match view:
        case "fields":
            lines = recipes.field_lines(recipe, layer, place_in(given, "at"), local=flag_in(given, "local"))
        case "features":
            lines = recipes.feature_lines(recipe, layer, number_in(given, "channel"), whole=flag_in(given, "whole"))
        case "tuning":
            lines = recipes.tuning_lines(recipe, layer, number_in(given, "channel"))
        case "answer":
            shown = answers.stimulus_of(_told(given, "stimulus"))
            lines = recipes.answer_lines(recipe, layer, number_in(given, "channel"), repr(shown))
        case _:
            raise InputError(f"there are no lines for {view!r:.40}: ask for fields, features, tuning or answer")
    return {"code": "\n".join(lines) + "\n"}


QUESTIONS: Mapping[str, Question] = {
    "network": lambda subject, given: subject.network,
    "graph": graph,
    "unit": lambda subject, given: units.unit_document(subject.fields, _unit(given), local=flag_in(given, "local")),
    "effective": lambda subject, given: units.effective_document(
        subject.fields, _unit(given), local=flag_in(given, "local")
    ),
    "reach": reached,
    "maps": lambda subject, given: answers.maps_document(subject.fields, subject.maps(text_in(given, "layer"))),
    "planes": lambda subject, given: answers.planes_document(
        subject.fields, subject.maps(text_in(given, "layer")), place_in(given, "channels")
    ),
    "strongest": lambda subject, given: answers.strong_documents(
        subject.strongest(text_in(given, "layer"), flag_in(given, "whole")), number_in(given, "channel")
    ),
    "tuning": tuned,
    "answer": answered,
    "code": code,
    "spots": lambda subject, given: answers.spots_document(
        subject.spots(text_in(given, "layer")), number_in(given, "channel")
    ),
}
"""Every question by name."""


def _unit(given: Given) -> Unit:
    channel = None if given.get("channel") is None else number_in(given, "channel")
    return Unit(text_in(given, "layer"), tuple(place_in(given, "at")), channel)


def _told(given: Given, name: str) -> Given:
    value = given.get(name)
    if not isinstance(value, dict):
        raise InputError(f"{name} must be an object, got {value!r:.40}")
    return value
