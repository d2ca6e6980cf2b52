"""`vizreport replay`."""

from __future__ import annotations

import asyncio
import math
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from vizreport.cli.live import N_STACKS, http_option, say_where
from vizreport.cli.moments import MomentType
from vizreport.cli.options import make_symbol_options, symbol_options, trace_argument
from vizreport.cli.progress import show_progress
from vizreport.cli.terminal import check_terminal, show_player, tui_option
from vizreport.errors import VizzyError
from vizreport.stream.address import parse_address

if TYPE_CHECKING:
    from vizreport.live.feeds import Player


class SpeedType(click.FloatRange):
    """A speed that can be played at; float() also reads "nan", which is in any range."""

    def __init__(self) -> None:
        """Has the bounds of feeds.Player, which is not imported for them."""
        super().__init__(min=1e-6, max=1e6)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Returns the speed."""
        speed = float(super().convert(value, param, ctx))
        if math.isnan(speed):
            self.fail(f"{value!r} is no speed", param, ctx)
        return speed


@click.command(name="replay")
@trace_argument
@click.option("--speed", type=SpeedType(), default=1.0, show_default=True, metavar="X", help="Seconds in one.")
@click.option("--start", type=MomentType(), default="start", metavar="T", help="Where to begin: 1.5, 350ms, peak ...")
@tui_option
@http_option
@symbol_options
def command(trace: str, speed: float, start: int | str, tui: bool, http: str, **symbols: Any) -> None:
    """Plays a recorded trace into the live view, until Ctrl-C."""
    from vizreport.live.feeds import Player
    from vizreport.live.server import serve_live
    from vizreport.live.showing import Showing

    if tui:
        check_terminal()
    if trace == "-":
        raise VizzyError("standard input can't be played: replay needs a file")
    host, port = parse_address(http)
    player = Player(trace, speed)
    player.seek(_find_time(player, start))
    options = make_symbol_options(**symbols)
    if tui:
        sys.exit(show_player(player, options))
    showing = Showing(player, options, n_stacks=N_STACKS)
    with suppress(KeyboardInterrupt):
        asyncio.run(serve_live(player, showing, host, port, started=say_where))


def _find_time(player: Player, moment: int | str) -> int:
    """Returns when a moment is, ns since start."""
    if isinstance(moment, int):
        return moment
    with show_progress("reading") as progress:
        return player.find_peak(progress) if moment == "peak" else {"start": 0, "end": player.duration_ns}[moment]
