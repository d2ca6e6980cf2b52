"""`vizreport receive`."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import click

from vizreport.errors import VizzyError
from vizreport.stream.address import is_loopback, parse_address
from vizreport.stream.paths import check_pattern
from vizreport.stream.receiver import Receiver


@click.command(name="receive")
@click.option("--listen", default="127.0.0.1:7788", show_default=True, metavar="HOST:PORT", help="Where to listen.")
@click.option(
    "-o",
    "--output",
    default="vizzy-{time}-{n}.trace",
    show_default=True,
    help="File for the trace; {n}, {host}, {time} and {id} are filled in, a file that is there gets a number.",
)
@click.option("--token-file", type=click.Path(exists=True, dir_okay=False), help="File with the senders' token.")
@click.option("--insecure", is_flag=True, help="Listen beyond this machine without a token.")
@click.option("--once", is_flag=True, help="End after one complete stream.")
def command(listen: str, output: str, token_file: str | None, insecure: bool, once: bool) -> None:
    """Receives streams of vizzytrace tcp://HOST:PORT into trace files, until Ctrl-C."""
    host, port = parse_address(listen)
    token = read_token(Path(token_file)) if token_file else None
    check_exposure(host, token, insecure)
    check_pattern(output)
    receiver = Receiver(output, token, lambda text: click.echo(f"[*] {text}", err=True))
    with suppress(KeyboardInterrupt):
        asyncio.run(receiver.serve(host, port, started=lambda at: receiver.say(f"listening on {host}:{at}"), once=once))


def read_token(path: Path) -> bytes:
    """Returns the token in a file, without the line's end.

    Raises:
        VizzyError: The file can't be read, or is empty.
    """
    try:
        token = path.read_bytes().strip()
    except OSError as error:
        raise VizzyError(f"{path}: can't be read: {error.strerror}") from error
    if not token:
        raise VizzyError(f"{path}: holds no token; `head -c 32 /dev/urandom | base64 > {path}` makes one")
    return token


def check_exposure(host: str, token: bytes | None, insecure: bool) -> None:
    """Refuses to take streams from anybody in the network.

    Raises:
        VizzyError: The address can be reached from outside, and there is neither a token nor --insecure.
    """
    if token is None and not insecure and not is_loopback(host):
        raise VizzyError(f"{host}: can be reached from other machines: give --token-file FILE, or --insecure")
