"""Spans of time in which events were dropped, behind what else is drawn over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from bokeh.models import ColumnDataSource
from bokeh.plotting import figure
from numpy.typing import NDArray

from vizreport.analysis.losses import join_spans
from vizreport.model.trace import Drops
from vizreport.views.theme import TimeUnit, colour

_MOST_SPANS = 500


def draw_losses(figures: Sequence[figure], drops: Drops, unit: TimeUnit, *, end_ns: int) -> None:
    """Marks the spans ("losses") in each figure."""
    source = ColumnDataSource(make_loss_columns(drops, unit, end_ns=end_ns), name="losses")
    quiet = colour("quiet")
    for drawn in figures:
        drawn.vstrip(
            x0="start", x1="end", source=source, level="underlay", color=quiet, fill_alpha=0.35, line_alpha=0.5
        )


def make_loss_columns(drops: Drops, unit: TimeUnit, *, end_ns: int) -> dict[str, NDArray[np.float64]]:
    """Returns the spans to mark; of more than can be told apart, those that are closest are joined."""
    spans = join_spans(drops, _MOST_SPANS)
    starts, ends = (np.minimum(times, np.uint64(end_ns)) / unit.ns for times in (spans.starts, spans.ends))
    return {"start": starts, "end": ends, "events": spans.events.astype(np.float64)}


def count_dropped(drops: Drops, edges: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Returns how many events were dropped in each of the bins between edges: those of a span where its middle is."""
    middles = drops.starts + (drops.ends - drops.starts) // np.uint64(2)
    bins = np.clip(np.searchsorted(edges, middles, side="right") - 1, 0, len(edges) - 2)
    dropped: NDArray[np.uint64] = np.bincount(bins, drops.events, len(edges) - 1).astype(np.uint64)
    return dropped
