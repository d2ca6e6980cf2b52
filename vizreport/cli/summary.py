"""`vizreport summary`."""

from __future__ import annotations

import json

import click

from vizreport.cli.output import echo_lines, find_width
from vizreport.reports.summary import summarize
from vizreport.reports.summary_json import describe_summary
from vizreport.reports.summary_text import write_summary
from vizreport.trace.reader import read_trace

DEFAULT_TOP = 10


@click.command(name="summary")
@click.argument("trace")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--top", type=click.IntRange(min=0), metavar="N", help="List at most N leaks of each process.")
@click.option("--leaks", "all_leaks", is_flag=True, help="List all leaks, not only the largest.")
@click.option("--pid", type=int, help="Only this process.")
def command(trace: str, as_json: bool, top: int | None, all_leaks: bool, pid: int | None) -> None:
    """Totals, peak, leaks by call stack, anomalies. TRACE may be - for standard input."""
    opened = read_trace(trace)
    n_leaks = DEFAULT_TOP if top is None and not (as_json or all_leaks) else top
    summaries = summarize(opened, pid=pid, top=n_leaks)
    if as_json:
        click.echo(json.dumps(describe_summary(opened, summaries)))
    else:
        in_full = pid is not None or all_leaks or top is not None
        echo_lines(write_summary(opened, summaries, in_full=in_full, width=find_width()))
