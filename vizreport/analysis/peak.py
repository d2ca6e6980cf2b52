"""When most bytes were live."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vizreport.model.blocks import Blocks
from vizreport.model.trace import Events


@dataclass(frozen=True, slots=True)
class Peak:
    """The first moment with the most live bytes of the image's own blocks."""

    bytes: int
    blocks: int
    time_ns: int


def find_peak(events: Events, blocks: Blocks) -> Peak:
    """Finds the maximum over all events of sum(sizes of own blocks with start <= event < end)."""
    n = len(events)
    own = blocks.own
    if not own.any():
        return Peak(0, 0, 0)
    starts, ends = blocks.starts[own], blocks.ends[own]
    sizes = blocks.sizes[own].view(np.int64)
    change = np.zeros(n + 1, dtype=np.int64)
    change[starts] = sizes
    change[ends] -= np.where(ends < n, sizes, 0)  # no event ends two blocks; row n is nobody's
    live = np.cumsum(change[:n])
    at = int(live.argmax())
    n_blocks = int(np.count_nonzero(starts <= at) - np.count_nonzero(ends <= at))
    return Peak(int(live[at]), n_blocks, int(events.times[at]))
