"""Serves the live page to browsers of this machine, while a feed goes on."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from bokeh.application import Application
from bokeh.application.handlers import FunctionHandler
from bokeh.document import Document
from bokeh.server.server import Server

from vizreport.errors import VizzyError
from vizreport.live.feeds import Feed
from vizreport.live.page import LivePage
from vizreport.live.showing import Showing
from vizreport.stream.address import is_loopback

_IDLE_S = 0.05


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
    server = _listen(showing, host, port)
    try:
        server.start()
        started(f"http://{_bracket(host)}:{server.port}/")
        while True:
            moved = feed.advance()
            await asyncio.sleep(0 if moved else _IDLE_S)
    finally:
        server.stop()
        for session in feed.sessions.values():
            session.close()


def _listen(showing: Showing, host: str, port: int) -> Server:
    """Returns a server that no other site's page can talk to: browsers say whose page asks, and Bokeh compares."""

    def open_page(document: Document) -> None:
        LivePage(document, showing)

    application = Application(FunctionHandler(open_page))
    try:
        port = port or _find_port(host)
        origins = [f"{_bracket(host)}:{port}", f"localhost:{port}"]
        return Server({"/": application}, address=host, port=port, allow_websocket_origin=origins)
    except OSError as error:
        raise VizzyError(f"{host}:{port}: can't listen there: {error.strerror}; choose another --http") from error


def _find_port(host: str) -> int:
    """Returns a free port: the origins that may talk to a server must be known before it listens."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as found:
        port: int = found.getsockname()[1]
        return port


def _bracket(host: str) -> str:
    return f"[{host}]" if ":" in host else host
