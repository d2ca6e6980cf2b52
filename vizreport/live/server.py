"""Serves the live page, and what it asks for, to browsers of this machine, while a feed goes on.

Nothing is kept for a browser: each request says what it wants to see, so a closed one costs nothing. All paths begin
with a secret, which is told with the address: other users of this machine can reach the port as well. Requests that
another site's page made, or that came under another name than this machine's own, are refused.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

from tornado.httpserver import HTTPServer
from tornado.iostream import StreamClosedError
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler

from vizreport.errors import VizzyError
from vizreport.live.engine import Engine, EngineEndedError
from vizreport.live.feeds import Feed
from vizreport.live.page import write_live_page
from vizreport.live.showing import Showing
from vizreport.live.views import Views
from vizreport.stream.address import is_loopback

_OWN_SITE = ("same-origin", "none")
_OWN_NAMES = ("127.0.0.1", "localhost", "::1")
_MOST_BODY_BYTES = 4096
_SECRET_BYTES = 16
_IDLE_CONNECTION_S = 30
_PIECE_BYTES = 1 << 20

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Site:
    """What requests are answered from.

    Attributes:
        page: As HTML.
        hosts: Names by which this machine may be asked.
    """

    engine: Engine
    views: Views
    page: str
    hosts: frozenset[str]


async def serve_live(feed: Feed, showing: Showing, host: str, port: int, *, started: Callable[[str], None]) -> None:
    """Serves until it is cancelled.

    Args:
        feed: What goes on.
        showing: Of the feed.
        host: Address to listen on: this machine's own, for the page has no password.
        port: 0: any free one.
        started: Called with the page's URL.

    Raises:
        VizzyError: The address can't be listened on.
    """
    if not is_loopback(host):
        raise VizzyError(f"{host}: the live view has no password; give --http 127.0.0.1:PORT and reach it by ssh -L")
    engine, secret = Engine(feed), secrets.token_urlsafe(_SECRET_BYTES)
    site = {"site": Site(engine, Views(showing), write_live_page(), frozenset({host, *_OWN_NAMES}))}
    server = HTTPServer(
        Application(
            [
                (f"/{secret}/", PageHandler, site),
                (f"/{secret}/look", LookHandler, site),
                (f"/{secret}/player", PlayerHandler, site),
                (f"/{secret}/trace", TraceHandler, site),
            ],
            log_function=lambda _: None,  # the terminal is for what a person should know
        ),
        max_body_size=_MOST_BODY_BYTES,
        idle_connection_timeout=_IDLE_CONNECTION_S,
    )
    sockets = _listen(host, port)
    server.add_sockets(sockets)
    try:
        started(f"http://{_bracket(host)}:{sockets[0].getsockname()[1]}/{secret}/")
        await asyncio.get_running_loop().run_in_executor(None, engine.run)
    finally:
        engine.stop()
        server.stop()


def _listen(host: str, port: int) -> list[socket.socket]:
    try:
        return bind_sockets(port, host)
    except OSError as error:
        raise VizzyError(f"{host}:{port}: can't listen there: {error.strerror}; choose another --http") from error


def _bracket(host: str) -> str:
    return f"[{host}]" if ":" in host else host


class _Handler(RequestHandler):
    """What all requests have in common."""

    def initialize(self, site: Site) -> None:
        """Takes what the application gives."""
        self.site = site

    def set_default_headers(self) -> None:
        """Says what browsers may do with an answer."""
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cross-Origin-Resource-Policy", "same-origin")
        self.set_header("X-Frame-Options", "DENY")
        self.set_header("Server", "vizreport")

    def prepare(self) -> None:
        """Refuses what does not come from the page itself."""
        host = self.request.host
        if _split(f"//{host}").hostname not in self.site.hosts:  # a name that was made to point here
            raise HTTPError(403, reason="not this machine's name")
        site = self.request.headers.get("Sec-Fetch-Site", "none")
        origin = self.request.headers.get("Origin")
        if not isinstance(self, PageHandler) and (
            site not in _OWN_SITE or (origin is not None and _split(origin).netloc != host)
        ):
            raise HTTPError(403, reason="another site's page asks")

    def log_exception(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        """Says nothing of what a client did wrong: the terminal is for what a person should know."""
        if not isinstance(error, HTTPError):
            super().log_exception(kind, error, trace)

    async def ask(self, question: Callable[[Views], T]) -> T:
        """Asks what is in the engine's keeping."""
        try:
            return await self.site.engine.ask(lambda: question(self.site.views))
        except (EngineEndedError, asyncio.CancelledError) as error:  # cancelled where the whole view ends
            raise HTTPError(503, reason="the live view has ended") from error


def _split(url: str) -> SplitResult:
    """Returns the parts of an address; of one that is none, nothing."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


class PageHandler(_Handler):
    """The page."""

    def get(self) -> None:
        """Sends it."""
        self.finish(self.site.page)


class LookHandler(_Handler):
    """What there is to see."""

    async def get(self) -> None:
        """Sends what the page's choices ask for."""
        wanted = self.get_query_argument("process", "")
        seen = self.get_query_argument("seen", "")
        answer = await self.ask(lambda views: views.look(wanted, seen))
        self.set_header("Content-Type", "application/json")
        self.finish(answer)


class PlayerHandler(_Handler):
    """The player's controls."""

    async def post(self) -> None:
        """Does what the body says: ``{"action": text, "value": number}``."""
        try:
            asked = json.loads(self.request.body)
            action, value = str(asked["action"]), float(asked["value"])
            await self.ask(lambda views: views.command(action, value))
        except (ValueError, TypeError, LookupError, OverflowError, RecursionError) as error:
            raise HTTPError(400, reason="no such command") from error


class TraceHandler(_Handler):
    """What has arrived of a recording, as a trace file."""

    async def get(self) -> None:
        """Sends it in pieces, no faster than the browser takes it."""
        wanted = self.get_query_argument("process", "")
        found = await self.ask(lambda views: views.find_trace(wanted))
        if found is None:
            raise HTTPError(404, reason="there is no recording")
        path, rest = Path(found[0]), found[1]
        try:
            file = path.open("rb")
        except OSError as error:  # it was dropped meanwhile
            raise HTTPError(404, reason="there is no recording") from error
        name = "".join(c if (c.isascii() and c.isalnum()) or c in ".-_" else "_" for c in path.name)
        self.set_header("Content-Type", "application/octet-stream")
        self.set_header("Content-Disposition", f'attachment; filename="{name}"')
        self.set_header("Content-Length", rest)
        with file, suppress(StreamClosedError):  # who asked has left
            while rest > 0 and (piece := file.read(min(rest, _PIECE_BYTES))):
                rest -= len(piece)
                self.write(piece)
                await self.flush()
