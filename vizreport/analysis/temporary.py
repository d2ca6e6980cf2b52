"""Allocations that were given back at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vizreport.model.blocks import Blocks
from vizreport.model.trace import Events


def find_temporary(events: Events, blocks: Blocks) -> NDArray[np.bool_]:
    """Tells which blocks were given back before their thread allocated again: bool[n_blocks].

    Whichever thread freed it; a reallocation gives the old block back.
    """
    own = np.flatnonzero(blocks.own)
    starts = blocks.starts[own]
    by_thread = np.argsort(events.threads[starts], kind="stable")
    threads = events.threads[starts][by_thread]
    following = np.full(len(own), len(events), dtype=np.int64)
    same = threads[1:] == threads[:-1]
    following[by_thread[:-1][same]] = starts[by_thread[1:][same]]
    temporary = np.zeros(len(blocks.starts), dtype=np.bool_)
    releases = blocks.releases[own]
    temporary[own] = (releases < len(events)) & (releases < following)
    return temporary
