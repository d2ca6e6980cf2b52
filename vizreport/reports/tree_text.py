"""The allocation tree as text: figures in columns, then functions, indented where call stacks part."""

from __future__ import annotations

import math
from collections.abc import Iterator

from vizreport.analysis.metrics import METRICS, Metric
from vizreport.reports.ink import PLAIN, Ink
from vizreport.reports.process_text import describe_command, shorten_command
from vizreport.reports.stack_text import describe_frame
from vizreport.reports.tree import ImageTree, TreeAsked
from vizreport.reports.tree_rows import TreeRow, list_rows
from vizreport.units import format_bytes

# Levels where more follows and where none does, then the same of a branch.
UNICODE_LINES = ("│  ", "   ", "├─ ", "└─ ")
ASCII_LINES = ("|  ", "   ", "|- ", "`- ")

_COMMAND_COLUMNS = 50
_OTHER = "(other, each too small to be shown)"


def write_trees(
    trees: tuple[ImageTree, ...],
    asked: TreeAsked,
    *,
    n_others: int = 0,
    max_depth: int | None = None,
    lines: tuple[str, str, str, str] = UNICODE_LINES,
    ink: Ink = PLAIN,
    width: int | None = None,
) -> Iterator[str]:
    """Yields the trees' lines.

    Args:
        trees: Of process images.
        asked: What they were made for.
        n_others: Process images that have none here.
        max_depth: How many levels are shown; None: all.
        lines: What branches are drawn with.
        ink: Emphasis.
        width: Columns of the terminal, to which names are shortened; None: to a fixed one.
    """
    metric = METRICS[asked.metric]
    for each in trees:
        if each is not trees[0]:
            yield ""
        min_other = max(math.ceil(asked.min_share * int(each.tree.total_values[0, 0])), 1)
        rows = list_rows(each.tree, max_depth=max_depth, min_other=min_other)
        yield from _write_tree(each, metric, asked, rows, lines, ink, width)
    if n_others:
        more = "1 more process" if n_others == 1 else f"{n_others} more processes"
        yield ""
        yield ink.faint(f"{more} in the trace: `vizreport summary` lists them, --pid PID shows the tree of one")


def _write_tree(
    each: ImageTree,
    metric: Metric,
    asked: TreeAsked,
    rows: Iterator[TreeRow],
    lines: tuple[str, str, str, str],
    ink: Ink,
    width: int | None,
) -> Iterator[str]:
    tree, image = each.tree, each.image
    whole = int(tree.total_values[0, 0])
    direction = "who was called, then by whom" if asked.inverted else "who called, then whom"
    yield ink.strong(f"ALLOCATION TREE: {metric.title}, {direction}")
    command = shorten_command(describe_command(image), _COMMAND_COLUMNS)
    yield f"    {_format(whole, metric)} in all, {command} (pid {image.pid})"
    for part, why in ((each.depth_cut, "at the depth limit"), (each.unwind_gaps, "for want of unwind data")):
        if part:
            yield ink.warn(f"    {_format(part, metric)} of these have call stacks that are cut {why}")
    yield ink.faint(f"{'total':>18}" + ("" if asked.inverted else f" {'self':>10}"))
    if tree.self_values[0, 0]:
        yield f"{_format_total(int(tree.self_values[0, 0]), whole, metric)} (no call stack recorded)"
    for row in rows:
        column = tree.other_values if row.is_other else tree.total_values
        figures = _format_total(int(column[row.node, 0]), whole, metric)
        if not asked.inverted:  # there, what ends in a function are stacks whose root it is
            own = 0 if row.is_other else int(tree.self_values[row.node, 0])
            figures += f" {_format(own, metric) if own else '':>10}"
        indent = _indent(row, lines)
        if row.is_other:
            yield f"{figures} {indent}{ink.faint(_OTHER)}"
            continue
        room = None if width is None else width - len(figures) - len(indent) - 1
        more = ink.faint(" ...") if row.hidden else ""
        yield f"{figures} {indent}{describe_frame(tree.table[int(tree.frames[row.node])], ink, room)}{more}"


def _format_total(total: int, whole: int, metric: Metric) -> str:
    return f"{100 * total / whole:5.1f} % {_format(total, metric):>10}"


def _format(value: int, metric: Metric) -> str:
    return format_bytes(value) if metric.is_bytes else str(value)


def _indent(row: TreeRow, lines: tuple[str, str, str, str]) -> str:
    """Returns what stands before the function: a branch, or the lines that pass by."""
    n_passing = len(row.lead) - row.branches
    passing = "".join(lines[0] if more else lines[1] for more in row.lead[:n_passing])
    return passing + (lines[2] if row.lead[-1] else lines[3]) if row.branches else passing
