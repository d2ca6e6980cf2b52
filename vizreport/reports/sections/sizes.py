"""Sizes of blocks."""

from __future__ import annotations

from vizreport.reports.picture_results import PictureResults
from vizreport.reports.section import Section
from vizreport.views.histogram import draw_histogram

HELP = (
    "All blocks by the size that was asked for: how many there were of each size, and how many bytes they were "
    "together. Many small blocks cost time and headers; few large ones hold the bytes. Each power of two has four "
    "bars."
)


def build(results: PictureResults) -> Section:
    """Draws blocks and bytes by size."""
    assert results.pictures is not None
    sizes = results.pictures.size_lifetimes.sizes
    if not sizes.blocks.any():
        return Section(name="sizes", title="Sizes", help=HELP, values={"empty": True})
    figures = {"sizes-figure": draw_histogram(sizes, is_time=False)}
    return Section(name="sizes", title="Sizes", help=HELP, values={"empty": False}, figures=figures)
