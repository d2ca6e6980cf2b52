"""The heap as it lies in memory: rows of addresses, blocks in them, and the holes between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, Range1d
from bokeh.plotting import figure
from numpy.typing import NDArray

from vizreport.analysis.layout import HeapLayout, LayoutRows, wrap_rows
from vizreport.views.heatmap import label_regions
from vizreport.views.theme import colour, label_bytes, make_figure, make_range

_ROW_PIXELS = 5
_LEAST_HEIGHT, _MOST_HEIGHT = 160, 700


def draw_layout(layout: HeapLayout, names: Sequence[str]) -> figure:
    """Draws the regions of a layout, empty. The page's script fills in the blocks of one moment ("blocks")."""
    rows = wrap_rows(layout)
    n_rows = max(int(rows.starts[-1]), 1)
    height = min(max(n_rows * _ROW_PIXELS, _LEAST_HEIGHT), _MOST_HEIGHT) + 50
    drawn = make_figure(
        height=height,
        x_range=make_range(0, rows.row_bytes),
        y_range=Range1d(start=n_rows, end=0, bounds=(0, n_rows)),
    )
    drawn.quad(**_outline_regions(layout, rows), color=colour("hole"), line_color=None)
    columns: dict[str, Any] = {name: [] for name in ("left", "right", "top", "bottom", "colour", "piece")}
    drawn.quad(
        left="left",
        right="right",
        top="top",
        bottom="bottom",
        source=ColumnDataSource(columns, name="blocks"),
        color="colour",
        line_width=0.5,
    )
    drawn.hspan(y=rows.starts[1:-1].tolist(), line_color=colour("axis"), line_width=1)
    drawn.grid.visible = False
    drawn.xaxis.axis_label = "bytes from the begin of the row"
    label_bytes(drawn.xaxis)
    label_regions(drawn.yaxis, layout.regions, names, rows.starts.astype(np.float64), upwards=False)
    return drawn


def _outline_regions(layout: HeapLayout, rows: LayoutRows) -> dict[str, list[float]]:
    """Returns rectangles for the rows of all regions; the last row of a region may be short."""
    sizes, starts = layout.regions.sizes.astype(np.int64), rows.starts
    full = sizes // rows.row_bytes
    rest = sizes % rows.row_bytes
    has_full, has_rest = full > 0, rest > 0
    tops = np.concatenate([starts[:-1][has_full], (starts[:-1] + full)[has_rest]])
    bottoms = np.concatenate([(starts[:-1] + full)[has_full], (starts[:-1] + full + 1)[has_rest]])
    rights = np.concatenate([np.full(np.count_nonzero(has_full), rows.row_bytes), rest[has_rest]])
    return {"left": [0.0] * len(tops), "right": rights.tolist(), "top": tops.tolist(), "bottom": bottoms.tolist()}


def make_layout_columns(layout: HeapLayout, nodes: NDArray[np.int64]) -> dict[str, Any]:
    """Turns a layout into what the page's script draws.

    Args:
        layout: At one moment.
        nodes: int64[n], each piece's node of the page's upright call tree.
    """
    rows = wrap_rows(layout)
    order = np.lexsort((rows.tops, rows.pieces))
    return {
        "timeNs": layout.time_ns,
        "blocks": layout.n_blocks,
        "liveBytes": layout.live_bytes,
        "cellBytes": layout.cell_bytes,
        "holes": int(layout.holes.counts.sum()),
        "holeBytes": int(layout.holes.bytes.sum()),
        "largestHole": int(layout.holes.largest.max(initial=0)),
        "left": rows.lefts[order].tolist(),
        "widths": (rows.rights - rows.lefts)[order].tolist(),
        "tops": np.diff(rows.tops[order], prepend=0).tolist(),
        "heights": (rows.bottoms - rows.tops)[order].tolist(),
        "pieces": np.diff(rows.pieces[order], prepend=0).tolist(),
        "pieceBlocks": layout.blocks.tolist(),
        "pieceBytes": layout.bytes.tolist(),
        "pieceAges": ((layout.time_ns - layout.start_times.astype(np.int64)) // 1000).tolist(),
        "pieceNodes": nodes.tolist(),
    }


def describe_layout_rows(layout: HeapLayout) -> dict[str, Any]:
    """Returns what the page's script needs to say where a place lies; addresses as texts, for JSON's numbers."""
    rows = wrap_rows(layout)
    return {
        "rowBytes": rows.row_bytes,
        "rowStarts": rows.starts.tolist(),
        "addresses": [hex(start) for start in layout.regions.starts.tolist()],
    }
