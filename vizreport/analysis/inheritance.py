"""What a forked image starts with."""

from __future__ import annotations

import numpy as np

from vizreport.model.blocks import Blocks, Inherited
from vizreport.model.trace import Events


def find_inherited(events: Events, blocks: Blocks, fork_time_ns: int) -> Inherited:
    """Returns the blocks, own and inherited, that were live after the parent's events up to and including the fork.

    A block whose reallocation was under way in another thread is still live.
    """
    at = int(np.searchsorted(events.times, np.uint64(fork_time_ns), side="right"))
    live = (blocks.starts < at) & (blocks.ends >= at)
    return Inherited(blocks.addresses[live], blocks.sizes[live])
