"""The live page as HTML: the report's look, scripts and pictures, and a script that asks for what there is to show.

There is one page for everybody, and nothing of a recording is in it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vizreport.analysis.heatmap import Heatmap
from vizreport.analysis.regions import PAGE, Regions
from vizreport.analysis.time_bins import TimeBins
from vizreport.live.look import UNIT
from vizreport.model.replay import Peak, Timeline
from vizreport.model.trace import Samples
from vizreport.reports.page import ASSETS, Page, PageKind, write_page
from vizreport.reports.section import Section
from vizreport.reports.sections import calltree, flamegraph
from vizreport.views.calltree import LIVE_METRICS
from vizreport.views.heatmap import draw_heatmap
from vizreport.views.timeline import draw_timeline

LIVE_ASSETS = Path(__file__).parent / "assets"

LIVE = PageKind(
    assets=(LIVE_ASSETS, ASSETS),
    early_scripts=("core.js", "theme.js"),
    scripts=(
        "asking.js",
        "navigation.js",
        "printing.js",
        "figures.js",
        "figurekeys.js",
        "calltree.js",
        "invertedtree.js",
        "metrics.js",
        "flamecolours.js",
        "functionview.js",
        "framedetails.js",
        "flamegraph.js",
        "treetable.js",
        "livefigures.js",
        "player.js",
        "heatmap.js",
        "heat.js",
        "growing.js",
        "usage.js",
    ),
    styles=("page.css", "live.css"),
    controls="controls.html",
    foot="This page is served by vizreport on this machine, and asks nobody else.",
    connect="'self'",
)

_USAGE_HELP = (
    "Live bytes are what the program had asked for and not yet freed; the dark band reaches from the least to the most "
    "in each moment. Resident memory (RSS) is what the kernel had given the process, code and stacks included. Bins "
    "get wider as the recording goes on. Ctrl + wheel zooms; then it stays there until you show all again."
)
_HEATMAP_HELP = (
    "Each row is a stretch of addresses, each column a moment: the darker a cell (the lighter, on a dark page), the "
    "fuller it was at the column's end. The scale is logarithmic: one block of 16 bytes in an otherwise empty row can "
    "still be seen. Where a pale stripe goes on for long, a few blocks keep memory from being given back. Addresses "
    "that were never used are left out; lines show where. Columns get wider as the recording goes on."
)
_GROWING_HELP = (
    "Call stacks whose live bytes grew over the last minute, fastest first: by how many bytes per minute, and how much "
    "they hold now. What stays at the top for minutes while the program does the same again and again is a leak, or a "
    "cache without a bound."
)


def write_live_page() -> str:
    """Returns the page."""
    metrics = [(metric.name, metric.label, metric.help) for metric in LIVE_METRICS]
    sections = [
        Section(
            name="usage",
            title="Memory over time",
            help=_USAGE_HELP,
            figures={"timeline-figure": draw_timeline(_make_nothing(), _NO_PEAK, _NO_SAMPLES, UNIT, growing=True)},
        ),
        Section(name="growing", title="Growing", help=_GROWING_HELP),
        Section(name="flamegraph", title="Flame graph", help=flamegraph.HELP, values={"metrics": metrics}),
        Section(
            name="heatmap",
            title="Heatmap",
            help=_HEATMAP_HELP,
            figures={"heatmap-figure": draw_heatmap(_EMPTY_MAP, unit=UNIT)},
        ),
        Section(name="calltree", title="Call tree", help=calltree.HELP, values={"metrics": metrics}),
    ]
    return write_page(Page(title="vizzy live", metric=LIVE_METRICS[0].name, head={}, sections=sections), LIVE)


_EMPTY_MAP = Heatmap(
    TimeBins(0, UNIT.ns - 1, UNIT.ns, 1),
    Regions(np.zeros(1, np.uint64), np.full(1, PAGE, np.uint64)),
    PAGE,
    np.zeros((1, 1), np.float32),
    np.zeros((1, 1), np.bool_),
)
_NO_PEAK = Peak(0, 0, 0, -1)
_NO_SAMPLES = Samples(*np.zeros((3, 0), np.uint64))


def _make_nothing() -> Timeline:
    """Returns a second in which nothing happened."""
    return Timeline(np.array([0, UNIT.ns], np.uint64), *np.zeros((9, 1), np.uint64))
