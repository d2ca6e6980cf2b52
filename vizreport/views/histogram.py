"""Histograms over powers of two, and the two of them against each other."""

from __future__ import annotations

import numpy as np
from bokeh.layouts import column
from bokeh.models import Column, ColumnDataSource, HoverTool, LinearColorMapper
from bokeh.plotting import figure

from vizreport.analysis.log_bins import find_log_bins, find_log_edges
from vizreport.analysis.size_lifetimes import LogHistogram, SizeLifetimes
from vizreport.units import format_bytes, format_time
from vizreport.views.theme import (
    SCALE,
    choose_count_unit,
    colour,
    label_bytes,
    label_powers,
    make_figure,
    start_at_zero,
)

_HEIGHT = 190
_MOST_TICKS = 9


def describe_edge(value: int, *, is_time: bool) -> str:
    """Returns an edge of a bin, short."""
    number, _, unit = (format_time(value) if is_time else format_bytes(value)).partition(" ")
    return f"{float(number):.3g} {'B' if unit == 'bytes' else unit}"


def draw_histogram(histogram: LogHistogram, *, is_time: bool) -> Column:
    """Draws blocks and bytes by size or by lifetime, one above the other."""
    n = len(histogram.edges)
    edges = [describe_edge(edge, is_time=is_time) for edge in find_log_edges(n + 1).tolist()]
    unit = choose_count_unit(float(histogram.blocks.max(initial=0)))
    source = ColumnDataSource(
        {
            "left": np.arange(n) + 0.04,
            "right": np.arange(n) + 0.96,
            "from": edges[:-1],
            "to": edges[1:],
            "blocks": histogram.blocks.astype(np.float64),
            "bytes": histogram.bytes.astype(np.float64),
            "drawn": histogram.blocks / unit.factor,
        },
        name="lifetimes" if is_time else "sizes",
    )
    first = int(np.flatnonzero(histogram.blocks)[0]) if histogram.blocks.any() else 0
    tooltips = [("from", "@from"), ("to below", "@to"), ("blocks", "@blocks{0,0}"), ("bytes", "@bytes{0.[0] ib}")]
    by_blocks = make_figure(height=_HEIGHT, title=f"Blocks{unit.name}", x_range=(first, n))
    by_bytes = make_figure(height=_HEIGHT + 20, title="Bytes", x_range=by_blocks.x_range)
    for drawn, top, role in ((by_blocks, "drawn", "third"), (by_bytes, "bytes", "main")):
        bars = drawn.quad(
            left="left",
            right="right",
            bottom=0,
            top=top,
            source=source,
            color=colour(role),
            fill_alpha=0.75,
            line_color=None,
        )
        drawn.add_tools(HoverTool(renderers=[bars], mode="vline", tooltips=tooltips, point_policy="follow_mouse"))
        start_at_zero(drawn)
        drawn.xgrid.visible = False
        label_powers(drawn.xaxis, _choose_ticks(edges, first, is_time=is_time))
    label_bytes(by_bytes.yaxis)
    by_blocks.xaxis.visible = False
    by_bytes.xaxis.axis_label = "lifetime of a block" if is_time else "size of a block"
    return column(by_blocks, by_bytes, sizing_mode="stretch_width", spacing=2)


def draw_density(size_lifetimes: SizeLifetimes) -> figure:
    """Draws how many blocks have which size and lifetime."""
    cells = size_lifetimes.blocks[:, :-1]
    rows, columns = np.flatnonzero(cells.any(axis=1)), np.flatnonzero(cells.any(axis=0))
    left, right = (int(columns[0]), int(columns[-1]) + 1) if len(columns) else (0, 1)
    bottom, top = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 1)
    y, x = np.nonzero(cells)
    sizes = [describe_edge(edge, is_time=False) for edge in find_log_edges(top + 1).tolist()]
    lifetimes = [describe_edge(edge, is_time=True) for edge in find_log_edges(right + 1).tolist()]
    blocks = cells[y, x]
    source = ColumnDataSource(
        {
            "x": x + 0.5,
            "y": y + 0.5,
            "size": [f"{sizes[k]} to {sizes[k + 1]}" for k in y.tolist()],
            "lifetime": [f"{lifetimes[k]} to {lifetimes[k + 1]}" for k in x.tolist()],
            "blocks": blocks.astype(np.float64),
            "level": np.log10(blocks),
        },
        name="density",
    )
    drawn = make_figure(height=360, x_range=(left, right), y_range=(bottom, top))
    mapper = LinearColorMapper(
        palette=[light for light, _ in SCALE], low=0, high=float(np.log10(max(blocks.max(initial=1), 2)))
    )
    cells_drawn = drawn.rect(
        x="x",
        y="y",
        width=1,
        height=1,
        source=source,
        line_color=None,
        fill_color={"field": "level", "transform": mapper},
    )
    tooltips = [("size", "@size"), ("lifetime", "@lifetime"), ("blocks", "@blocks{0,0}")]
    drawn.add_tools(HoverTool(renderers=[cells_drawn], tooltips=tooltips))
    label_powers(drawn.xaxis, _choose_ticks(lifetimes, left, is_time=True))
    label_powers(drawn.yaxis, _choose_ticks(sizes, bottom, is_time=False))
    drawn.xaxis.axis_label, drawn.yaxis.axis_label = "lifetime of a block", "size of a block"
    return drawn


def _choose_ticks(edges: list[str], first: int, *, is_time: bool) -> dict[float, str]:
    """Returns some places among bins with their words, evenly spread: round times, or edges of bins of sizes."""
    if is_time:
        return _choose_decades(first, len(edges) - 1)
    step = max(4, -(-(len(edges) - first) // _MOST_TICKS // 4) * 4)
    return {float(k): edges[k] for k in range(-(-first // 4) * 4, len(edges), step)}


def _choose_decades(first: int, last: int) -> dict[float, str]:
    """Returns where between two edges of bins 1, 10, 100 ... ns lie, or every second of them."""
    times = 10 ** np.arange(19, dtype=np.uint64)
    bins = find_log_bins(times)
    edges = find_log_edges(int(bins.max()) + 2).astype(np.float64)
    places = bins + (times - edges[bins]) / (edges[bins + 1] - edges[bins])
    inside = np.flatnonzero((places >= first) & (places <= last))
    step = 1 + len(inside) // _MOST_TICKS
    ticks = {float(places[k]): describe_edge(int(times[k]), is_time=True) for k in inside[::step].tolist()}
    return {0.0: "0 ns", **ticks} if first == 0 else ticks
