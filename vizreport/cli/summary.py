"""`vizreport summary`."""

from __future__ import annotations

import json

import click

from vizreport.reports.summary import summarize
from vizreport.reports.summary_json import describe_summary
from vizreport.reports.summary_text import write_summary
from vizreport.trace.reader import read_trace

DEFAULT_TOP = 10
DEFAULT_TOP_OF_MANY = 3


@click.command(name="summary")
@click.argument("trace")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--top", type=click.IntRange(min=0), metavar="N", help="List at most N leaks of each process.")
@click.option("--leaks", "all_leaks", is_flag=True, help="List all leaks, not only the largest.")
@click.option("--pid", type=int, help="Only this process.")
def command(trace: str, as_json: bool, top: int | None, all_leaks: bool, pid: int | None) -> None:
    """Totals, peak, leaks by call stack, anomalies. TRACE may be - for standard input."""
    opened = read_trace(trace)
    if top is None and not (as_json or all_leaks):
        top = DEFAULT_TOP if len(opened.images) == 1 or pid is not None else DEFAULT_TOP_OF_MANY
    summaries = summarize(opened, pid=pid, top=top)
    if as_json:
        click.echo(json.dumps(describe_summary(opened, summaries)))
    else:
        click.echo("\n".join(write_summary(opened, summaries)))
