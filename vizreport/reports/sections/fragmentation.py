"""Fragmentation: held pages against live bytes, and who pins mostly empty pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vizreport.analysis.fragmentation import MOSTLY_EMPTY
from vizreport.analysis.pictures import Moment
from vizreport.reports.page_words import say_count
from vizreport.reports.picture_results import PictureResults
from vizreport.reports.section import Section
from vizreport.reports.stack_view import describe_site, describe_stack, name_stacks
from vizreport.units import format_bytes
from vizreport.views.fragmentation import draw_held, draw_page_shares
from vizreport.views.samples import shows_resident

HELP = (
    "Memory is given back to the kernel by whole pages: a page with one live byte is held. Held bytes are those of "
    "all such pages, the least that must stay resident; resident memory (RSS) is what really was. External "
    "fragmentation is the share of held bytes that no block takes, internal fragmentation the share of what blocks "
    "take that was never asked for (headers and padding, estimated for glibc's malloc)."
)
_MOST_STACKS = 15


def build(results: PictureResults) -> Section:
    """Draws held and live bytes over time, pages by how full they are, and lists who pins them."""
    assert results.pictures is not None
    pictures, samples = results.pictures, results.image.samples
    moments = [("At the peak", pictures.peak), ("At the end", pictures.end)]
    figures = {"held-figure": draw_held(pictures.held, samples)}
    for name, (title, moment) in zip(("pages-peak", "pages-end"), moments, strict=True):
        figures[name] = draw_page_shares(moment.fragmentation.pages.count_by_share(), f"Pages {title.lower()}")
    values = {
        "rss": format_bytes(int(samples.rss.max())) if len(samples.times) else "",
        "shows_rss": shows_resident(int(pictures.held.held_bytes.max(initial=0)), samples),
        "rows": [_describe_moment(title, moment) for title, moment in moments],
        "pinning": [(title, *_list_pinning(results, moment)) for title, moment in moments],
        "mostly_empty": f"{100 * MOSTLY_EMPTY:.0f} %",
    }
    return Section(name="fragmentation", title="Fragmentation", help=HELP, values=values, figures=figures)


def _describe_moment(title: str, moment: Moment) -> Sequence[str]:
    """Returns the cells of a row of the table."""
    fragmentation = moment.fragmentation
    return (
        title,
        format_bytes(fragmentation.live_bytes),
        format_bytes(fragmentation.held_bytes),
        f"{100 * fragmentation.external_fragmentation:.1f} %",
        f"{100 * fragmentation.internal_fragmentation:.1f} %",
        f"{moment.pinning.n_pages:,}",
        format_bytes(moment.pinning.empty_bytes),
    )


def _list_pinning(results: PictureResults, moment: Moment) -> tuple[str, list[dict[str, Any]]]:
    """Returns a line about all call stacks that pin pages, and the largest of them."""
    pinning = moment.pinning
    stacks = name_stacks(results, pinning.stacks[:_MOST_STACKS])
    entries = [
        {
            "size": format_bytes(round(pinned)),
            "blocks": f"{say_count(pages, 'page')}, {format_bytes(releasable)} releasable",
            "share": "",
            "site": describe_site(stack),
            "frames": describe_stack(stack),
        }
        for stack, pinned, pages, releasable in zip(
            stacks,
            pinning.pinned_bytes.tolist(),
            pinning.pages.tolist(),
            pinning.releasable_bytes.tolist(),
            strict=False,
        )
    ]
    about = f"{format_bytes(pinning.empty_bytes)} empty on {say_count(pinning.n_pages, 'page')}"
    return about, entries
