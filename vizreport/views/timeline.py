"""Memory over time: live bytes with resident memory beside them, live blocks, and how fast was allocated.

What is between least and most of a bin is drawn as a band, so that no spike vanishes however long the trace is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from bokeh.layouts import column
from bokeh.models import Column, ColumnDataSource, HoverTool, Range1d, RangeTool
from bokeh.models.annotations import BoxAnnotation, Label
from bokeh.plotting import figure
from numpy.typing import NDArray

from vizreport.model.replay import Peak, Timeline
from vizreport.model.trace import NO_DROPS, Drops, Samples
from vizreport.units import format_bytes
from vizreport.views.losses import count_dropped, draw_losses
from vizreport.views.samples import draw_samples, shows_resident
from vizreport.views.theme import (
    FONT,
    TimeUnit,
    choose_count_unit,
    choose_time_unit,
    colour,
    label_bytes,
    make_figure,
    make_range,
    start_at_zero,
)

_HEIGHTS = (290, 120, 150)


def find_unit(timeline: Timeline) -> TimeUnit:
    """Returns the unit of the picture's time axis."""
    return choose_time_unit(int(timeline.edges[-1]))


def draw_timeline(
    timeline: Timeline,
    peak: Peak,
    samples: Samples,
    unit: TimeUnit | None = None,
    *,
    drops: Drops = NO_DROPS,
    growing: bool = False,
) -> Column:
    """Draws three figures under each other with one axis of time.

    The range that a reader chooses is the Range1d "chosen"; boxes named "shade" show it in all three.

    Args:
        timeline: What is drawn.
        peak: Is marked.
        samples: Resident memory.
        drops: Spans in which events were dropped: they are marked.
        unit: Of time; None: what suits the timeline.
        growing: The page will exchange what is drawn for later figures; nothing can be chosen.
    """
    unit = unit or find_unit(timeline)
    columns, titles = make_timeline_columns(timeline, unit, drops)
    source = ColumnDataSource(columns, name="timeline")
    start, end = float(timeline.edges[0]) / unit.ns, float(timeline.edges[-1]) / unit.ns
    span = make_range(start, end, name="time")
    chosen = Range1d(start=start, end=start, name="chosen")
    size, blocks, rate = (
        make_figure(height=height, title=title, x_range=span, tools=() if growing else (_make_chooser(chosen),))
        for height, title in zip(_HEIGHTS, titles, strict=True)
    )
    for drawn in (size, blocks, rate):
        start_at_zero(drawn)
    if growing or len(drops):
        draw_losses((size, blocks, rate), drops, unit, end_ns=int(timeline.edges[-1]))
    lines = [_draw_band(size, source, "bytes", "main"), _draw_band(blocks, source, "blocks", "third")]
    lines.append(_draw_rate(rate, source))
    if growing or len(samples.times):
        draw_samples(size, samples, unit, "second", visible=growing or shows_resident(peak.bytes, samples))
    if growing or peak.row >= 0:
        _mark_peak(size, peak, unit, (start, end))
    label_bytes(size.yaxis)
    for drawn, hovered in zip((size, blocks, rate), lines, strict=True):
        drawn.add_tools(_make_hover(hovered, unit, has_losses=growing or len(drops) > 0))
        drawn.xaxis.visible = drawn is rate
    rate.xaxis.axis_label = f"time since start ({unit.name})"
    return column(size, blocks, rate, sizing_mode="stretch_width", spacing=2)


def make_timeline_columns(
    timeline: Timeline, unit: TimeUnit, drops: Drops
) -> tuple[dict[str, NDArray[np.float64]], tuple[str, ...]]:
    """Returns the bins as columns, to draw and to read, and the figures' titles; a last row closes the last bin."""
    seconds = np.maximum(np.diff(timeline.edges.astype(np.float64)), 1) / 1e9
    rate = timeline.allocs / seconds
    block_unit = choose_count_unit(timeline.max_blocks.max())
    rate_unit = choose_count_unit(rate.max())
    columns = {
        "min_bytes": timeline.min_bytes,
        "max_bytes": timeline.max_bytes,
        "min_blocks": timeline.min_blocks / block_unit.factor,
        "max_blocks": timeline.max_blocks / block_unit.factor,
        "rate": rate / rate_unit.factor,
        "least_blocks": timeline.min_blocks,
        "most_blocks": timeline.max_blocks,
        "allocs_per_s": rate,
        "bytes_per_s": timeline.bytes_allocated / seconds,
        "dropped": count_dropped(drops, timeline.edges),
    }
    closed = {name: np.append(column, column[-1:]).astype(np.float64) for name, column in columns.items()}
    titles = ("Live bytes", f"Live blocks{block_unit.name}", f"Allocations per second{rate_unit.name}")
    return {"time": timeline.edges / unit.ns, **closed}, titles


