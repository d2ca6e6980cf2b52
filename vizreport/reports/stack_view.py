"""Call stacks as lines of a page: what the template's macro ``frames`` takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vizreport.analysis.allocator_frames import fold_stack
from vizreport.analysis.stack_groups import find_ends
from vizreport.model.frames import Frame
from vizreport.names import shorten_name
from vizreport.reports.picture_results import PictureResults
from vizreport.reports.source_lines import SourceLines
from vizreport.trace.format import NODE_COMPLETE, NODE_DEPTH_CUT
from vizreport.views.calltree import describe_function, describe_place

_SITE_WIDTH, _CALLER_WIDTH = 72, 40
_SITE_FRAMES = 3


@dataclass(frozen=True, slots=True)
class FrameLine:
    """One frame.

    Attributes:
        source: Lines around the place: number, text, whether it is the line itself; empty: not shown.
    """

    function: str
    place: str
    inlined: bool
    source: tuple[tuple[int, str, bool], ...] = ()


def describe_stack(
    stack: Sequence[Frame], root: int = NODE_COMPLETE, sources: SourceLines | None = None
) -> list[FrameLine]:
    """Returns the lines of a stack, leaf first, and where it ends if it is not whole; with source lines if given."""
    lines = [
        FrameLine(
            describe_function(frame),
            describe_place(frame),
            frame.inlined,
            sources.find(frame.file, frame.line) if sources and frame.file and frame.line else (),
        )
        for frame in stack
    ]
    if not stack:
        lines.append(FrameLine("(no call stack recorded)", "", inlined=False))
    elif root != NODE_COMPLETE:
        why = "at the depth limit" if root == NODE_DEPTH_CUT else "for want of unwind data"
        lines.append(FrameLine(f"(cut {why})", "", inlined=False))
    return lines


def describe_site(stack: Sequence[Frame]) -> str:
    """Returns what a stack is called in a list: its call site, and who called that."""
    if not stack:
        return "(no call stack recorded)"
    names = [describe_function(frame) for frame in stack[:_SITE_FRAMES]]
    widths = (_SITE_WIDTH, *[_CALLER_WIDTH] * len(names))
    return " \u2190 ".join(map(shorten_name, names, widths))


def name_stacks(results: PictureResults, ids: NDArray[np.uint32]) -> list[tuple[Frame, ...]]:
    """Returns the frames of stacks, leaf first, from their call sites on."""
    leaves, _ = find_ends(results.stacks, ids)
    above = results.stacks.find_above()
    paths: list[list[int]] = []
    for leaf in leaves.tolist():
        rows: list[int] = []
        while leaf >= 0:
            rows.append(leaf)
            leaf = int(above[leaf])
        paths.append(rows)
    rows_used = np.array([row for path in paths for row in path], dtype=np.int64)
    names = results.symbolizer.name_stacks(results.image, results.stacks, rows_used)
    return [fold_stack([frame for row in path for frame in names.frames(row)]) for path in paths]
