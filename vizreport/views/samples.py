"""Resident memory as a line, beside what else is drawn in bytes over time."""

from __future__ import annotations

import numpy as np
from bokeh.models import ColumnDataSource
from bokeh.plotting import figure
from numpy.typing import NDArray

from vizreport.model.trace import Samples
from vizreport.views.theme import TimeUnit, colour

_MAX_SAMPLES = 2000
_MOST_TIMES_HEAP = 5


def shows_resident(heap_bytes: int, samples: Samples) -> bool:
    """Tells whether resident memory is shown at first: not where the heap would be a flat line beside it."""
    return bool(samples.rss.max(initial=0) <= _MOST_TIMES_HEAP * heap_bytes)


def make_sample_columns(samples: Samples, unit: TimeUnit) -> dict[str, NDArray[np.float64]]:
    """Returns what is drawn: of more samples than can be seen, the largest of each few."""
    if len(samples.times) == 0:
        return {"time": np.zeros(0), "rss": np.zeros(0)}
    starts = np.unique(np.linspace(0, len(samples.times), _MAX_SAMPLES, endpoint=False).astype(np.int64))
    return {
        "time": samples.times[starts] / unit.ns,
        "rss": np.maximum.reduceat(samples.rss, starts).astype(np.float64),
    }


def draw_samples(drawn: figure, samples: Samples, unit: TimeUnit, role: str, *, visible: bool = True) -> None:
    """Draws resident memory ("resident")."""
    source = ColumnDataSource(make_sample_columns(samples, unit), name="rss")
    drawn.step(
        x="time",
        y="rss",
        source=source,
        mode="after",
        color=colour(role),
        line_width=1.6,
        line_dash=[5, 3],
        name="resident",
        visible=visible,
    )
