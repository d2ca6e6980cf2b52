"""`vizreport replay`."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import click

from vizreport.cli.live import N_STACKS, http_option, say_where
from vizreport.cli.options import make_symbol_options, symbol_options, trace_argument
from vizreport.errors import VizzyError
from vizreport.stream.address import parse_address


@click.command(name="replay")
@trace_argument
@click.option("--speed", type=click.FloatRange(min=0, min_open=True), default=1.0, show_default=True, help="Times.")
@http_option
@symbol_options
def command(trace: str, speed: float, http: str, **symbols: Any) -> None:
    """Plays a recorded trace into the live view, until Ctrl-C."""
    from vizreport.live.feeds import Player
    from vizreport.live.server import serve_live
    from vizreport.live.showing import Showing

    if trace == "-":
        raise VizzyError("standard input can't be played: replay needs a file")
    host, port = parse_address(http)
    player = Player(trace, speed)
    showing = Showing(player, make_symbol_options(**symbols), n_stacks=N_STACKS)
    with suppress(KeyboardInterrupt):
        asyncio.run(serve_live(player, showing, host, port, started=say_where))
