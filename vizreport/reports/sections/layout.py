"""The heap's layout at chosen moments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vizreport.analysis.layout import HeapLayout, find_layout_regions, lay_out
from vizreport.analysis.region_names import name_regions
from vizreport.reports.picture_results import PictureResults
from vizreport.reports.region_text import describe_regions
from vizreport.reports.section import Section
from vizreport.units import format_time
from vizreport.views.layout import describe_layout_rows, draw_layout, make_layout_columns

HELP = (
    "The address space as rows, read like text: a coloured piece is live memory, grey is a hole that an allocator "
    "could fill. Lines and labels show where regions begin; addresses between them were never used and are left "
    "out. Where there are more blocks than can be seen, neighbours are one piece. Move the slider through the "
    "moments; point at a piece to see who allocated it."
)


def build(results: PictureResults) -> Section:
    """Draws the live blocks of every snapshot, a slider chooses among them; or those of the moment asked for."""
    if results.moment is not None:
        layout = lay_out(results.moment, regions=find_layout_regions([results.moment]))
        return _build([layout], 0, [format_time(layout.time_ns)], results)
    assert results.pictures is not None
    layouts, peak = results.pictures.layouts, results.pictures.peak_layout
    labels = [_name_moment(k, layout, peak, len(layouts)) for k, layout in enumerate(layouts)]
    return _build(layouts, peak, labels, results)


def _build(layouts: Sequence[HeapLayout], first: int, labels: Sequence[str], results: PictureResults) -> Section:
    """Draws layouts of the same regions, one of them at first."""
    if not any(len(layout) for layout in layouts):
        return Section(name="layout", title="Heap layout", help=HELP, values={"empty": True})
    values = {"empty": False, "n_layouts": len(layouts), "first": first, "labels": labels}
    data: dict[str, Any] = {
        "layout-rows": describe_layout_rows(layouts[0]),
        "layout-moments": [make_layout_columns(layout, find_nodes(results, layout)) for layout in layouts],
    }
    regions = layouts[0].regions
    names = name_regions(regions, results.image)
    return Section(
        name="layout",
        title="Heap layout",
        help=HELP,
        lead=describe_regions(regions, names, data["layout-rows"]["rowBytes"]),
        values=values,
        figures={"layout-figure": draw_layout(layouts[0], names)},
        data=data,
    )


def _name_moment(at: int, layout: HeapLayout, peak: int, n: int) -> str:
    name = "peak" if at == peak else "start" if at == 0 else "end" if at == n - 1 else ""
    return f"{format_time(layout.time_ns)}{f', {name}' if name else ''}"


def find_nodes(results: PictureResults, layout: HeapLayout) -> NDArray[np.int64]:
    """Returns the node of the page's call tree for each piece; 0 where its stack is not known."""
    assert results.tree is not None
    known = results.replayed.stacks.stacks
    if len(known) == 0:
        return np.zeros(len(layout), np.int64)
    rows = np.minimum(np.searchsorted(known, layout.stacks), len(known) - 1)
    nodes: NDArray[np.int64] = np.where(known[rows] == layout.stacks, results.tree.ends[rows], 0)
    return nodes
