"""A timeline with fewer bins: for pictures, which can't show more than they have pixels."""

from __future__ import annotations

import numpy as np

from vizreport.model.replay import Timeline


def merge_bins(timeline: Timeline, n_max: int) -> Timeline:
    """Joins neighbouring bins that are narrower than 1/n_max of the whole. No spike vanishes.

    Args:
        timeline: Its bins may be of different widths.
        n_max: At least 1. Twice as many bins may stay: those that are wider do, as they are.
    """
    edges = timeline.edges
    start, end = int(edges[0]), int(edges[-1])
    width = max((end - start) // n_max, 1)
    cells = (edges[:-1] - edges[0]) // np.uint64(width)
    firsts = np.flatnonzero(np.concatenate([[True], cells[1:] != cells[:-1]]))
    lasts = np.append(firsts[1:], len(cells)) - 1
    return Timeline(
        edges=np.append(edges[firsts], edges[-1:]),
        min_bytes=np.minimum.reduceat(timeline.min_bytes, firsts),
        max_bytes=np.maximum.reduceat(timeline.max_bytes, firsts),
        last_bytes=timeline.last_bytes[lasts],
        min_blocks=np.minimum.reduceat(timeline.min_blocks, firsts),
        max_blocks=np.maximum.reduceat(timeline.max_blocks, firsts),
        last_blocks=timeline.last_blocks[lasts],
        allocs=np.add.reduceat(timeline.allocs, firsts),
        frees=np.add.reduceat(timeline.frees, firsts),
        bytes_allocated=np.add.reduceat(timeline.bytes_allocated, firsts),
    )
