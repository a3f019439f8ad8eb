"""The page as one file that needs no server: its modules in one, and the answers to what it asks at first."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from striate.errors import InputError, StriateError
from striate.progress import Progress
from striate.serve.asking import QUESTIONS
from striate.serve.assets import parts
from striate.serve.desk import Desk
from striate.serve.examples import EXAMPLES
from striate.serve.given import Given
from striate.serve.subject import Subject
from striate.serve.tables import NetworkDocument
from striate.show.words import word

FIRST = "main.js"
# Of so many layers, spread over the depth, maps are held, of each the first channels up to so many numbers.
LAYERS, NUMBERS, CHANNELS = 8, 1 << 19, 24

_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w.]+)";\n', re.M)
_WHOLE = re.compile(r'^import \* as (\w+) from "\./([\w.]+)";\n', re.M)
_EXPORT = re.compile(r"^export ((?:async )?function|const) (\w+)", re.M)


def exported(desk: Desk, progress: Progress | None = None) -> str:
    """One HTML file with the views of a desk's network and picture.

    It holds every example of a convolution, and of ``LAYERS`` layers the maps, the strongest patches, the tuning and
    the field of the middle unit; hovering is answered everywhere. What it does not hold, it says.
    """
    answers = json.dumps(recorded(desk, progress), ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    return document(bundle(), data=f'<script type="application/json" id="recorded">{answers}</script>\n')


def document(script: str, *, view: str = "", data: str = "") -> str:
    """The page in one HTML file that loads nothing: its script, what stands in it until a view is drawn, and data."""
    style = (parts()["style.css"] + parts()["views.css"]).decode()
    policy = f"default-src 'none'; img-src data: blob:; script-src {_hash(script)}; style-src {_hash(style)}"
    icon = b64encode(parts()["icon.svg"]).decode()
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>striate</title>\n<link rel="icon" href="data:image/svg+xml;base64,{icon}">\n<style>{style}</style>\n'
        f'</head>\n<body>\n<header id="head"></header>\n<main id="view" tabindex="-1">{view}</main>\n'
        f'<p id="said" role="status" aria-live="polite"></p>\n{data}'
        f'<script type="module">{script}</script>\n</body>\n</html>\n'
    )


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def bundle() -> str:
    """The page's modules as one script, each a function that gives what it exports; those it imports stand before."""
    order: dict[str, str] = {}

    def place(name: str) -> None:
        if name in order:
            return
        text = parts()[name].decode()
        for found in (*_IMPORT.finditer(text), *_WHOLE.finditer(text)):
            place(found[2])
        given = [found[2] for found in _EXPORT.finditer(text)]
        text = _IMPORT.sub(lambda m: f'const {{{m[1].replace(" as ", ": ")}}} = modules["{m[2]}"];\n', text)
        text = _WHOLE.sub(lambda m: f'const {m[1]} = modules["{m[2]}"];\n', text)
        text = _EXPORT.sub(r"\1 \2", text)
        order[name] = f'modules["{name}"] = await (async () => {{\n{text}return {{ {", ".join(given)} }};\n}})();\n'

    place(FIRST)
    return "const modules = {};\n" + "".join(order.values())


def recorded(desk: Desk, progress: Progress | None = None) -> dict[str, Any]:
    """The answers that the file holds, by question and what is given with it, keys in order."""
    found: dict[str, Any] = {"absent {}": [word("absent", lang) for lang in ("en", "zh")]}
    asked = list(questions(desk))
    for done, (question, given) in enumerate(asked, 1):
        try:
            found[key(question, given)] = QUESTIONS[question](desk, given)
        except StriateError:
            continue
        finally:
            if progress:
                progress(done, len(asked))
    return found


def key(question: str, given: Given) -> str:
    """One spelling of a question and of what is given with it."""
    return f"{question} {json.dumps(given, sort_keys=True, separators=(',', ':'), ensure_ascii=False)}"


def questions(desk: Desk) -> Iterator[tuple[str, Given]]:
    """What the page asks at first, in every view and of every layer whose maps are held."""
    for question in ("words", "desk", "examples", "network", "graph"):
        yield question, {}
    for example in EXAMPLES.values():
        for channel in range(_filters(example)):
            given = {**example, "channel": channel}
            yield from ((question, given) for question in ("convolve", "matrix", "sharing"))
        window = {"kernel": [len(example["weight"][0][0]), len(example["weight"][0][0][0])]}
        size = {"n": [len(example["x"][0]), len(example["x"][0][0])]}
        yield "sizes", {**size, **window, **{name: example[name] for name in ("stride", "dilation", "padding")}}
    if desk.subject.photo is not None:
        for layer in chosen(desk.subject.network):
            yield from _of_layer(desk.subject, layer)


def _filters(example: Mapping[str, Any]) -> int:
    count: int = len(example["weight"][0]) * example["groups"] if example["transposed"] else len(example["weight"])
    return count


def chosen(network: NetworkDocument) -> list[str]:
    """Layers with maps, spread over the depth, the one that the page begins with among them."""
    named = [table["layer"]["name"] for table in network["layers"] if table["map"] is not None]
    step = max(1, -(-len(named) // LAYERS))
    return list(dict.fromkeys([*([network["first"]] if network["first"] in named else []), *named[::step]]))[:LAYERS]


def _of_layer(subject: Subject, layer: str) -> Iterator[tuple[str, Given]]:
    try:
        maps = subject.maps(layer)
    except InputError:
        return
    _, rows, columns = maps.maps.shape
    shown = [int(channel) for channel in maps.channels[: max(1, min(CHANNELS, NUMBERS // (rows * columns)))]]
    at = [rows >> 1, columns >> 1]
    yield "maps", {"layer": layer}
    yield from (("planes", {"layer": layer, "channels": [channel]}) for channel in shown)
    for whole in (False, True):
        yield from (("strongest", {"layer": layer, "channel": channel, "whole": whole}) for channel in shown)
    yield "tuning", {"layer": layer, "stimulus": "grating"}
    yield "spots", {"layer": layer, "channel": shown[0]}
    for local in (False, True):
        yield "unit", {"layer": layer, "at": at, "local": local}
        yield "effective", {"layer": layer, "at": at, "local": local}
        yield "code", {"view": "fields", "layer": layer, "at": at, "local": local}
    yield from (("code", {"view": "features", "layer": layer, "channel": c, "whole": False}) for c in shown)
    yield from (("code", {"view": "tuning", "layer": layer, "channel": c}) for c in shown)
