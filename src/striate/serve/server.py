"""The server that runs on the user's machine until it is interrupted."""

from __future__ import annotations

import socket
import sys
import threading
import webbrowser
from collections.abc import Callable

from striate.errors import InputError, MissingDependencyError
from striate.serve.desk import Desk

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def serve(
    desk: Desk, say: Callable[[str], None], host: str = "127.0.0.1", port: int = 0, *, browser: bool = True
) -> None:
    """Answer the page of a desk until interrupted; ``port`` 0 takes a free one.

    ``say`` is told the address, which lets one browser in, once; Enter in the terminal tells another. ``browser`` opens
    it. Raises InputError where the port is taken, MissingDependencyError without Starlette and uvicorn.
    """
    try:
        import uvicorn

        from striate.serve.app import app
        from striate.serve.guard import Guard
    except ImportError as error:
        raise MissingDependencyError("the page needs Starlette and uvicorn: pip install 'striate[serve]'") from error
    listening = _listening(host, port)
    guard = Guard(host, listening.getsockname()[1])
    address = guard.link()
    say(address)
    if browser:
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    if sys.stdin is not None and sys.stdin.isatty():
        threading.Thread(target=_tell_again, args=(guard.link, say), daemon=True).start()
    config = uvicorn.Config(app(desk, guard), log_level="warning", access_log=False, lifespan="off")
    with listening:
        uvicorn.Server(config).run(sockets=[listening])


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
    except OSError as error:
        found.close()
        raise InputError(f"{host} port {port} cannot be had ({error.strerror}); choose another --port") from error
    return found


def _tell_again(link: Callable[[], str], say: Callable[[str], None]) -> None:
    for _ in sys.stdin:
        say(link())
