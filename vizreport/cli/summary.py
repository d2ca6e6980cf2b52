"""`vizreport summary`."""

from __future__ import annotations

import json
from typing import Any

import click

from vizreport.cli.conditions import check_conditions, parse_conditions
from vizreport.cli.options import (
    frames_option,
    json_option,
    make_symbol_options,
    pid_option,
    symbol_options,
    trace_argument,
)
from vizreport.cli.output import choose_ink, echo_lines, find_width
from vizreport.cli.progress import show_progress
from vizreport.reports.conditions import Condition
from vizreport.reports.summary import Asked, summarize
from vizreport.reports.summary_json import describe_summary
from vizreport.reports.summary_text import write_summary
from vizreport.reports.suppression_files import read_suppressions
from vizreport.symbols.symbolizer import Symbolizer
from vizreport.trace.reader import read_trace

# How many call stacks are listed where nobody says. Programs that read JSON want all leaks.
N_LEAKS = 10
N_OTHERS = 3
N_OTHERS_JSON = 10


@click.command(name="summary")
@trace_argument
@json_option
@click.option("--top", type=click.IntRange(min=0), metavar="N", help="List at most N call stacks of each kind.")
@click.option("--leaks", "only_leaks", is_flag=True, help="List all leaks of all processes, and nothing else.")
@pid_option
@click.option("--suppressions", "files", metavar="FILE", multiple=True, help="Known leaks (repeatable).")
@click.option("--no-default-suppressions", is_flag=True, help="Read only FILEs: no ./.vizzy.supp, no executables.")
@click.option(
    "--fail-if",
    "conditions",
    metavar="EXPR",
    multiple=True,
    callback=parse_conditions,
    help="Exit 3 if a process is like that: leaked>0, peak>100M, allocs>1e6 (repeatable).",
)
@frames_option
@symbol_options
def command(
    trace: str,
    as_json: bool,
    top: int | None,
    only_leaks: bool,
    pid: int | None,
    files: tuple[str, ...],
    no_default_suppressions: bool,
    conditions: tuple[Condition, ...],
    allocator_frames: bool,
    **symbols: Any,
) -> None:
    """Totals, peak, leaks by call stack, anomalies. TRACE may be - for standard input."""
    opened, where = read_trace(trace), make_symbol_options(**symbols)
    in_full = as_json or pid is not None or only_leaks or top is not None
    asked = Asked(
        pid=pid,
        only_first=not in_full,
        n_leaks=top if top is not None or as_json or only_leaks else N_LEAKS,
        n_others=_count_others(top, as_json=as_json, only_leaks=only_leaks),
        folded=not allocator_frames,
        suppressions=read_suppressions(opened, files, where, default=not no_default_suppressions),
    )
    symbolizer = Symbolizer(opened, where)
    with show_progress("reading") as progress:
        summaries = summarize(opened, symbolizer, asked, progress)
    if as_json:
        click.echo(json.dumps(describe_summary(opened, summaries, symbolizer.warnings)))
    else:
        text = write_summary(
            opened, summaries, in_full=in_full, warnings=symbolizer.warnings, ink=choose_ink(), width=find_width()
        )
        echo_lines(text)
    check_conditions(conditions, summaries, opened.completeness)


def _count_others(top: int | None, *, as_json: bool, only_leaks: bool) -> int:
    """Returns how many call stacks that are no leaks are listed."""
    if only_leaks:
        return 0
    if top is not None:
        return top
    return N_OTHERS_JSON if as_json else N_OTHERS
