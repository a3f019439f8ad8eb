"""The web application: one page, its parts, and the questions that the page asks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from striate.errors import InputError, StriateError
from striate.serve.asking import QUESTIONS, told
from striate.serve.assets import TYPES, parts
from striate.serve.desk import Desk
from striate.serve.guard import Guard, Guarded

# A question is a few numbers, at most a drawn input and kernels of 32 x 32.
MOST_ASKED = 1 << 20
# The largest networks that a page is of use for; one that is larger is named on the command line.
MOST_MODEL = 256 << 20
# A photograph of as many pixels as are read takes less.
MOST_PICTURE = 64 << 20


def app(desk: Desk, guard: Guard) -> ASGIApp:
    """The application that answers what the page asks about a desk's network and picture, behind a guard."""

    async def page(request: Request) -> Response:
        return _part("index.html")

    async def part(request: Request) -> Response:
        return _part(request.path_params["name"])

    async def ask(request: Request) -> Response:
        question = QUESTIONS.get(request.path_params["name"])
        if question is None:
            raise HTTPException(404)
        given = _given(await _body(request, MOST_ASKED))
        return JSONResponse(await run_in_threadpool(question, desk, given))

    async def put(request: Request) -> Response:
        places = {"model": (desk.put_model, MOST_MODEL), "picture": (desk.put_picture, MOST_PICTURE)}
        if request.path_params["kind"] not in places:
            raise HTTPException(404)
        place, most = places[request.path_params["kind"]]
        await run_in_threadpool(place, await _body(request, most))
        return JSONResponse(told(desk))

    async def refused(request: Request, error: Exception) -> Response:
        return JSONResponse({"error": " ".join(str(error).split())}, 400)

    async def vanished(request: Request, error: Exception) -> Response:
        return Response(status_code=400)

    routes = [
        Route("/", page),
        Route("/ask/{name}", ask, methods=["POST"]),
        Route("/put/{kind}", put, methods=["POST"]),
        Route("/{name}", part),
    ]
    handlers: Any = {StriateError: refused, ClientDisconnect: vanished}
    return Guarded(Starlette(routes=routes, exception_handlers=handlers), guard, parts()["enter.html"].decode())


def _part(name: str) -> Response:
    if name not in parts():
        raise HTTPException(404)
    return Response(parts()[name], media_type=TYPES[name[name.rfind(".") :]])


async def _body(request: Request, most: int) -> bytes:
    """What was sent, read piece by piece: no more than ``most`` bytes are ever held."""
    found = bytearray()
    async for piece in request.stream():
        found += piece
        if len(found) > most:
            raise InputError(f"more than {most:,} bytes were sent")
    return bytes(found)


def _given(body: bytes) -> Mapping[str, Any]:
    try:
        given = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise InputError("a question is an object in JSON") from None
    if not isinstance(given, dict):
        raise InputError("a question is an object in JSON")
    return given
