"""What a page is told when it asks: figures, pictures and call stacks of one image, ready for JSON.

Nothing here is markup: the page sets all of it as text.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vizreport.analysis.call_paths import add_left_out, find_paths
from vizreport.analysis.call_tree import CallTree
from vizreport.analysis.forest import Values
from vizreport.analysis.heatmap import Heatmap
from vizreport.analysis.merged_bins import merge_bins
from vizreport.analysis.region_names import name_regions
from vizreport.live.session import LiveFigures
from vizreport.live.showing import Choice, Shown
from vizreport.model.replay import Timeline
from vizreport.model.trace import Image
from vizreport.reports.call_trees import build_page_tree
from vizreport.reports.process_text import describe_command, describe_end, shorten_command
from vizreport.reports.stack_lists import NamedStack
from vizreport.reports.stack_view import describe_site, describe_stack
from vizreport.reports.summary_text import describe_note
from vizreport.views.calltree import LIVE_METRICS, describe_tree
from vizreport.views.heatmap import describe_levels
from vizreport.views.losses import make_loss_columns
from vizreport.views.samples import make_sample_columns
from vizreport.views.theme import TimeUnit
from vizreport.views.timeline import make_timeline_columns

UNIT = TimeUnit("s", 1_000_000_000)
_MOST_BINS = 500
_MOST_NODES = 8_000
_MOST_STACKS = 10_000
_COMMAND_WIDTH = 70


def describe_choice(choice: Choice) -> str:
    """Returns what the list of processes says of an image."""
    ended = f", {_describe_state(choice.image)}" if choice.image.end is not None else ""
    return f"{choice.image.pid} {shorten_command(describe_command(choice.image), _COMMAND_WIDTH)}{ended}"


def make_look(shown: Shown, heatmap: Heatmap | None) -> dict[str, Any]:
    """Returns all that a page shows of an image; no heatmap: nothing was ever live."""
    figures = shown.figures
    image = figures.image
    timeline = merge_bins(_end_now(figures.core.timeline, figures.now_ns), _MOST_BINS)
    usage, titles = make_timeline_columns(timeline, UNIT, image.drops)
    return {
        "process": f"{describe_command(image)} (pid {image.pid}, {_describe_state(image)})",
        "notices": [f"names: {warning}" for warning in shown.names.warnings] + [describe_note(n) for n in image.notes],
        "ended": image.end is not None,
        "figures": _make_figures(figures),
        "usage": _listed(usage),
        "titles": titles,
        "resident": _listed(make_sample_columns(image.samples, UNIT)),
        "losses": _listed(make_loss_columns(image.drops, UNIT, end_ns=figures.now_ns)),
        "peak": [figures.core.peak.time_ns / UNIT.ns, figures.core.peak.bytes],
        "heatmap": None if heatmap is None else _describe_heatmap(heatmap, image),
        "calltree": describe_tree(_build_tree(shown), LIVE_METRICS),
        "growing": [_describe_growing(entry) for entry in shown.growing],
    }


def _end_now(timeline: Timeline, now_ns: int) -> Timeline:
    """Ends the last bin now: it goes on, and its rates are of what has passed of it."""
    edges = timeline.edges.copy()
    edges[-1] = max(now_ns, int(edges[-2]) + 1)
    return replace(timeline, edges=edges)


def _describe_state(image: Image) -> str:
    return "running" if image.end is None else describe_end(image)


def _describe_heatmap(heatmap: Heatmap, image: Image) -> dict[str, Any]:
    return describe_levels(heatmap, name_regions(heatmap.regions, image), UNIT)


def _make_figures(figures: LiveFigures) -> dict[str, int]:
    totals, rate = figures.core.totals, figures.rate
    rss = figures.image.samples.rss
    return {
        "time": figures.now_ns,
        "live bytes": totals.live_bytes,
        "live blocks": totals.live_blocks,
        "peak": figures.core.peak.bytes,
        "peak time": figures.core.peak.time_ns,
        "resident": int(rss[-1]) if len(rss) else 0,
        "allocations": totals.allocs,
        "frees": totals.frees,
        "allocated": totals.bytes_allocated,
        "temporary": totals.n_temporary,
        "events per second": round(rate.events),
        "allocated per second": round(rate.bytes_allocated),
        "dropped events": figures.n_dropped,
        "damaged blocks": figures.n_lost,
    }


def _listed(columns: dict[str, Any]) -> dict[str, list[float]]:
    return {name: column.tolist() for name, column in columns.items()}


def _build_tree(shown: Shown) -> CallTree:
    """Returns the call tree with the figures of LIVE_METRICS."""
    groups = shown.lister.groups
    values = groups.sum_values(_take_values(shown.figures))
    wholes = values.sum(axis=0, dtype=np.uint64)
    some = _choose_largest((values / np.maximum(wholes, 1)).max(axis=1))
    paths = find_paths(shown.figures.stacks, groups.leaves[some])
    values = values[some]
    if (rest := wholes - values.sum(axis=0, dtype=np.uint64)).any():
        paths, values = add_left_out(paths), np.vstack([values, rest])
    return build_page_tree(paths, values, shown.lister.name_rows, most_nodes=_MOST_NODES)


def _choose_largest(shares: NDArray[np.float64]) -> NDArray[np.int64]:
    """Returns the stacks with the largest share of any figure, as many as a look has time for; none with nothing."""
    some = np.flatnonzero(shares)
    if len(some) > _MOST_STACKS:
        some = np.sort(np.argpartition(-shares, _MOST_STACKS)[:_MOST_STACKS])
    return some


def _take_values(figures: LiveFigures) -> Values:
    """Returns the figures of each stack, in the order of LIVE_METRICS: uint64[n_stacks, 6]."""
    table = figures.core.stacks
    grown = np.maximum(figures.growth, 0).astype(np.uint64)
    columns = (table.live_bytes, table.live_blocks, grown, table.bytes_allocated, table.allocs, table.temporary)
    return np.column_stack(columns)


def _describe_growing(entry: NamedStack) -> dict[str, Any]:
    frames = describe_stack(entry.stack, entry.root)
    return {
        "rate": entry.values[0],
        "live": entry.values[1],
        "site": describe_site(entry.stack),
        "frames": [[line.function, line.place, line.inlined] for line in frames],
    }
