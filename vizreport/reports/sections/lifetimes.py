"""Lifetimes of blocks, sizes against lifetimes, and who makes temporary ones."""

from __future__ import annotations

from typing import Any

from vizreport.reports.page_words import say_count
from vizreport.reports.picture_results import PictureResults
from vizreport.reports.section import Section
from vizreport.reports.stack_view import describe_site, describe_stack
from vizreport.views.histogram import draw_density, draw_histogram

HELP = (
    "How long blocks lived, from their allocation to their free. Blocks that were never freed have no lifetime and "
    "are not here. A lump at the far left is made of temporary allocations; one at the far right of what lives as "
    "long as the program. The second picture shows which sizes live how long."
)


def build(results: PictureResults) -> Section:
    """Draws blocks and bytes by lifetime, and size by lifetime; lists makers of temporary allocations."""
    assert results.pictures is not None
    size_lifetimes = results.pictures.size_lifetimes
    values = {"empty": not size_lifetimes.lifetimes.blocks.any(), "temporary": _list_temporary(results)}
    if values["empty"]:
        return Section(name="lifetimes", title="Lifetimes", help=HELP, values=values)
    figures = {
        "lifetimes-figure": draw_histogram(size_lifetimes.lifetimes, is_time=True),
        "density-figure": draw_density(size_lifetimes),
    }
    lead = f"{say_count(size_lifetimes.n_live, 'block')} never freed" if size_lifetimes.n_live else ""
    return Section(name="lifetimes", title="Lifetimes", help=HELP, lead=lead, values=values, figures=figures)


def _list_temporary(results: PictureResults) -> list[dict[str, Any]]:
    return [
        {
            "size": f"{stack.values[0]:,}",
            "blocks": f"of {say_count(stack.values[1], 'allocation')}",
            "share": f"{100 * stack.values[0] / max(stack.values[1], 1):.0f} %",
            "site": describe_site(stack.stack),
            "frames": describe_stack(stack.stack, stack.root),
        }
        for stack in results.summary.temporary.entries
    ]
