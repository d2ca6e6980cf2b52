"""The live view in this terminal: what `live --tui` and `replay --tui` share."""

from __future__ import annotations

import asyncio
import os
import sys
from functools import partial
from typing import TYPE_CHECKING

import click

from vizreport.errors import VizzyError
from vizreport.stream.receiver import Receiver
from vizreport.stream.recording import Recording

if TYPE_CHECKING:
    from vizreport.live.feeds import Player
    from vizreport.symbols.options import SymbolOptions

tui_option = click.option("--tui", is_flag=True, help="Show it in this terminal instead of a browser.")


def check_terminal() -> None:
    """Refuses to draw where nobody would see it.

    Raises:
        VizzyError: Input or output is no terminal, or one that can't be drawn on.
    """
    for name, stream in (("input", sys.stdin), ("output", sys.stdout), ("error", sys.stderr)):
        if stream is None or not stream.isatty():
            raise VizzyError(f"standard {name} is no terminal: --tui needs one; without --tui there is a page")
    if os.environ.get("TERM", "") in ("", "dumb"):
        raise VizzyError("TERM names no terminal that can be drawn on: --tui needs one; without --tui there is a page")


def show_streams(
    pattern: str, token: bytes | None, listen: tuple[str, int], options: SymbolOptions, *, discard: bool
) -> int:
    """Receives, and shows what comes until the user has seen enough; returns the exit status.

    Args:
        pattern: Of the traces' names, see Receiver.
        token: Shared with the senders, or None.
        listen: Host and port.
        options: Where to look for names.
        discard: Delete the files of recordings that are dropped.

    Raises:
        VizzyError: The address can't be listened on.
    """
    from vizreport.live.feeds import Streams
    from vizreport.live.showing import Showing
    from vizreport.live.terminal import TerminalView

    async def go() -> int:
        loop, ready = asyncio.get_running_loop(), asyncio.Event()

        def start(port: int) -> None:
            view.tell(f"listening on {listen[0]}:{port}")
            ready.set()

        def forget(recording: Recording) -> None:  # the receiver is the loop's, the feed another thread's
            loop.call_soon_threadsafe(partial(receiver.forget, recording, delete=discard))

        receiver = Receiver(pattern, token, lambda text: view.tell(text))
        feed = Streams(receiver, forget=forget)
        view = TerminalView(feed, Showing(feed, options, n_stacks=0))
        serving = asyncio.create_task(receiver.serve(*listen, started=start))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait([serving, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        return await view.show([serving])

    return asyncio.run(go())


def show_player(player: Player, options: SymbolOptions) -> int:
    """Plays until the user has seen enough; returns the exit status."""
    from vizreport.live.showing import Showing
    from vizreport.live.terminal import TerminalView

    return asyncio.run(TerminalView(player, Showing(player, options, n_stacks=0)).show())
