"""Threads: who frees what whom allocated, as a matrix."""

from __future__ import annotations

import numpy as np
from bokeh.core.properties import value
from bokeh.models import ColumnDataSource, HoverTool, LinearColorMapper
from bokeh.plotting import figure

from vizreport.analysis.thread_matrix import ThreadMatrix
from vizreport.names import quote
from vizreport.views.theme import FONT, SCALE, make_figure

_CELL_PIXELS = 26
_MOST_WITH_NUMBERS = 6


def draw_thread_matrix(matrix: ThreadMatrix) -> figure:
    """Draws blocks by the thread that allocated them (rows) and the one that freed them (columns)."""
    labels = _make_unique(matrix.labels)
    row, column = np.nonzero(matrix.blocks)
    blocks = matrix.blocks[row, column].astype(np.float64)
    source = ColumnDataSource(
        {
            "allocated": [labels[k] for k in row.tolist()],
            "freed": [labels[k] for k in column.tolist()],
            "blocks": blocks,
            "bytes": matrix.bytes[row, column].astype(np.float64),
            "level": np.log10(blocks),
        },
        name="thread pairs",
    )
    drawn = make_figure(
        height=_CELL_PIXELS * len(labels) + 110, x_range=list(labels), y_range=list(reversed(labels)), tools=()
    )
    most = float(np.log10(max(blocks.max(initial=1.0), 2.0)))
    mapper = LinearColorMapper(palette=[light for light, _ in SCALE][1:], low=0, high=most)
    cells = drawn.rect(
        x="freed",
        y="allocated",
        width=0.96,
        height=0.94,
        source=source,
        line_color=None,
        fill_color={"field": "level", "transform": mapper},
    )
    if len(labels) <= _MOST_WITH_NUMBERS:
        _write_numbers(drawn, source, most)
    tooltips = [
        ("allocated by", "@allocated"),
        ("freed by", "@freed"),
        ("blocks", "@blocks{0,0}"),
        ("bytes", "@bytes{0.[0] ib}"),
    ]
    drawn.add_tools(HoverTool(renderers=[cells], tooltips=tooltips))
    drawn.grid.visible = False
    drawn.xaxis.axis_label, drawn.yaxis.axis_label = "freed by", "allocated by"
    if len(labels) > _MOST_WITH_NUMBERS:
        drawn.xaxis.major_label_orientation = 0.7
    return drawn


def _write_numbers(drawn: figure, cells: ColumnDataSource, most: float) -> None:
    """Writes into each cell how many blocks it stands for, in whichever end of the scale can be read on its colour."""
    levels, blocks = np.asarray(cells.data["level"]), np.asarray(cells.data["blocks"])
    for some, ink in ((levels > 0.45 * most, SCALE[0][0]), (levels <= 0.45 * most, SCALE[-1][0])):
        at = np.flatnonzero(some).tolist()
        columns: dict[str, list[str]] = {name: [cells.data[name][k] for k in at] for name in ("freed", "allocated")}
        columns["text"] = [f"{int(blocks[k]):,}" for k in at]
        drawn.text(
            x="freed",
            y="allocated",
            text="text",
            source=ColumnDataSource(columns),
            text_align="center",
            text_baseline="middle",
            text_font=value(FONT),
            text_font_size="12px",
            text_color=ink,
        )


def _make_unique(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Returns labels of which no two are equal: an axis has one place for each."""
    seen: dict[str, int] = {}
    unique = []
    for label in map(quote, labels):
        seen[label] = seen.get(label, 0) + 1
        unique.append(label if seen[label] == 1 else f"{label} #{seen[label]}")
    return tuple(unique)
