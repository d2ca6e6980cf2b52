"""The heatmap: addresses by time."""

from __future__ import annotations

from vizreport.analysis.region_names import name_regions
from vizreport.reports.picture_results import PictureResults
from vizreport.reports.region_text import describe_regions
from vizreport.reports.section import Section
from vizreport.views.heatmap import describe_rows, draw_heatmap

HELP = (
    "Each row is a stretch of addresses, each column a moment; the darker a cell (the lighter, on a dark page), the "
    "fuller it was. The scale is logarithmic: one block of 16 bytes in an otherwise empty row can still be seen. "
    "Where a pale stripe goes on for long, a few blocks keep memory from being given back. Addresses that were "
    "never used are left out; lines show where. A heap is where the program break grows, an arena is glibc's for "
    "threads; large blocks and other allocators lie in mapped regions."
)


def build(results: PictureResults) -> Section:
    """Draws the occupancy of the address space over all of the image's time."""
    assert results.pictures is not None
    heatmap = results.pictures.heatmap
    if len(heatmap.mean_bytes) == 0:
        return Section(name="heatmap", title="Heatmap", help=HELP, values={"empty": True})
    names = name_regions(heatmap.regions, results.image)
    return Section(
        name="heatmap",
        title="Heatmap",
        help=HELP,
        lead=describe_regions(heatmap.regions, names, heatmap.row_bytes),
        values={"empty": False},
        figures={"heatmap-figure": draw_heatmap(heatmap, names)},
        data={"heatmap-rows": describe_rows(heatmap)},
    )
