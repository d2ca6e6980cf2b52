"""The heap's layout at one moment as text: a line for each live block, three dots for each hole."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vizreport.analysis.allocator_frames import fold_stack
from vizreport.analysis.call_sites import find_call_sites
from vizreport.analysis.forest import Rows
from vizreport.analysis.layout import LEAST_HOLE
from vizreport.analysis.stack_groups import find_ends
from vizreport.model.live_set import LiveSet
from vizreport.model.names import Names
from vizreport.model.stacks import Stacks
from vizreport.model.trace import Image
from vizreport.names import quote
from vizreport.symbols.symbolizer import Symbolizer
from vizreport.views.calltree import describe_function


def write_layout(live: LiveSet, image: Image, stacks: Stacks, symbolizer: Symbolizer) -> Iterator[str]:
    """Yields the lines: address, size in bytes, and the function that asked for the block."""
    yield f"HEAP VMEM LAYOUT @{live.time_ns / 1e9:.9f}s:"
    sites = _name_sites(live, image, stacks, symbolizer)
    end = None
    for address, size, stack in zip(live.addresses.tolist(), live.sizes.tolist(), live.stacks.tolist(), strict=True):
        if end is None or address > end + LEAST_HOLE:
            yield "..."
        yield f"{address:#x} - {size} ({sites[stack]})"
        end = address + size


def _name_sites(live: LiveSet, image: Image, stacks: Stacks, symbolizer: Symbolizer) -> dict[int, str]:
    """Returns the call site of each stack that occurs."""

    def name(rows: Rows) -> Names:
        return symbolizer.name_stacks(image, stacks, rows)

    ids = np.unique(live.stacks)
    leaves, _ = find_ends(stacks, ids)
    sites = find_call_sites(stacks, leaves, name)
    names = name(sites[sites >= 0])
    return {
        stack: quote(describe_function(fold_stack(names.frames(site))[0])) if site >= 0 else "no call stack recorded"
        for stack, site in zip(ids.tolist(), sites.tolist(), strict=True)
    }
