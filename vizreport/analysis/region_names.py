"""What a region of the address space is, as far as its place tells.

Sources: Linux starts the program break up to 1 GiB behind the executable (arch_randomize_brk); glibc's malloc aligns
the heaps of all arenas but the main one to 64 MiB (HEAP_MAX_SIZE in malloc/arena.c).
"""

from __future__ import annotations

from vizreport.analysis.regions import Regions
from vizreport.model.trace import Image

HEAP, ARENA, MAPPED = "heap", "arena", "mapped region"

_BREAK_REACH = 1 << 30
_ARENA_ALIGNMENT = 64 << 20


def name_regions(regions: Regions, image: Image) -> tuple[str, ...]:
    """Returns what each region is.

    HEAP: where the program break grows, behind the executable. ARENA: begins as a thread's arena in glibc does. MAPPED:
    anything else; large blocks and other allocators lie there.
    """
    ends = [module.end for module in image.modules if module.path == image.exe]
    names: list[str] = []
    for start in regions.starts.tolist():
        if any(end <= start < end + _BREAK_REACH for end in ends):
            names.append(HEAP)
        else:
            names.append(ARENA if start % _ARENA_ALIGNMENT == 0 else MAPPED)
    return tuple(names)
