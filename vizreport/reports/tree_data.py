"""What the page's scripts know of call stacks: the flame graph and the table are drawn from it."""

from __future__ import annotations

from typing import Any

from vizreport.analysis.call_tree import CallTree
from vizreport.analysis.ranges import coarsen_ranges
from vizreport.reports.picture_results import PictureResults
from vizreport.views.calltree import METRICS, RANGE_METRICS, Metric, describe_tree

_MOST_RANGE_ROWS = 600_000


def list_metrics(results: PictureResults) -> tuple[Metric, ...]:
    """Returns the figures that the page can show of a call stack."""
    return METRICS + (RANGE_METRICS if results.pictures is not None else ())


def make_tree_data(results: PictureResults, tree: CallTree) -> dict[str, Any]:
    """Returns the tree, with its frames, and with what is needed to answer for any range of time."""
    pictures = results.pictures
    ranges = coarsen_ranges(pictures.ranges, _MOST_RANGE_ROWS) if pictures is not None else None
    return describe_tree(tree, METRICS, ranges)