def _draw_band(drawn: figure, source: ColumnDataSource, what: str, role: str) -> Any:
    """Draws least to most as a band over an area, and the most as a line; returns what can be pointed at."""
    fill: dict[str, Any] = {"x": "time", "source": source, "color": colour(role), "step_mode": "after"}
    drawn.varea_step(y1=0, y2=f"min_{what}", fill_alpha=0.16, **fill)
    drawn.varea_step(y1=f"min_{what}", y2=f"max_{what}", fill_alpha=0.5, **fill)
    drawn.step(x="time", y=f"max_{what}", source=source, mode="after", color=colour(role), line_width=1.4)
    return _draw_unseen(drawn, source, f"max_{what}")


def _draw_rate(drawn: figure, source: ColumnDataSource) -> Any:
    """Draws allocations per second; returns what can be pointed at."""
    second = colour("second")
    drawn.varea_step(x="time", y1=0, y2="rate", source=source, step_mode="after", color=second, fill_alpha=0.3)
    drawn.step(x="time", y="rate", source=source, mode="after", color=second, line_width=1.2)
    return _draw_unseen(drawn, source, "rate")


def _draw_unseen(drawn: figure, source: ColumnDataSource, column: str) -> Any:
    """Draws a line that can be pointed at: a step can't."""
    return drawn.line(x="time", y=column, source=source, alpha=0)


def _mark_peak(drawn: figure, peak: Peak, unit: TimeUnit, span: tuple[float, float]) -> None:
    """Marks the peak with its size, towards the side where there is room."""
    time = peak.time_ns / unit.ns
    right = time < (span[0] + span[1]) / 2
    drawn.scatter(x=[time], y=[float(peak.bytes)], size=8, color=colour("mark"), line_color=None, name="peak")
    drawn.add_layout(
        Label(
            x=time,
            y=float(peak.bytes),
            x_offset=9 if right else -9,
            y_offset=-5,
            name="peak label",
            text=f"peak {format_bytes(peak.bytes)}",
            text_align="left" if right else "right",
            text_color=colour("mark"),
            text_font=FONT,
            text_font_size="12px",
            text_font_style="bold",
        )
    )


def _make_hover(line: Any, unit: TimeUnit, *, has_losses: bool) -> HoverTool:
    """Returns a tool that says all that is known of the bin under the pointer."""
    return HoverTool(
        renderers=[line],
        mode="vline",
        line_policy="prev",
        point_policy="follow_mouse",
        tooltips=[
            ("time", f"@time{{0.000}} {unit.name}"),
            ("live", "@min_bytes{0.[0] ib} to @max_bytes{0.[0] ib}"),
            ("blocks", "@least_blocks{0,0} to @most_blocks{0,0}"),
            ("allocations", "@allocs_per_s{0,0} per s"),
            ("allocated", "@bytes_per_s{0.[0] ib} per s"),
            *([("events dropped", "@dropped{0,0}")] if has_losses else []),
        ],
    )


def _make_chooser(chosen: Range1d) -> RangeTool:
    """Returns the tool by which dragging chooses a range."""
    box = BoxAnnotation(
        name="shade",
        visible=False,
        editable=True,
        resizable="x",
        movable="x",
        fill_color=colour("mark"),
        fill_alpha=0.1,
        line_color=colour("mark"),
        line_alpha=0.9,
        propagate_hover=True,
    )
    return RangeTool(x_range=chosen, y_interaction=False, overlay=box, start_gesture="pan")
