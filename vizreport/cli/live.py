"""`vizreport live`."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from vizreport.cli.options import make_symbol_options, symbol_options
from vizreport.cli.receive import check_exposure, read_token
from vizreport.cli.terminal import check_terminal, show_streams, tui_option
from vizreport.stream.address import parse_address
from vizreport.stream.paths import check_pattern
from vizreport.stream.receiver import Receiver
from vizreport.stream.recording import Recording
from vizreport.symbols.options import SymbolOptions

N_STACKS = 15

http_option = click.option(
    "--http", default="127.0.0.1:7780", show_default=True, metavar="HOST:PORT", help="Where the page is."
)


@click.command(name="live")
@click.option("--listen", default="127.0.0.1:7788", show_default=True, metavar="HOST:PORT", help="Where to listen.")
@http_option
@tui_option
@click.option("--save", metavar="FILE", help="Keep the trace; {n}, {host}, {time} and {id} are filled in.")
@click.option("--token-file", type=click.Path(exists=True, dir_okay=False), help="File with the senders' token.")
@click.option("--insecure", is_flag=True, help="Listen for streams beyond this machine without a token.")
@symbol_options
def command(
    listen: str, http: str, tui: bool, save: str | None, token_file: str | None, insecure: bool, **symbols: Any
) -> None:
    """Receives streams of vizzytrace tcp://HOST:PORT and shows them in a browser as they come, until Ctrl-C."""
    if tui:
        check_terminal()
    host, port = parse_address(listen)
    page = parse_address(http)
    token = read_token(Path(token_file)) if token_file else None
    check_exposure(host, token, insecure)
    status = 0
    with TemporaryDirectory(prefix="vizzy-live-") as folder, suppress(KeyboardInterrupt):
        pattern = save or f"{folder}/{{n}}.trace"
        check_pattern(pattern)
        options = make_symbol_options(**symbols)
        if tui:
            status = show_streams(pattern, token, (host, port), options, discard=save is None)
        else:
            running = _run(Receiver(pattern, token, say), (host, port), page, options, discard=save is None)
            status = asyncio.run(_end_by_signal(running))
    sys.exit(status)


async def _run(
    receiver: Receiver, listen: tuple[str, int], http: tuple[str, int], options: SymbolOptions, *, discard: bool
) -> None:
    """Receives and shows."""
    from vizreport.live.feeds import Streams

    loop, listens = asyncio.get_running_loop(), asyncio.Event()

    def forget(recording: Recording) -> None:  # the receiver is the loop's, the feed another thread's
        loop.call_soon_threadsafe(partial(receiver.forget, recording, delete=discard))

    def listening(port: int) -> None:
        feed.address = f"tcp://{listen[0]}:{port}"
        say(f"listening on {listen[0]}:{port}")
        listens.set()

    feed = Streams(receiver, forget=forget)
    receiving, waiting = (
        asyncio.ensure_future(task) for task in (receiver.serve(*listen, started=listening), listens.wait())
    )
    await asyncio.wait((receiving, waiting), return_when=asyncio.FIRST_COMPLETED)

    # To load what draws takes a second; who streams meanwhile waits in the queue.
    from vizreport.live.server import serve_live
    from vizreport.live.showing import Showing

    showing = Showing(feed, options, n_stacks=N_STACKS)
    await asyncio.gather(receiving, serve_live(feed, showing, *http, started=say_where))


async def _end_by_signal(running: Coroutine[Any, Any, None]) -> int:
    """Runs something until it ends or a signal asks to, so that nothing is left behind; returns the exit status."""
    task, received = asyncio.ensure_future(running), list[int]()

    def end(number: int) -> None:
        received.append(number)
        task.cancel()

    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, end, number)
    try:
        await task
    except asyncio.CancelledError:
        if not received:
            raise
    return 128 + received[0] if received else 0


def say(text: str) -> None:
    """Tells the person at the terminal."""
    click.echo(f"[*] {text}", err=True)


def say_where(url: str) -> None:
    """Tells where the page is."""
    say(f"the live view is at {url}")
