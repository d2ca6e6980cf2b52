"""The heatmap: addresses by time."""

from __future__ import annotations

from vizreport.reports.picture_results import PictureResults
from vizreport.reports.section import Section
from vizreport.units import format_bytes
from vizreport.views.heatmap import describe_rows, draw_heatmap
from vizreport.views.theme import SCALE

HELP = (
    "Each row is a stretch of addresses, each column a moment; the darker a cell (the lighter, on a dark page), the "
    "fuller it was. The scale is logarithmic: one block of 16 bytes in an otherwise empty row can still be seen. "
    "Where a pale stripe goes on for long, a few blocks keep memory from being given back. Addresses that were "
    "never used are left out; lines show where."
)


def build(results: PictureResults) -> Section:
    """Draws the occupancy of the address space over all of the image's time."""
    assert results.pictures is not None
    heatmap = results.pictures.heatmap
    if len(heatmap.mean_bytes) == 0:
        return Section(name="heatmap", title="Heatmap", help=HELP, values={"empty": True})
    n_regions = len(heatmap.regions.starts)
    lead = (
        f"{format_bytes(int(heatmap.regions.offsets[-1]))} of addresses in {n_regions} "
        f"{'region' if n_regions == 1 else 'regions'}; a row is {format_bytes(heatmap.row_bytes)}"
    )
    return Section(
        name="heatmap",
        title="Heatmap",
        help=HELP,
        lead=lead,
        values={"empty": False, "n_steps": len(SCALE)},
        figures={"heatmap-figure": draw_heatmap(heatmap)},
        data={"heatmap-rows": describe_rows(heatmap)},
    )
