"""Findings in words: a sentence or two each, and the picture that shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import singledispatch
from pathlib import PurePath

from vizreport.analysis.call_tree import CallTree
from vizreport.analysis.findings import (
    Finding,
    ForeignFrees,
    LargestLeak,
    ManyTemporaries,
    PeakOwner,
    PinnedPages,
    SteadyGrowth,
)
from vizreport.model.frames import Frame
from vizreport.names import quote, shorten_name
from vizreport.reports.page_words import say_count
from vizreport.units import format_bytes, format_time
from vizreport.views.calltree import describe_function

_NAME_WIDTH = 90


@dataclass(frozen=True, slots=True)
class FindingText:
    """A finding as a page says it.

    Attributes:
        kind: Name of the finding's class.
        link: The section that shows it.
        link_text: What the link is called.
        metric: What the flame graph is to show, or nothing.
        search: What is to be searched in it, or nothing.
    """

    kind: str
    text: str
    link: str
    link_text: str
    metric: str = ""
    search: str = ""


@singledispatch
def describe_finding(finding: Finding, tree: CallTree, threads: Mapping[int, str]) -> FindingText:
    """Says a finding.

    Args:
        finding: One of the image's.
        tree: The call tree whose nodes it names.
        threads: What threads are called, by index.
    """
    raise NotImplementedError(type(finding).__name__)


@describe_finding.register
def _(finding: PeakOwner, tree: CallTree, threads: Mapping[int, str]) -> FindingText:
    owner = finding.owner
    text = (
        f"{_share(owner.value, finding.peak_bytes)} of what was live at the peak, {format_bytes(owner.value)} of "
        f"{format_bytes(finding.peak_bytes)}, was allocated under {_name(owner.frame)}."
    )
    return FindingText("PeakOwner", text, "flamegraph", "Flame graph", "peak", describe_function(owner.frame))


@describe_finding.register
def _(finding: ManyTemporaries, tree: CallTree, threads: Mapping[int, str]) -> FindingText:
    text = (
        f"{_share(finding.temporary, finding.allocs)} of all allocations, {finding.temporary:,}, are temporary: "
        "freed before their thread allocated again."
    )
    search = ""
    if finding.owner is not None:
        share = _share(finding.owner.value, finding.temporary)
        text += f" {share} of them are made under {_name(finding.owner.frame)}."
        search = describe_function(finding.owner.frame)
    return FindingText("ManyTemporaries", text, "flamegraph", "Flame graph", "temporary", search)


@describe_finding.register
def _(finding: LargestLeak, tree: CallTree, threads: Mapping[int, str]) -> FindingText:
    text = (
        f"One call path left {format_bytes(finding.bytes)}, {_share(finding.bytes, finding.leaked_bytes)} of all "
        f"that was in use at exit: {_name(_find_frame(tree, finding.node))}."
    )
    return FindingText("LargestLeak", text, "leaks", "Leaks")


@describe_finding.register
def _(finding: SteadyGrowth, tree: CallTree, threads: Mapping[int, str]) -> FindingText:
    text = f"Memory keeps growing: {_rate(finding.bytes_per_minute)} after the first quarter of the time."
    if finding.owner is not None:
        text += f" What is allocated under {_name(finding.owner.frame)} grows by {_rate(finding.owner.value)}."
    return FindingText("SteadyGrowth", text, "timeline", "Memory over time")


@describe_finding.register
def _(finding: PinnedPages, tree: CallTree, threads: Mapping[int, str]) -> FindingText:
    text = (
        f"{format_bytes(finding.empty_bytes)} of the {format_bytes(finding.held_bytes)} that were held after "
        f"{format_time(finding.time_ns)} lay empty on pages that a few blocks kept from being given back."
    )
    if finding.node > 0:
        name = _name(_find_frame(tree, finding.node))
        text += f" Blocks of {name} pinned {format_bytes(finding.pinned_bytes)} of it."
    return FindingText("PinnedPages", text, "fragmentation", "Fragmentation")


@describe_finding.register
def _(finding: ForeignFrees, tree: CallTree, threads: Mapping[int, str]) -> FindingText:
    freeing, allocating = (
        quote(threads.get(index, f"thread {index}")) for index in (finding.end_thread, finding.start_thread)
    )
    text = (
        f"Thread {freeing} freed {say_count(finding.blocks, 'block')} that {allocating} had allocated, "
        f"{_share(finding.blocks, finding.ended_blocks)} of all that were freed."
    )
    return FindingText("ForeignFrees", text, "threads", "Threads")


def _find_frame(tree: CallTree, node: int) -> Frame:
    return tree.table[int(tree.frames[node])]


def _name(frame: Frame) -> str:
    """Returns the function, and where it is."""
    name = shorten_name(quote(describe_function(frame)), _NAME_WIDTH)
    if not frame.file:
        return name
    return f"{name} ({quote(PurePath(frame.file).name)}{f':{frame.line}' if frame.line else ''})"


def _share(part: int, whole: int) -> str:
    share = 100 * part / max(whole, 1)
    return f"{share:.0f} %" if share < 99.5 or part == whole else "More than 99 %"


def _rate(bytes_per_minute: int) -> str:
    return f"{format_bytes(bytes_per_minute)} per minute"
