"""`vizreport info`."""

from __future__ import annotations

import json

import click

from vizreport.cli.output import echo_lines
from vizreport.reports.info import describe_info, write_info
from vizreport.trace.reader import read_trace


@click.command(name="info")
@click.argument("trace")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(trace: str, as_json: bool) -> None:
    """Processes, modules, blocks, completeness. TRACE may be - for standard input."""
    opened = read_trace(trace)
    if as_json:
        click.echo(json.dumps(describe_info(opened), indent=2))
    else:
        echo_lines(write_info(opened))
