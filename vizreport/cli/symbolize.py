"""`vizreport symbolize`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from vizreport.cli.options import make_symbol_options, symbol_options
from vizreport.cli.output import echo_lines
from vizreport.cli.progress import show_progress
from vizreport.errors import VizzyError
from vizreport.symbols.symbolize import find_names
from vizreport.trace.reader import read_trace
from vizreport.trace.rewrite import write_names


@click.command(name="symbolize")
@click.argument("trace")
@click.option("-o", "--output", metavar="FILE", help="Write there, and leave TRACE as it is.")
@symbol_options
def command(trace: str, output: str | None, **symbols: Any) -> None:
    """Write names into the trace: reports without the binaries."""
    if trace == "-" and output is None:
        raise VizzyError("standard input can't be written to: say with -o FILE where the trace with names goes")
    opened = read_trace(trace)
    with show_progress("looking up names") as progress:
        names = find_names(opened, make_symbol_options(**symbols), progress)
    write_names(opened, Path(output or trace), names.modules)
    for warning in names.warnings:
        click.echo(f"vizreport: {warning}", err=True)
    echo_lines(
        [f"{output or trace}: {names.n_named} of {names.n_addresses} addresses have names, {names.n_lines} lines"]
    )
