"""`vizreport tree`."""

from __future__ import annotations

import json
import math
from typing import Any

import click

from vizreport.analysis.metrics import METRICS
from vizreport.cli.options import (
    frames_option,
    json_option,
    make_symbol_options,
    pid_option,
    symbol_options,
    trace_argument,
)
from vizreport.cli.output import choose_ink, choose_lines, echo_lines, find_width
from vizreport.cli.progress import show_progress
from vizreport.names import quote
from vizreport.reports.summary_text import write_completeness
from vizreport.reports.tree import TreeAsked, make_trees
from vizreport.reports.tree_json import describe_trees
from vizreport.reports.tree_text import write_trees
from vizreport.symbols.symbolizer import Symbolizer
from vizreport.trace.reader import read_trace


class Percentage(click.FloatRange):
    """A number in its range, which click thinks NaN is."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Returns the number."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is no number", param, ctx)
        return number


@click.command(name="tree")
@trace_argument
@click.option(
    "--metric", type=click.Choice(list(METRICS)), default="peak", show_default=True, help="What is shared out."
)
@click.option("--inverted", is_flag=True, help="From the functions that allocate up to their callers.")
@click.option("--depth", type=click.IntRange(min=1), metavar="N", help="Show N levels.")
@click.option(
    "--min-share",
    type=Percentage(0, 100),
    metavar="PERCENT",
    default=1.0,
    show_default=True,
    help="Add up what is smaller than that as other.",
)
@pid_option
@json_option
@frames_option
@symbol_options
def command(
    trace: str,
    metric: str,
    inverted: bool,
    depth: int | None,
    min_share: float,
    pid: int | None,
    as_json: bool,
    allocator_frames: bool,
    **symbols: Any,
) -> None:
    """Allocation tree by call stack, of COMMAND's process. TRACE may be - for standard input."""
    asked = TreeAsked(metric=metric, inverted=inverted, min_share=min_share / 100, folded=not allocator_frames)
    opened = read_trace(trace)
    symbolizer = Symbolizer(opened, make_symbol_options(**symbols))
    with show_progress("reading") as progress:
        trees = make_trees(opened, symbolizer, asked, pid=pid, progress=progress)
    warnings = symbolizer.warnings
    if as_json:
        click.echo(json.dumps(describe_trees(opened, trees, asked, max_depth=depth, warnings=warnings)))
    else:
        text = write_trees(
            trees,
            asked,
            n_others=len(opened.images) - len(trees) if pid is None else 0,
            max_depth=depth,
            lines=choose_lines(),
            ink=choose_ink(),
            width=find_width(),
        )
        missing = () if opened.completeness.complete else write_completeness(opened.completeness, choose_ink())
        echo_lines([*text, *missing, *(f"names: {quote(warning)}" for warning in warnings)])
