"""Who may ask the server: the machine's own browser, once let in by a link that works one time."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from threading import Lock
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
ANYWHERE = ("0.0.0.0", "::")
# A link stays open until it is used; of those never used the oldest close first.
MOST_LINKS, MOST_BROWSERS = 8, 64

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(eq=False)
class Guard:
    """The hosts that are answered, the links that let a browser in once, and the browsers let in.

    >>> guard = Guard("127.0.0.1", 8000)
    >>> token = guard.link().rpartition("=")[2]
    >>> [guard.let_in(token) is not None for _ in range(2)]
    [True, False]
    """

    host: str
    port: int
    _links: list[str] = field(default_factory=list, repr=False)
    _browsers: list[str] = field(default_factory=list, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    @property
    def cookie(self) -> str:
        """The cookie's name: browsers tell servers of one machine apart by their port here alone."""
        return f"striate-{self.port}"

    def answers(self, host: str) -> bool:
        """Whether the header Host may say this: our own address, with its port.

        A server that listens on every address of the machine is asked by any of them in digits; a name, which another
        site may bind to us anew, never gets in.
        """
        name, _, port = host.lower().rpartition(":")
        if port != str(self.port):
            return False
        return name in (*LOOPBACK, _bracketed(self.host)) or (self.host in ANYWHERE and _in_digits(name))

    def link(self) -> str:
        """An address that lets one browser in, once."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._links = [*self._links, token][-MOST_LINKS:]
        shown = LOOPBACK[0] if self.host in ANYWHERE else _bracketed(self.host)
        return f"http://{shown}:{self.port}/?token={token}"

    def let_in(self, token: str) -> str | None:
        """The cookie's value for a browser that came by an open link, which closes; None for any other."""
        with self._lock:
            found = [link for link in self._links if secrets.compare_digest(link.encode(), token.encode())]
            if not found:
                return None
            self._links.remove(found[0])
            browser = secrets.token_urlsafe(32)
            self._browsers = [*self._browsers, browser][-MOST_BROWSERS:]
            return browser

    def knows(self, headers: Headers) -> bool:
        """Whether the request comes from a browser that was let in."""
        try:
            sent = SimpleCookie(headers.get("cookie", "")).get(self.cookie)
        except CookieError:
            return False
        value = sent.value.encode() if sent else b""
        with self._lock:
            return sum(secrets.compare_digest(browser.encode(), value) for browser in self._browsers) > 0


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _in_digits(name: str) -> bool:
    try:
        return bool(ip_address(name.removeprefix("[").removesuffix("]")))
    except ValueError:
        return False


@dataclass(frozen=True)
class Guarded:
    """An application behind a guard: nobody else is answered, and every answer carries the safe headers."""

    app: ASGIApp
    guard: Guard
    entrance: str
    """What one who is not let in reads: how to get in."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or say how to get in."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        headers = Headers(scope=scope)
        answer = self._refusal(headers, scope["method"]) or self._entering(scope)
        if answer is None and not self.guard.knows(headers):
            answer = Response(self.entrance, 403, media_type="text/html")
        await (answer or self.app)(scope, receive, with_headers)

    def _refusal(self, headers: Headers, method: str) -> Response | None:
        if headers.getlist("host")[1:] or not self.guard.answers(headers.get("host", "")):
            return PlainTextResponse("striate answers its own address alone, with its port", 400)
        origin = headers.get("origin")
        foreign = origin is not None and not self.guard.answers(origin.removeprefix("http://"))
        if method not in ("GET", "HEAD") and (foreign or headers.get("sec-fetch-site") not in (None, "same-origin")):
            return PlainTextResponse("striate answers its own page alone", 403)
        return None

    def _entering(self, scope: Scope) -> Response | None:
        tokens = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        if scope["path"] != "/" or scope["method"] != "GET" or not tokens:
            return None
        browser = self.guard.let_in(tokens[0])
        if browser is None:
            return None
        # No word of the link stays in the browser's history.
        answer = RedirectResponse("./", 303)
        answer.set_cookie(self.guard.cookie, browser, httponly=True, samesite="strict", path="/")
        return answer
