"""The heap summary as text for people. COMMAND's HEAP SUMMARY comes first, in valgrind's words.

Names from a trace are not trusted: control characters are escaped.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import PurePath

from vizreport.model.frames import Frame
from vizreport.model.trace import Completeness, Image, Note
from vizreport.reports.summary import NOT_RECORDED_TEXT, ImageSummary, NamedLeak
from vizreport.trace.format import NODE_DEPTH_CUT, NODE_UNWIND_GAP, Fate, NoteType, Origin, Stop
from vizreport.trace.reader import Trace
from vizreport.units import format_bytes, format_count, format_time

_STOPPED_TEXT = {
    Stop.FULL: "its shared memory was used up",
    Stop.REFUSED: "the kernel refused a call that recording needs",
    Stop.COLLECTOR: "the collector was gone",
}
_ORIGIN_TEXT = {
    Origin.START: "started",
    Origin.FORK: "forked by",
    Origin.EXEC: "executed by",
    Origin.SPAWN: "spawned by",
}


def write_summary(
    trace: Trace, summaries: tuple[ImageSummary, ...], *, in_full: bool = True, width: int | None = None
) -> Iterator[str]:
    """Yields the summary's lines.

    Args:
        trace: What was summarised.
        summaries: Of the images to tell of.
        in_full: All images have a section of their own; else those after the first have one line each.
        width: Where commands in those lines are cut off; None: they are not.
    """
    for summary in summaries if in_full else summaries[:1]:
        if summary is not summaries[0]:
            yield ""
        yield from _write_image(summary)
    if not in_full and len(summaries) > 1:
        yield ""
        yield from _write_table(summaries[1:], width)
    if not summaries:
        yield from _write_nothing()
    yield ""
    yield from _write_completeness(trace.completeness)
    for note in trace.notes:
        yield f"    note: {_describe_note(note)}"


def _write_table(summaries: tuple[ImageSummary, ...], width: int | None) -> Iterator[str]:
    """Yields one line for each image."""
    yield f"OTHER PROCESSES: {len(summaries)}; --pid PID shows one in full, --leaks all"
    yield f"    {'pid':>7} {'allocs':>9} {'frees':>9} {'in use':>10} {'peak':>10} {'exit':<7} command"
    for summary in summaries:
        image, usage = summary.image, summary.usage
        numbers = f"{usage.allocs:>9} {usage.frees:>9}"
        sizes = f"{format_bytes(usage.live_bytes):>10} {format_bytes(summary.peak.bytes):>10}"
        if summary.not_recorded is not None:
            numbers, sizes = f"{'not recorded':<19}", f"{'':21}"
        figures = f"    {image.pid:>7} {numbers} {sizes} {_shorten_end(image):<7} "
        yield figures + _cut_command(describe_command(image), width - len(figures) if width is not None else None)
        told = [summary.not_recorded] if summary.not_recorded is not None else list(_list_anomalies(summary))
        if told:
            yield f"            {', '.join(told)}"


def _cut_command(command: str, room: int | None) -> str:
    """Returns the command; where it is longer than there is room, without its directory, and cut off."""
    if room is None or len(command) <= room:
        return command
    program, space, arguments = command.partition(" ")
    short = program.rpartition("/")[2] + space + arguments
    return short if len(short) <= room else f"{short[: max(room - 3, 1)]}..."


def _shorten_end(image: Image) -> str:
    """Returns how an image ended, in one word."""
    end = image.end
    if end is None or end.fate == Fate.UNKNOWN:
        return "?"
    if end.fate == Fate.SIGNAL:
        return _name_signal(end.fate_value)
    return str(end.fate_value) if end.fate == Fate.EXIT else end.fate.name.lower()


def _write_nothing() -> Iterator[str]:
    yield "HEAP SUMMARY:"
    yield "    nothing: the trace describes no process"


def _write_image(summary: ImageSummary) -> Iterator[str]:
    image, usage, peak = summary.image, summary.usage, summary.peak
    yield "HEAP SUMMARY:"
    yield f"    in use at exit   : {usage.live_bytes} bytes in {usage.live_blocks} blocks"
    yield (
        f"    total heap usage : {usage.allocs} allocs, {usage.frees} frees, {usage.bytes_allocated} bytes allocated"
    )
    yield f"    process          : {describe_process(image)}"
    if summary.not_recorded is not None:
        yield f"    not recorded     : {summary.not_recorded}"
        return
    yield f"    peak             : {peak.bytes} bytes in {peak.blocks} blocks, after {format_time(peak.time_ns)}"
    share = f" ({100 * summary.temporary_allocs / usage.allocs:.1f} %)" if usage.allocs else ""
    yield f"    temporary        : {format_count(summary.temporary_allocs, 'allocation')}{share}"
    if image.origin == Origin.FORK:
        yield f"    inherited        : {usage.inherited_bytes} bytes in {usage.inherited_blocks} blocks, not freed"
    yield f"    anomalies        : {', '.join(_list_anomalies(summary)) or 'none'}"
    for note in image.notes:
        yield f"    note             : {_describe_note(note)}"
    yield from _write_leaks(summary)


def describe_process(image: Image) -> str:
    """Returns pid, command, where it came from and how it ended, in one line."""
    if not image.known:
        return "unknown: its description is damaged"
    command = describe_command(image)
    origin = f", {_ORIGIN_TEXT[image.origin]} {image.ppid}" if image.origin != Origin.START else ""
    execs = f", after exec {image.exec_number}" if image.exec_number else ""
    return f"{command} (pid {image.pid}{origin}{execs}, {_describe_end(image)})"


def describe_command(image: Image) -> str:
    """Returns the command and its arguments, or "unknown"."""
    return " ".join(quote(arg) for arg in image.command) or "unknown"


def _describe_end(image: Image) -> str:
    end = image.end
    if end is None or end.fate == Fate.UNKNOWN:
        return "end not known"
    if end.fate == Fate.EXIT:
        return f"exited with status {end.fate_value}"
    if end.fate == Fate.SIGNAL:
        return f"killed by {_name_signal(end.fate_value)}"
    return "replaced by exec" if end.fate == Fate.EXEC else "still running when the recording ended"


def _name_signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _list_anomalies(summary: ImageSummary) -> Iterator[str]:
    image, end = summary.image, summary.image.end
    counted = (
        (
            summary.unmatched_frees,
            "free of an address where nothing was live",
            "frees of addresses where nothing was live",
        ),
        (summary.duplicate_allocations, "allocation where a block was live", "allocations where a block was live"),
        (end.dropped if end else 0, "event dropped", "events dropped"),
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


def _write_leaks(summary: ImageSummary) -> Iterator[str]:
    if not summary.n_leaks:
        return
    yield ""
    shown = len(summary.leaks)
    rest = f"; the {shown} largest, --leaks shows all" if shown < summary.n_leaks else ""
    yield f"LEAKS: {format_count(summary.n_leaks, 'call stack')}, most bytes first{rest}"
    for leak in summary.leaks:
        yield from _write_leak(leak)


def _write_leak(leak: NamedLeak) -> Iterator[str]:
    size = f" ({format_bytes(leak.bytes)})" if leak.bytes >= 1024 else ""
    yield f"    {leak.bytes} bytes{size} in {format_count(leak.blocks, 'block')}"
    for frame in leak.stack:
        yield f"        {describe_frame(frame)}"
    if not leak.stack:
        yield "        (no call stack recorded)"
    elif leak.root == NODE_DEPTH_CUT:
        yield "        (cut at the depth limit)"
    elif leak.root == NODE_UNWIND_GAP:
        yield "        (cut for want of unwind data)"


def describe_frame(frame: Frame) -> str:
    """Returns ``function (module+0xaddress)``, or what there is of it."""
    if frame.module is None:
        return f"0x{frame.address:x}"
    place = f"{quote(PurePath(frame.module).name)}+0x{frame.address:x}"
    return f"{quote(frame.function)} ({place})" if frame.function else place


def _write_completeness(completeness: Completeness) -> Iterator[str]:
    if completeness.complete:
        yield "The trace is complete."
    else:
        yield "The trace is NOT complete; all figures above are of what is left of it:"
    if not completeness.ended:
        yield "    it ends before the recording was ended in order"
    if completeness.cut_bytes:
        yield f"    it is cut: its last {format_count(completeness.cut_bytes, 'byte')} are no whole block or line"
    if completeness.n_damaged:
        yield f"    {format_count(completeness.n_damaged, 'block')} damaged and left out"
    if completeness.images_missed:
        yield f"    {format_count(completeness.images_missed, 'process image')} found no room to be recorded"


def _describe_note(note: Note) -> str:
    text = quote(note.text)
    if note.type == NoteType.STATIC_ALLOCATOR:
        return f"{text} is linked statically: what it allocates by itself is not seen"
    if note.type == NoteType.NOT_FOLLOWED:
        reason = next((why for key, why in NOT_RECORDED_TEXT.items() if key == note.value), "for an unknown reason")
        return f"{text} was not recorded: {reason}"
    return text


def quote(text: str) -> str:
    """Returns the text with control characters escaped: a name must not drive the terminal."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
