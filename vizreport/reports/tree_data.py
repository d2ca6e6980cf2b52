"""What the page's scripts know of call stacks: the flame graph and the table are drawn from it."""

from __future__ import annotations

from typing import Any

from vizreport.reports.call_trees import PageTree, PageTrees
from vizreport.reports.picture_results import PictureResults
from vizreport.views.calltree import (
    METRICS,
    RANGE_METRICS,
    FrameColumns,
    Metric,
    describe_metrics,
    make_tree_columns,
    regroup_ranges,
)


def list_metrics(results: PictureResults) -> tuple[Metric, ...]:
    """Returns the figures that the page can show of a call stack."""
    return METRICS + (RANGE_METRICS if results.pictures is not None else ())


def make_tree_data(results: PictureResults, trees: PageTrees) -> dict[str, Any]:
    """Returns both trees, with their frames, and with what is needed to answer for any range of time."""
    frames = FrameColumns()

    def make_columns(part: PageTree, side: int) -> dict[str, Any]:
        pictures = results.pictures
        ranges = regroup_ranges(pictures.ranges, results.slot_nodes[side]) if pictures is not None else None
        return make_tree_columns(part.tree, frames, ranges)

    data = {"upright": make_columns(trees.upright, 0), "inverted": make_columns(trees.inverted, 1)}
    return {**data, "metrics": describe_metrics(list_metrics(results)), "frames": frames.make_columns()}
