"""Fragmentation: what pages hold against what is live in them, over time and at two moments."""

from __future__ import annotations

import numpy as np
from bokeh.models import ColumnDataSource, HoverTool
from bokeh.plotting import figure
from numpy.typing import NDArray

from vizreport.analysis.held import HeldTimeline
from vizreport.model.trace import Samples
from vizreport.views.samples import draw_samples, shows_resident
from vizreport.views.theme import choose_time_unit, colour, label_bytes, make_figure, make_range, start_at_zero

_HEIGHT = 260
_N_SHARES = 10


def draw_held(held: HeldTimeline, samples: Samples) -> figure:
    """Draws held over live bytes: what is between them is memory that is kept for nothing."""
    unit = choose_time_unit(held.bins.end_ns)
    edges = held.bins.edges.astype(np.float64) / unit.ns
    columns = {
        "time": edges[1:],
        "held": held.held_bytes.astype(np.float64),
        "live": held.live_bytes.astype(np.float64),
        "share": 100 * held.live_bytes / np.maximum(held.held_bytes, 1),
    }
    source = ColumnDataSource(columns, name="held")
    drawn = make_figure(height=_HEIGHT, x_range=make_range(float(edges[0]), float(edges[-1])))
    drawn.varea(x="time", y1="live", y2="held", source=source, color=colour("second"), fill_alpha=0.18)
    drawn.varea(x="time", y1=0, y2="live", source=source, color=colour("main"), fill_alpha=0.25)
    line = drawn.line(x="time", y="held", source=source, color=colour("second"), line_width=1.6)
    drawn.line(x="time", y="live", source=source, color=colour("main"), line_width=1.6)
    if len(samples.times):
        shown = shows_resident(int(held.held_bytes.max(initial=0)), samples)
        draw_samples(drawn, samples, unit, "quiet", visible=shown)
    tooltips = [
        ("time", f"@time{{0.000}} {unit.name}"),
        ("held", "@held{0.[0] ib}"),
        ("live", "@live{0.[0] ib}"),
        ("live share", "@share{0.0} %"),
    ]
    drawn.add_tools(HoverTool(renderers=[line], mode="vline", point_policy="follow_mouse", tooltips=tooltips))
    start_at_zero(drawn)
    drawn.xaxis.axis_label = f"time since start ({unit.name})"
    label_bytes(drawn.yaxis)
    return drawn


def draw_page_shares(counts: NDArray[np.int64], title: str) -> figure:
    """Draws how many held pages are how full.

    Args:
        counts: int64[10], by tenths.
        title: Of which moment.
    """
    labels = [f"{10 * k}\u2013{10 * k + 10}" for k in range(_N_SHARES)]
    source = ColumnDataSource({"share": labels, "pages": counts.astype(np.float64)}, name="page shares")
    drawn = make_figure(height=220, title=title, x_range=labels, tools=())
    bars = drawn.vbar(x="share", top="pages", width=0.86, source=source, color=colour("main"), fill_alpha=0.75)
    drawn.add_tools(HoverTool(renderers=[bars], tooltips=[("live share", "@share %"), ("pages", "@pages{0,0}")]))
    start_at_zero(drawn)
    drawn.xgrid.visible = False
    drawn.xaxis.axis_label = "share of a page that is live (%)"
    drawn.xaxis.major_label_text_font_size = "10.5px"
    drawn.yaxis.axis_label = "pages"
    return drawn
