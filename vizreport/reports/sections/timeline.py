"""Memory over time."""

from __future__ import annotations

from vizreport.reports.page_words import say_count
from vizreport.reports.picture_results import PictureResults
from vizreport.reports.section import Section
from vizreport.units import format_bytes
from vizreport.views.samples import shows_resident
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
        lead=_say_mappings(results),
        values={
            "rss": format_bytes(int(samples.rss.max())) if len(samples.rss) else "",
            "shows_rss": shows_resident(results.replayed.peak.bytes, samples),
            "dropped": say_count(results.image.n_dropped, "event") if len(results.image.drops) else "",
            "unit_ns": find_unit(timeline).ns,
            "start_ns": int(timeline.edges[0]),
            "end_ns": int(timeline.edges[-1]),
        },
        figures={"timeline-figure": draw_timeline(timeline, results.replayed.peak, samples, drops=results.image.drops)},
    )


def _say_mappings(results: PictureResults) -> str:
    """Returns what the program mapped itself, which is resident but no part of the heap."""
    mapped = results.replayed.totals.peak_mapped_bytes
    if mapped == 0:
        return ""
    return f"Besides the heap, the program itself mapped up to {format_bytes(mapped)}; these pictures do not count it."
