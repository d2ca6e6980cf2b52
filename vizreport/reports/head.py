"""The head of a page: what was recorded, whether all of it is there, and the figures that matter most."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import PurePath

from vizreport.model.trace import Image
from vizreport.names import quote, shorten_name
from vizreport.reports.ink import PLAIN
from vizreport.reports.page_words import say_count
from vizreport.reports.picture_results import PictureResults
from vizreport.reports.process_text import describe_command, describe_end, shorten_command
from vizreport.reports.summary import NOT_RECORDED_TEXT
from vizreport.reports.summary_text import describe_losses, describe_note, list_anomalies, write_completeness
from vizreport.units import format_bytes, format_time
from vizreport.views.calltree import describe_function

_CARD_WIDTH = 44
_COMMAND_WIDTH = 80
_ANONYMOUS = "(anonymous namespace)::"  # says nothing, and is longer than a card is wide
_TITLE_WIDTH = 120
_NO_CLOCK = 1970  # what comes from CSV may not know the time of day


@dataclass(frozen=True, slots=True)
class Card:
    """A figure in large print.

    Attributes:
        link: The section that shows more.
    """

    label: str
    number: str
    unit: str
    more: str
    help: str
    link: str


def make_title(image: Image) -> str:
    """Returns what a page about an image is called: the program, without its directory, and its first arguments."""
    if not image.command:
        return "unknown program"
    program, *arguments = image.command
    command = " ".join(quote(word) for word in (PurePath(program).name, *arguments))
    return command if len(command) <= _TITLE_WIDTH else f"{command[:_TITLE_WIDTH]}..."


def list_facts(results: PictureResults) -> list[tuple[str, str]]:
    """Returns what was recorded where and when, each with its label."""
    session, image, edges = results.trace.session, results.image, results.replayed.timeline.edges
    started = datetime.fromtimestamp((session.start_wall_ns + image.start_time_ns) / 1e9, timezone.utc)
    facts = [
        ("Host", quote(session.host)),
        ("Started", f"{started:%Y-%m-%d %H:%M:%S} UTC" if started.year > _NO_CLOCK else ""),
        ("Duration", _describe_duration(int(edges[0]), int(edges[-1]))),
        ("End", describe_end(image)),
        ("Process", f"{image.pid}, {say_count(max(len(image.threads), 1), 'thread')}"),
    ]
    if len(results.replays) > 1:
        facts.append(("One of", f"{len(results.replays)} processes"))
    return [(label, value) for label, value in facts if value]


def _describe_duration(start_ns: int, end_ns: int) -> str:
    """Returns how long an image ran; and when it began, if that can be seen on the axes of time."""
    duration = format_time(end_ns - start_ns)
    return f"{duration}, begun after {format_time(start_ns)}" if 100 * start_ns > end_ns else duration


def list_notices(results: PictureResults) -> list[str]:
    """Returns what a reader must know before believing the figures; empty if all is well."""
    return [text[0].upper() + text[1:] for text in map(str.strip, _find_notices(results)) if text]


def _find_notices(results: PictureResults) -> Iterator[str]:
    summary, completeness = results.summary, results.trace.completeness
    if not completeness.complete:
        yield from write_completeness(completeness, PLAIN)
    if summary.not_recorded is not None:
        yield f"this process was not recorded: {summary.not_recorded}"
    yield from _find_unrecorded(results)
    yield describe_losses(summary)
    yield from list_anomalies(summary)
    yield from (describe_note(note) for note in (*results.trace.notes, *results.image.notes))
    yield from (f"names: {warning}" for warning in results.symbolizer.warnings)


def _find_unrecorded(results: PictureResults) -> Iterator[str]:
    """Yields one line if processes other than the shown one were not recorded."""
    images = [other.image for other in results.replays if other.image is not results.image]
    unrecorded = [image for image in images if image.not_recorded in NOT_RECORDED_TEXT]
    if unrecorded:
        first, *others = unrecorded
        command = shorten_command(describe_command(first), _COMMAND_WIDTH)
        more = f", and {say_count(len(others), 'process image')} more" if others else ""
        yield f"not recorded: {command} (pid {first.pid}): {NOT_RECORDED_TEXT[first.not_recorded]}{more}"


def make_cards(results: PictureResults) -> list[Card]:
    """Returns the cards: peak, in use at exit, allocations, temporary share, largest leak."""
    totals, peak = results.replayed.totals, results.replayed.peak
    share = 100 * totals.n_temporary / totals.allocs if totals.allocs else 0.0
    doubt = _doubt(results)
    return [
        Card(
            "Peak",
            *_split(peak.bytes),
            f"after {format_time(peak.time_ns)}, in {say_count(peak.blocks, 'block')}"
            if peak.bytes
            else "nothing was live",
            "The most bytes that were live at once: asked for and not yet freed. What the kernel had to provide for "
            "them is more: see resident memory.",
            "timeline",
        ),
        Card(
            "In use at exit",
            *_split(totals.live_bytes),
            f"in {say_count(totals.live_blocks, 'block')}{doubt}" if totals.live_blocks else "of what was recorded",
            "What was never freed. Whether the program could still reach it is not known: caches that live as long as "
            "the program are in this figure, and so are leaks.",
            "leaks",
        ),
        Card(
            "Allocations",
            f"{totals.allocs:,}",
            "",
            f"{format_bytes(totals.bytes_allocated)} in all, {say_count(totals.frees, 'free')}",
            "Calls of malloc, new and their relatives that succeeded. A reallocation counts as one, and as a free.",
            "timeline",
        ),
        Card(
            "Temporary",
            f"{share:.1f}",
            "%",
            say_count(totals.n_temporary, "allocation"),
            "Allocations that were freed before their thread allocated again. They cost time and help nobody: a buffer "
            "that is kept, or one on the stack, often does as well.",
            "calltree",
        ),
        _make_leak_card(results),
    ]


def _make_leak_card(results: PictureResults) -> Card:
    leaks = results.summary.leaks.entries
    help_text = "The call stack that left most bytes behind. Known leaks that a suppression file names are not counted."
    if not leaks:
        return Card("Largest leak", "none", "", "nothing was left", help_text, "leaks")
    size, blocks = leaks[0].values
    site = describe_function(leaks[0].stack[0]) if leaks[0].stack else "no call stack recorded"
    name = shorten_name(quote(site).replace(_ANONYMOUS, ""), _CARD_WIDTH)
    more = f"{say_count(blocks, 'block')} from {name}{_doubt(results)}"
    return Card("Largest leak", *_split(size), more, help_text, "leaks")


def _doubt(results: PictureResults) -> str:
    """Returns what to say of blocks in use if they may have been freed by events that were dropped."""
    return ", uncertain" if results.summary.uncertain.blocks else ""


def _split(size_bytes: int) -> tuple[str, str]:
    """Returns number and unit of a size."""
    number, _, unit = format_bytes(size_bytes).partition(" ")
    return number, unit
