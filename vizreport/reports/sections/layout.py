"""The heap's layout at chosen moments."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vizreport.analysis.layout import HeapLayout
from vizreport.reports.picture_results import PictureResults
from vizreport.reports.section import Section
from vizreport.units import format_time
from vizreport.views.calltree import find_slots
from vizreport.views.layout import describe_layout_rows, draw_layout, make_layout_columns

HELP = (
    "The address space as rows, read like text: a coloured piece is live memory, grey is a hole that an allocator "
    "could fill. Lines and labels show where regions begin; addresses between them were never used and are left "
    "out. Where there are more blocks than can be seen, neighbours are one piece. Move the slider through the "
    "moments; point at a piece to see who allocated it."
)


def build(results: PictureResults) -> Section:
    """Draws the live blocks of every snapshot; a slider chooses among them."""
    assert results.pictures is not None
    pictures = results.pictures
    layouts = [layout for layout in pictures.layouts if len(layout.regions.starts)]
    if not any(len(layout) for layout in layouts):
        return Section(name="layout", title="Heap layout", help=HELP, values={"empty": True})
    peak = pictures.peak_layout
    values = {
        "empty": False,
        "n_layouts": len(layouts),
        "peak": peak,
        "labels": [_name_moment(k, layout, peak, len(layouts)) for k, layout in enumerate(layouts)],
    }
    data = {
        "layout-rows": describe_layout_rows(layouts[0]),
        "layout-moments": [make_layout_columns(layout, find_nodes(results, layout)) for layout in layouts],
    }
    figures = {"layout-figure": draw_layout(layouts[0])}
    return Section(name="layout", title="Heap layout", help=HELP, values=values, figures=figures, data=data)


def _name_moment(at: int, layout: HeapLayout, peak: int, n: int) -> str:
    name = "peak" if at == peak else "start" if at == 0 else "end" if at == n - 1 else ""
    return f"{format_time(layout.time_ns)}{f', {name}' if name else ''}"


def find_nodes(results: PictureResults, layout: HeapLayout) -> NDArray[np.int64]:
    """Returns the node of the page's upright call tree for each piece; 0 where its stack is not known."""
    assert results.trees is not None
    known = results.replayed.stacks.stacks
    slots = find_slots(results.trees.upright.tree, results.trees.upright.cut)
    if len(known) == 0:
        return np.zeros(len(layout), np.int64)
    rows = np.minimum(np.searchsorted(known, layout.stacks), len(known) - 1)
    nodes: NDArray[np.int64] = np.where(known[rows] == layout.stacks, slots[rows], 0)
    return nodes
