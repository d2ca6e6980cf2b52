"""The allocation tree as JSON, schema "vizzy.tree/1": flat, as call stacks may be deeper than JSON readers nest."""

from __future__ import annotations

from typing import Any

from vizreport.analysis.metrics import METRICS
from vizreport.reports.summary_json import describe_frame
from vizreport.reports.tree import ImageTree, TreeAsked
from vizreport.reports.tree_rows import list_rows
from vizreport.trace.reader import Trace


def describe_trees(
    trace: Trace,
    trees: tuple[ImageTree, ...],
    asked: TreeAsked,
    *,
    max_depth: int | None = None,
    warnings: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Returns the trees as what json.dumps takes.

    Args:
        trace: Of which.
        trees: Of its process images.
        asked: What they were made for.
        max_depth: How many levels; None: all.
        warnings: Why names may be missing.
    """
    return {
        "schema": "vizzy.tree/1",
        "trace": {"path": trace.path, "complete": trace.completeness.complete, "version": trace.session.format_version},
        "metric": asked.metric,
        "unit": "bytes" if METRICS[asked.metric].is_bytes else "count",
        "inverted": asked.inverted,
        "processes": [_describe_tree(each, max_depth) for each in trees],
        "warnings": list(warnings),
    }


def _describe_tree(each: ImageTree, max_depth: int | None) -> dict[str, Any]:
    tree = each.tree
    nodes: list[dict[str, Any]] = []
    number: dict[int, int] = {}
    parents = tree.parents.tolist()
    for row in list_rows(tree, max_depth=max_depth):
        if row.is_other:
            continue
        number[row.node] = len(nodes)
        nodes.append(
            {
                "parent": number.get(parents[row.node]),
                "depth": row.depth,
                "total": int(tree.total_values[row.node, 0]),
                "self": int(tree.self_values[row.node, 0]),
                "other": int(tree.other_values[row.node, 0]),
                **describe_frame(tree.table[int(tree.frames[row.node])]),
            }
        )
    return {
        "pid": each.image.pid,
        "exec_number": each.image.exec_number,
        "command": list(each.image.command),
        "total": int(tree.total_values[0, 0]),
        "no_stack": int(tree.self_values[0, 0]),
        "other": int(tree.other_values[0, 0]),
        "depth_cut": each.depth_cut,
        "unwind_gaps": each.unwind_gaps,
        "nodes": nodes,
    }
