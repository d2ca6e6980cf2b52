"""How much was allocated, in valgrind's terms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vizreport.model.blocks import Blocks
from vizreport.model.trace import Events
from vizreport.trace.format import CLASS_OF_KIND, KindClass


@dataclass(frozen=True, slots=True)
class Usage:
    """Totals of one image. A reallocation that succeeded counts as an allocation and a free; mappings count nothing.

    Attributes:
        allocs: Allocations.
        frees: Frees, of inherited blocks too.
        bytes_allocated: Sum of requested sizes.
        live_bytes: In use at exit: own blocks that are not freed.
        live_blocks: How many those are.
        inherited_bytes: Of blocks that came with the fork and are not freed.
        inherited_blocks: How many those are.
    """

    allocs: int
    frees: int
    bytes_allocated: int
    live_bytes: int
    live_blocks: int
    inherited_bytes: int
    inherited_blocks: int


def sum_usage(events: Events, blocks: Blocks) -> Usage:
    """Adds up an image's events."""
    n_of = np.bincount(CLASS_OF_KIND[events.kinds], minlength=len(KindClass))
    live, own = blocks.live, blocks.own
    return Usage(
        allocs=int(n_of[KindClass.ALLOC] + n_of[KindClass.MOVE]),
        frees=int(n_of[KindClass.FREE] + n_of[KindClass.MOVE] + n_of[KindClass.DONE]),
        bytes_allocated=int(blocks.sizes[own].sum(dtype=np.uint64)),
        live_bytes=int(blocks.sizes[live & own].sum(dtype=np.uint64)),
        live_blocks=int(np.count_nonzero(live & own)),
        inherited_bytes=int(blocks.sizes[live & ~own].sum(dtype=np.uint64)),
        inherited_blocks=int(np.count_nonzero(live & ~own)),
    )
