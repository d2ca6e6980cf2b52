"""The heap summary as text for people. COMMAND's HEAP SUMMARY comes first, in valgrind's words."""

from __future__ import annotations

from collections.abc import Iterator

from vizreport.model.trace import Completeness, Note
from vizreport.names import quote
from vizreport.reports.ink import PLAIN, Ink
from vizreport.reports.process_text import describe_command, describe_process, shorten_command, shorten_end
from vizreport.reports.stack_text import write_stacks
from vizreport.reports.summary import NOT_RECORDED_TEXT, ImageSummary
from vizreport.trace.format import NoteType, Origin, Stop
from vizreport.trace.reader import Trace
from vizreport.units import format_bytes, format_count, format_time

_STOPPED_TEXT = {
    Stop.FULL: "its shared memory was used up",
    Stop.REFUSED: "the kernel refused a call that recording needs",
    Stop.COLLECTOR: "the collector was gone",
    Stop.TRACE: "the trace could not be written any further",
}

_MOST_PROCESSES = 30  # of those after COMMAND that have a line each


def write_summary(
    trace: Trace,
    summaries: tuple[ImageSummary, ...],
    *,
    in_full: bool = True,
    warnings: tuple[str, ...] = (),
    ink: Ink = PLAIN,
    width: int | None = None,
) -> Iterator[str]:
    """Yields the summary's lines.

    Args:
        trace: What was summarised.
        summaries: Of the images to tell of.
        in_full: All images have a section of their own; else those after the first have one line each.
        warnings: Why names may be missing.
        ink: Emphasis.
        width: Columns of the terminal, to which names and commands are shortened; None: they are not.
    """
    for summary in summaries if in_full else summaries[:1]:
        if summary is not summaries[0]:
            yield ""
        yield from _write_image(summary, ink, width)
    if not in_full and len(summaries) > 1:
        yield ""
        yield from _write_table(summaries[1:], ink, width)
    if not summaries:
        yield ink.strong("HEAP SUMMARY:")
        yield "    nothing: the trace describes no process"
    yield ""
    yield from write_completeness(trace.completeness, ink)
    for note in trace.notes:
        yield f"    note: {describe_note(note)}"
    for warning in warnings:
        yield ink.warn(f"names: {quote(warning)}")


def _write_table(summaries: tuple[ImageSummary, ...], ink: Ink, width: int | None) -> Iterator[str]:
    """Yields one line for each image."""
    yield ink.strong(f"OTHER PROCESSES: {len(summaries)}; --pid PID shows one in full, --leaks all")
    yield f"    {'pid':>7} {'allocs':>9} {'frees':>9} {'in use':>10} {'peak':>10} {'exit':<7} command"
    shown = _choose_rows(summaries)
    for summary in shown:
        yield from _write_row(summary, ink, width)
    if len(shown) < len(summaries):
        yield f"    {len(summaries) - len(shown)} more, with nothing to tell of and no higher peak"


def _choose_rows(summaries: tuple[ImageSummary, ...]) -> list[ImageSummary]:
    """Returns those of which something must be told and those with the highest peaks, in order of start."""
    largest = sorted(summaries, key=lambda summary: -summary.peak.bytes)[:_MOST_PROCESSES]
    indexes = {summary.image.index for summary in largest}
    return [summary for summary in summaries if summary.image.index in indexes or _tell(summary)]


def _write_row(summary: ImageSummary, ink: Ink, width: int | None) -> Iterator[str]:
    """Yields an image's line, and below it what is to be told."""
    image, totals = summary.image, summary.totals
    numbers = f"{totals.allocs:>9} {totals.frees:>9}"
    sizes = f"{format_bytes(totals.live_bytes):>10} {format_bytes(summary.peak.bytes):>10}"
    if summary.not_recorded is not None:
        numbers, sizes = f"{'not recorded':<19}", f"{'':21}"
    figures = f"    {image.pid:>7} {numbers} {sizes} {shorten_end(image):<7} "
    yield figures + shorten_command(describe_command(image), width - len(figures) if width is not None else None)
    if told := _tell(summary):
        yield ink.warn(f"            {', '.join(told)}")


def _tell(summary: ImageSummary) -> list[str]:
    return [summary.not_recorded] if summary.not_recorded is not None else list(list_anomalies(summary))


def _write_image(summary: ImageSummary, ink: Ink, width: int | None) -> Iterator[str]:
    image, totals, peak = summary.image, summary.totals, summary.peak
    yield ink.strong("HEAP SUMMARY:")
    yield f"    in use at exit   : {totals.live_bytes} bytes in {totals.live_blocks} blocks"
    yield (
        f"    total heap usage : {totals.allocs} allocs, {totals.frees} frees, {totals.bytes_allocated} bytes allocated"
    )
    if told := describe_losses(summary):
        yield ink.warn(f"    uncertain        : {told}")
    yield f"    process          : {describe_process(image)}"
    if summary.not_recorded is not None:
        yield ink.warn(f"    not recorded     : {summary.not_recorded}")
        return
    yield f"    peak             : {peak.bytes} bytes in {peak.blocks} blocks, after {format_time(peak.time_ns)}"
    share = f" ({100 * totals.n_temporary / totals.allocs:.1f} %)" if totals.allocs else ""
    yield f"    temporary        : {format_count(totals.n_temporary, 'allocation')}{share}"
    if totals.peak_mapped_bytes:
        yield f"    mapped by itself : {totals.mapped_bytes} bytes, at most {totals.peak_mapped_bytes}; not in the heap"
    if image.origin == Origin.FORK:
        yield f"    inherited        : {totals.inherited_bytes} bytes in {totals.inherited_blocks} blocks, not freed"
    yield from _write_suppressed(summary)
    anomalies = ", ".join(list_anomalies(summary))
    yield f"    anomalies        : {ink.warn(anomalies) or 'none'}"
    for note in image.notes:
        yield f"    note             : {describe_note(note)}"
    yield from _write_lists(summary, ink, width)


