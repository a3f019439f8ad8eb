"""The web application: one page, its parts, and the questions that the page asks."""

from __future__ import annotations

import re
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from striate.errors import StriateError
from striate.serve.addresses import ADDRESSES, Address, json_bytes, refusal
from striate.serve.assets import TYPES, parts
from striate.serve.desk import Desk
from striate.serve.guard import Guard, Guarded

# Longer answers are sent in pieces, each asked for by itself.
PIECE = 3 << 20


def app(desk: Desk, guard: Guard) -> ASGIApp:
    """The application that answers what the page asks about a desk's network and picture, behind a guard."""

    async def page(request: Request) -> Response:
        return _part("index.html")

    async def part(request: Request) -> Response:
        return _part(request.path_params["name"])

    def asked(address: Address) -> Callable[[Request], Awaitable[Response]]:
        async def answered(request: Request) -> Response:
            body = await _body(request, address.most)
            return _piece(request, await run_in_threadpool(lambda: json_bytes(address.answer(desk, body))))

        return answered

    async def refused(request: Request, error: Exception) -> Response:
        return JSONResponse(refusal(error), 400)

    async def vanished(request: Request, error: Exception) -> Response:
        return Response(status_code=400)

    routes = [
        Route("/", page),
        *(Route(f"/{name}", asked(address), methods=["POST"]) for name, address in ADDRESSES.items()),
        Route("/{name}", part),
    ]
    handlers: Any = {StriateError: refused, ClientDisconnect: vanished}
    return Guarded(Starlette(routes=routes, exception_handlers=handlers), guard, parts()["enter.html"].decode())


def _part(name: str) -> Response:
    if name not in parts():
        raise HTTPException(404)
    return Response(parts()[name], media_type=TYPES[name[name.rfind(".") :]])


def _piece(request: Request, answer: bytes) -> Response:
    """The piece of an answer that is asked for; how many there are and the answer's tag go with it."""
    number = request.query_params.get("piece", "0")
    start = PIECE * int(number) if re.fullmatch("[0-9]{1,4}", number) else len(answer)
    told = {"x-pieces": str(max(-(-len(answer) // PIECE), 1)), "etag": f'"{zlib.crc32(answer):08x}"'}
    return Response(answer[start : start + PIECE], media_type="application/json", headers=told)


async def _body(request: Request, most: int) -> bytes:
    """What was sent, read piece by piece, as far as it tells whether it is more than ``most`` bytes."""
    found = bytearray()
    async for piece in request.stream():
        found += piece
        if len(found) > most:
            break
    return bytes(found)
