"""The hot loops over events: decoding and replay.

In C where libvizread was built, else in numpy: results are the same.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vizreport.kernels.reference import ReferenceReplay
from vizreport.model.block_batch import BlockBatch
from vizreport.model.live_set import LiveSet
from vizreport.model.replay import CoreResults
from vizreport.trace.decode import decode_events
from vizreport.trace.event_block import EventBlock


class Replay(Protocol):
    """The replay of one image, fed with its events in their order."""

    def feed(self, block: EventBlock, *, ended: bool = False) -> BlockBatch | None:
        """Replays the next events; returns the blocks that end with them, in that order, if they are asked for."""

    def take_live_set(self, time_ns: int) -> LiveSet:
        """Returns what is live now; the time is what the caller calls this moment.

        A block whose reallocation is under way is live, even if its address is another's by now.
        """

    def take_live_batch(self) -> BlockBatch:
        """Returns what is live now, by address, as blocks that never end."""

    def finish(self) -> CoreResults:
        """Returns all results. Nothing may be fed afterwards."""


def make_replay(edges: NDArray[np.uint64], inherited: LiveSet | None = None) -> Replay:
    """Begins a replay.

    Args:
        edges: uint64[n_bins + 1], of the Timeline; at least one bin.
        inherited: The blocks that a forked image starts with, no two at one address.
    """
    return ReferenceReplay(edges, inherited)


__all__ = ["Replay", "decode_events", "make_replay"]
