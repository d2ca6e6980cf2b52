"""How figures look: two palettes, fonts, axes in bytes and in time.

A figure is made in light colours. The page exchanges each colour for its partner where it is dark (assets/theme.js),
so every colour that a view uses must be one of those here. Both sets keep their distances for colour-blind eyes.
Background and border are left out: the page's own shows through.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bokeh.models import (
    AdaptiveTicker,
    BasicTicker,
    DataRange1d,
    FixedTicker,
    NoOverlap,
    NumeralTickFormatter,
    Range1d,
    ResetTool,
    Tool,
    WheelZoomTool,
)
from bokeh.models.annotations import Title
from bokeh.plotting import figure

PALETTE: dict[str, tuple[str, str]] = {
    "ink": ("#1b1f24", "#e4e8ec"),
    "muted": ("#59636e", "#9aa5b1"),
    "grid": ("#e6e9ed", "#272e36"),
    "axis": ("#c3cad1", "#434c57"),
    "main": ("#0f62a8", "#6cb2f2"),
    "second": ("#b8500c", "#ee9a5b"),
    "third": ("#0b6b58", "#62cbb2"),
    "mark": ("#c2267e", "#f07cba"),
    "quiet": ("#aab3bd", "#5d6874"),
    "hole": ("#d8dde3", "#2b333d"),
}
"""Roles, each with its light and its dark colour."""

COLOURS: tuple[tuple[str, str], ...] = (
    ("#1a68a0", "#4c94ca"),
    ("#e6a000", "#e8ad21"),
    ("#139e76", "#27b88d"),
    ("#c4719d", "#cf92b7"),
    ("#48afe4", "#90d2fa"),
    ("#d45a00", "#dc7007"),
    ("#92912a", "#dad353"),
    ("#7157be", "#8486e4"),
)
"""For things that have no order, most important first, light and dark: after Okabe and Ito, moved apart for every kind
of colour-blind eyes (tests/unit/test_colours.py)."""

SCALE: tuple[tuple[str, str], ...] = (
    ("#e7eef7", "#16222e"),
    ("#cfe0f1", "#1a3044"),
    ("#abcce8", "#1f4160"),
    ("#80b3dc", "#24557f"),
    ("#5597cd", "#2c6ca2"),
    ("#347bb8", "#3f86c4"),
    ("#1f61a0", "#5ea3de"),
    ("#144a82", "#86bfee"),
    ("#0d3562", "#b4d9f8"),
    ("#082243", "#e3f2fe"),
)
"""From little to much: light to dark on a light page, dark to light on a dark one."""

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"


def colour(role: str) -> str:
    """Returns the light colour of a role."""
    return PALETTE[role][0]


def describe_palettes() -> dict[str, list[Any]]:
    """Returns all colours as pairs, light and dark, for the page's scripts."""
    return {"names": list(PALETTE), "roles": list(PALETTE.values()), "colours": list(COLOURS), "scale": list(SCALE)}


@dataclass(frozen=True, slots=True)
class TimeUnit:
    """The unit in which a picture shows time.

    Attributes:
        name: As on the axis.
        ns: How many nanoseconds it has.
    """

    name: str
    ns: int


def choose_time_unit(duration_ns: int) -> TimeUnit:
    """Returns the unit in which a duration has one digit or more before the point."""
    for unit in (TimeUnit("s", 1_000_000_000), TimeUnit("ms", 1_000_000), TimeUnit("us", 1_000)):
        if duration_ns >= unit.ns:
            return unit
    return TimeUnit("ns", 1)


@dataclass(frozen=True, slots=True)
class CountUnit:
    """The unit in which a picture shows counts.

    Attributes:
        name: To stand behind what is counted: nothing, ``, thousands`` or ``, millions``.
        factor: How many it has.
    """

    name: str
    factor: int


def choose_count_unit(largest: float) -> CountUnit:
    """Returns a unit in which the largest of some counts has few digits before the point."""
    for unit in (CountUnit(", millions", 1_000_000), CountUnit(", thousands", 1_000)):
        if largest >= 2 * unit.factor:
            return unit
    return CountUnit("", 1)


def make_figure(*, height: int, title: str = "", tools: Sequence[Tool] = (), **options: Any) -> figure:
    """Returns an empty figure as wide as its place. The wheel zooms with Ctrl held, else it scrolls the page."""
    zoom = WheelZoomTool(dimensions="width", modifiers="ctrl")
    drawn: figure = figure(
        height=height,
        title=Title(
            text=title,
            text_font=FONT,
            text_font_size="13px",
            text_font_style="bold",
            text_color=colour("ink"),
        ),
        tools=[zoom, ResetTool(), *tools],
        toolbar_location=None,
        sizing_mode="stretch_width",
        background_fill_color=None,
        border_fill_color=None,
        outline_line_color=None,
        min_border_left=70,
        min_border_right=12,
        min_border_top=4,
        **options,
    )
    drawn.toolbar.active_scroll = zoom
    _style_text(drawn)
    return drawn


def _style_text(drawn: figure) -> None:
    """Gives axes and grid of a figure their look."""
    drawn.grid.grid_line_color = colour("grid")
    drawn.axis.axis_line_color = colour("axis")
    drawn.axis.major_tick_line_color = colour("axis")
    drawn.axis.minor_tick_line_color = None
    for axis in drawn.axis:
        axis.major_label_policy = NoOverlap(min_distance=5)
        for part in ("major_label", "axis_label"):
            setattr(axis, f"{part}_text_font", FONT)
            setattr(axis, f"{part}_text_font_size", "12px")
            setattr(axis, f"{part}_text_color", colour("muted"))
            setattr(axis, f"{part}_text_font_style", "normal")


def label_bytes(axis: Any) -> None:
    """Gives an axis round numbers of bytes: 512 KiB, 1 MiB, 1.5 MiB."""
    axis.ticker = AdaptiveTicker(base=1024, mantissas=[1, 2, 4, 8, 16, 32, 64, 128, 256, 512], desired_num_ticks=4)
    axis.formatter = NumeralTickFormatter(format="0.[0] ib")


def make_range(start: float, end: float, *, name: str | None = None) -> Range1d:
    """Returns a range that a reader can't leave. One of nothing is made one wide: an axis must have a length."""
    end = end if end > start else start + 1
    return Range1d(start=start, end=end, bounds=(start, end), name=name)


def start_at_zero(drawn: figure) -> None:
    """Lets the vertical axis reach from 0 to what there is, with few ticks."""
    drawn.y_range = DataRange1d(start=0, only_visible=True)
    drawn.yaxis.ticker = BasicTicker(desired_num_ticks=4)


def label_powers(axis: Any, labels: dict[float, str]) -> None:
    """Gives an axis ticks at the given places, with the given words."""
    axis.ticker = FixedTicker(ticks=list(labels))
    axis.major_label_overrides = labels