def _write_suppressed(summary: ImageSummary) -> Iterator[str]:
    if not summary.suppressed:
        return
    size, blocks = sum(rule.bytes for rule in summary.suppressed), sum(rule.blocks for rule in summary.suppressed)
    yield f"    suppressed       : {size} bytes in {format_count(blocks, 'block')} of those in use, known leaks:"
    for rule in summary.suppressed:
        counts = f"{format_count(rule.blocks, 'block')}, {format_count(rule.n_stacks, 'call stack')}"
        yield f"        {rule.bytes} bytes in {counts}: {quote(rule.name)} ({quote(rule.source)})"


def describe_losses(summary: ImageSummary) -> str:
    """Returns when events were dropped, and what of the figures that makes uncertain; nothing: none were dropped."""
    uncertain, drops, blocks = summary.uncertain, summary.image.drops, summary.totals.live_blocks
    if not uncertain.events:
        return ""
    told = f"{format_count(uncertain.events, 'event')} {'was' if uncertain.events == 1 else 'were'} dropped"
    if len(drops):
        told += f" between {format_time(int(drops.starts[0]))} and {format_time(int(drops.ends[-1]))}"
    told += ", so allocations and frees are missing from these figures"
    if uncertain.blocks:
        what = "all that is in use" if uncertain.blocks == blocks else f"{uncertain.blocks} of the blocks in use"
        return f"{told}, and up to {uncertain.bytes} bytes, {what}, may have been freed"
    return f"{told}; what is in use was allocated later" if blocks else told


def list_anomalies(summary: ImageSummary) -> Iterator[str]:
    """Yields what was lost of an image or contradicts itself, each in a few words."""
    image, totals, end = summary.image, summary.totals, summary.image.end
    counted = (
        (
            totals.n_unmatched_frees,
            "free of an address where nothing was live",
            "frees of addresses where nothing was live",
        ),
        (totals.n_duplicates, "allocation where a block was live", "allocations where a block was live"),
        (image.n_dropped, "event dropped", "events dropped"),
        (end.holes if end else 0, "event never completed", "events never completed"),
        (image.n_events_lost, "event in damaged blocks", "events in damaged blocks"),
        (image.n_damaged, "damaged block", "damaged blocks"),
        (summary.unwind_gaps, "call stack cut for want of unwind data", "call stacks cut for want of unwind data"),
    )
    for count, one, many in counted:
        if count:
            yield f"{count} {one if count == 1 else many}"
    if end is not None and end.stopped != Stop.NOT:
        yield f"recording stopped early: {_STOPPED_TEXT[end.stopped]}"


def _write_lists(summary: ImageSummary, ink: Ink, width: int | None) -> Iterator[str]:
    """Yields who leaks, who held the peak and who makes temporary allocations."""
    peak = summary.peak.bytes

    def describe_blocks(size: int, blocks: int) -> str:
        return f"{size} bytes{_more_bytes(size)} in {format_count(blocks, 'block')}"

    def describe_held(size: int, blocks: int) -> str:
        share = f", {100 * size / peak:.1f} % of the peak" if peak else ""
        return describe_blocks(size, blocks) + share

    def describe_temporary(temporary: int, allocs: int) -> str:
        return f"{temporary} of {format_count(allocs, 'allocation')}"

    leaks = "POSSIBLE LEAKS" if summary.uncertain.blocks else "LEAKS"
    yield from write_stacks(summary.leaks, leaks, describe_blocks, ink, width)
    yield from write_stacks(summary.held, "AT THE PEAK", describe_held, ink, width)
    yield from write_stacks(summary.temporary, "TEMPORARY ALLOCATIONS", describe_temporary, ink, width)


def _more_bytes(size: int) -> str:
    return f" ({format_bytes(size)})" if size >= 1024 else ""


def write_completeness(completeness: Completeness, ink: Ink) -> Iterator[str]:
    """Yields whether all that was recorded is there, and if not what is missing."""
    if completeness.complete:
        yield "The trace is complete."
    else:
        yield ink.warn("The trace is NOT complete; all figures are of what is left of it:")
    if not completeness.ended:
        yield "    it ends before the recording was ended in order"
    if completeness.cut_bytes:
        yield f"    it is cut: its last {format_count(completeness.cut_bytes, 'byte')} are no whole block or line"
    if completeness.n_damaged:
        yield f"    {format_count(completeness.n_damaged, 'block')} damaged and left out"
    if completeness.images_missed:
        yield f"    {format_count(completeness.images_missed, 'process image')} found no room to be recorded"


def describe_note(note: Note) -> str:
    """Returns a note in one line."""
    text = quote(note.text)
    if note.type == NoteType.STATIC_ALLOCATOR:
        return f"{text} is linked statically: what it allocates by itself is not seen"
    if note.type == NoteType.NOT_FOLLOWED:
        reason = next((why for key, why in NOT_RECORDED_TEXT.items() if key == note.value), "for an unknown reason")
        return f"{text} was not recorded: {reason}"
    return text
