"""Memory over time."""

from __future__ import annotations

from vizreport.reports.picture_results import PictureResults
from vizreport.reports.section import Section
from vizreport.views.timeline import draw_timeline, find_unit

HELP = (
    "Live bytes are what the program had asked for and not yet freed. The dark band reaches from the least to the "
    "most that was live in each moment, so that no spike is lost. Resident memory (RSS) is what the kernel had "
    "given the process, code and stacks included; if it stays high while live bytes fall, look at fragmentation. "
    "Drag over a range: the flame graph and the call tree then show that range."
)


def build(results: PictureResults) -> Section:
    """Draws live bytes and blocks, resident memory, and the rate of allocations."""
    timeline, samples = results.replayed.timeline, results.image.samples
    return Section(
        name="timeline",
        title="Memory over time",
        help=HELP,
        values={
            "has_rss": len(samples.times) > 0,
            "has_ranges": results.pictures is not None,
            "unit_ns": find_unit(timeline).ns,
            "start_ns": int(timeline.edges[0]),
            "end_ns": int(timeline.edges[-1]),
        },
        figures={"timeline-figure": draw_timeline(timeline, results.replayed.peak, samples)},
    )
