"""The live page: one Bokeh document for each browser, refreshed twice a second.

Whatever comes from a trace is escaped here.
"""

from __future__ import annotations

from html import escape
from typing import Any

from bokeh.document import Document
from bokeh.layouts import column, row
from bokeh.models import ColumnDataSource
from bokeh.models.widgets import Div, Select, Toggle
from bokeh.plotting import figure

from vizreport.live.session import LiveFigures
from vizreport.live.showing import Choice, Showing, Shown
from vizreport.model.replay import Timeline
from vizreport.reports.process_text import describe_command, describe_process
from vizreport.reports.stack_lists import NamedStack
from vizreport.reports.stack_view import describe_site, describe_stack
from vizreport.units import format_bytes, format_time
from vizreport.views.theme import FONT, colour, label_bytes, make_figure, start_at_zero

REFRESH_MS = 500
_N_FRAMES = 12


class LivePage:
    """What one browser shows."""

    def __init__(self, document: Document, showing: Showing) -> None:
        """Fills the document, and keeps it fresh until the browser leaves."""
        self._showing = showing
        self._choices: dict[str, Choice] = {}
        self._process = Select(title="Process", options=[], width=600)
        self._pause = Toggle(label="Pause", width=100, margin=(24, 5, 5, 5))
        self._head, self._tables = (Div(text="", sizing_mode="stretch_width") for _ in range(2))
        self._head.text = "<p>Nothing has arrived yet.</p>"
        self._usage = ColumnDataSource({"time": [], "low": [], "high": []})
        document.title = "vizzy live"
        document.add_root(
            column(
                row(self._process, self._pause),
                self._head,
                _draw_usage(self._usage),
                self._tables,
                sizing_mode="stretch_width",
            )
        )
        document.add_periodic_callback(self.refresh, REFRESH_MS)
        self.refresh()

    def refresh(self) -> None:
        """Shows what there is now, unless the page is paused."""
        if self._pause.active:
            return
        self._choices = {f"{each.image.index} {each.path}": each for each in self._showing.list_choices()}
        options: list[str | tuple[Any, str]] = [
            (key, _describe_choice(choice)) for key, choice in self._choices.items()
        ]
        if options != self._process.options:
            self._process.options = options
        if options and self._process.value not in self._choices:
            self._process.value = next(iter(self._choices))
        choice = self._choices.get(self._process.value)
        if choice is not None:
            self._show(self._showing.look(choice.path, choice.image.index))

    def _show(self, shown: Shown) -> None:
        self._head.text = _write_head(shown.figures)
        self._usage.data = _make_columns(shown.figures.core.timeline, shown.figures.now_ns)
        self._tables.text = _write_stacks(
            "Live call stacks",
            ("live", "blocks"),
            [(format_bytes(e.values[0]), str(e.values[1]), e) for e in shown.live],
        ) + _write_stacks(
            "Growing call stacks",
            ("per minute", "live"),
            [(format_bytes(e.values[0]), format_bytes(e.values[1]), e) for e in shown.growing],
        )


def _describe_choice(choice: Choice) -> str:
    """Returns what the list of processes says; the browser shows it as text."""
    return f"{choice.image.pid} {describe_command(choice.image)}"


def _draw_usage(source: ColumnDataSource) -> figure:
    """Draws live bytes over time: a band from the least to the most of each bin."""
    drawn = make_figure(height=260, title="Live bytes")
    start_at_zero(drawn)
    label_bytes(drawn.yaxis)
    drawn.varea("time", "low", "high", source=source, color=colour("main"), alpha=0.3)
    drawn.line("time", "high", source=source, color=colour("main"), line_width=2)
    drawn.xaxis.axis_label = "time since start (s)"
    return drawn


def _make_columns(timeline: Timeline, now_ns: int) -> dict[str, list[float]]:
    """Returns the bins as points at their starts, and one for now."""
    return {
        "time": [*(timeline.edges[:-1] / 1e9).tolist(), now_ns / 1e9],
        "low": [*timeline.min_bytes.astype(float).tolist(), float(timeline.last_bytes[-1])],
        "high": [*timeline.max_bytes.astype(float).tolist(), float(timeline.last_bytes[-1])],
    }


def _write_head(figures: LiveFigures) -> str:
    """Returns the figures as HTML; the number itself is in ``data-value``."""
    totals, peak, rate = figures.core.totals, figures.core.peak, figures.rate
    rss = int(figures.image.samples.rss[-1]) if len(figures.image.samples.rss) else 0
    cells = [
        ("time", figures.now_ns, format_time(figures.now_ns)),
        ("live bytes", totals.live_bytes, format_bytes(totals.live_bytes)),
        ("live blocks", totals.live_blocks, f"{totals.live_blocks:,}"),
        ("peak", peak.bytes, format_bytes(peak.bytes)),
        ("resident", rss, format_bytes(rss)),
        ("allocations", totals.allocs, f"{totals.allocs:,}"),
        ("frees", totals.frees, f"{totals.frees:,}"),
        ("events per second", round(rate.events), f"{rate.events:,.0f}"),
        ("allocated per second", round(rate.bytes_allocated), format_bytes(round(rate.bytes_allocated))),
        ("dropped events", figures.n_dropped, f"{figures.n_dropped:,}"),
        ("damaged blocks", figures.n_lost, f"{figures.n_lost:,}"),
    ]
    shown = "".join(
        f'<div><div style="color:{colour("muted")}">{name}</div>'
        f'<div style="font-size:20px" data-figure="{name}" data-value="{value}">{escape(text)}</div></div>'
        for name, value, text in cells
    )
    process = escape(describe_process(figures.image))
    return (
        f'<div style="font-family:{escape(FONT)}"><p data-figure="process">{process}</p>'
        f'<div style="display:flex;flex-wrap:wrap;gap:8px 28px">{shown}</div></div>'
    )


def _write_stacks(title: str, names: tuple[str, str], rows: list[tuple[str, str, NamedStack]]) -> str:
    """Returns a table of call stacks as HTML: two figures, the call site, and the frames in its tooltip."""
    head = "".join(f'<th style="text-align:right;padding-right:16px">{name}</th>' for name in names)
    body = "".join(
        f'<tr><td style="text-align:right;padding-right:16px;white-space:nowrap">{escape(first)}</td>'
        f'<td style="text-align:right;padding-right:16px;white-space:nowrap">{escape(second)}</td>'
        f'<td title="{escape(_write_frames(entry))}">{escape(describe_site(entry.stack))}</td></tr>'
        for first, second, entry in rows
    )
    return (
        f'<div style="font-family:{escape(FONT)}" data-table="{title}"><h3>{title}</h3>'
        f'<table><tr>{head}<th style="text-align:left">call stack</th></tr>{body}</table></div>'
    )


def _write_frames(entry: NamedStack) -> str:
    """Returns the frames nearest to the allocation, a line each."""
    lines = describe_stack(entry.stack[:_N_FRAMES], entry.root)
    return "\n".join(f"{line.function} {line.place}" for line in lines)
