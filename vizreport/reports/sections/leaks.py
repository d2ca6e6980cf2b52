"""Leaks, by call stack."""

from __future__ import annotations

from pathlib import PurePath

from vizreport.names import quote
from vizreport.reports.page_words import say_count
from vizreport.reports.picture_results import PictureResults
from vizreport.reports.section import Section
from vizreport.reports.stack_view import describe_site, describe_stack
from vizreport.units import format_bytes

HELP = (
    "What was in use at exit, by the call stack that allocated it. Memory that a program keeps on purpose until it "
    "ends is here too: a suppression file takes known ones out of the list; how much that was is said below."
)


def build(results: PictureResults) -> Section:
    """Lists call stacks, largest first, each to be opened."""
    summary = results.summary
    leaks, whole = summary.leaks, max(summary.leaked_bytes, 1)
    shown = sum(leak.values[0] for leak in leaks.entries)
    lead = f"{format_bytes(summary.leaked_bytes)} in {say_count(leaks.n_stacks, 'call stack')}"
    if leaks.n_stacks > len(leaks.entries):
        lead += f"; the {len(leaks.entries)} largest hold {100 * shown / whole:.1f} % of it"
    suppressed = [
        (format_bytes(rule.bytes), say_count(rule.blocks, "block"), quote(rule.name), quote(PurePath(rule.source).name))
        for rule in summary.suppressed
    ]
    entries = [
        {
            "size": format_bytes(leak.values[0]),
            "blocks": say_count(leak.values[1], "block"),
            "share": f"{100 * leak.values[0] / whole:.1f} %",
            "site": describe_site(leak.stack),
            "frames": describe_stack(leak.stack, leak.root, results.sources),
        }
        for leak in leaks.entries
    ]
    values = {"entries": entries, "suppressed": suppressed}
    return Section(name="leaks", title="Leaks", help=HELP, lead=lead if entries else "", values=values)
