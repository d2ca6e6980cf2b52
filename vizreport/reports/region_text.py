"""Which regions of the address space a picture shows, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from vizreport.analysis.regions import Regions
from vizreport.units import format_bytes, format_count


def describe_regions(regions: Regions, names: Sequence[str], row_bytes: int) -> str:
    """Returns a sentence.

    Args:
        regions: One or more.
        names: What each is, as analysis.region_names has it.
        row_bytes: Addresses in a row of the picture.
    """
    kinds = ", ".join(format_count(count, kind) for kind, count in Counter(names).items())
    shown = f"{format_bytes(int(regions.offsets[-1]))} of addresses in {format_count(len(names), 'region')} ({kinds})"
    gaps = int(regions.gaps.sum())
    left_out = f"; the {format_bytes(gaps)} between them that were never used are left out" if gaps else ""
    return f"{shown}{left_out}. A row is {format_bytes(row_bytes)}."
