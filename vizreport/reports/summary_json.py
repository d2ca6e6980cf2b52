"""The heap summary as JSON, schema "vizzy.summary/1"; the order of the fields is part of it."""

from __future__ import annotations

from typing import Any

from vizreport.analysis.losses import join_spans
from vizreport.model.frames import Frame
from vizreport.model.trace import Drops, Image
from vizreport.reports.stack_lists import StackList
from vizreport.reports.summary import ImageSummary, Suppressed
from vizreport.trace.format import Fate
from vizreport.trace.reader import Trace

MOST_SPANS = 100
"""Of those in which events were dropped: closer ones are joined."""


def describe_summary(
    trace: Trace, summaries: tuple[ImageSummary, ...], warnings: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Returns the summary as what json.dumps takes.

    Damaged blocks that name no process of the trace are COMMAND's.

    Args:
        trace: What was summarised.
        summaries: Of its images.
        warnings: Why names may be missing.
    """
    nobodys = trace.completeness.n_damaged - sum(image.n_damaged for image in trace.images)
    first = trace.images[0].index if trace.images else None
    return {
        "schema": "vizzy.summary/1",
        "trace": {
            "path": trace.path,
            "complete": trace.completeness.complete,
            "version": trace.session.format_version,
        },
        "processes": [
            _describe_process(summary, nobodys if summary.image.index == first else 0) for summary in summaries
        ],
        "warnings": list(warnings),
    }


def _describe_process(summary: ImageSummary, more_damaged: int) -> dict[str, Any]:
    image, totals, peak = summary.image, summary.totals, summary.peak
    return {
        "pid": image.pid,
        "ppid": image.ppid,
        "command": list(image.command),
        "exit": describe_exit(image),
        "threads": len(image.threads),
        "allocs": totals.allocs,
        "frees": totals.frees,
        "bytes_allocated": totals.bytes_allocated,
        "in_use_at_exit": {"bytes": totals.live_bytes, "blocks": totals.live_blocks},
        "peak": {"bytes": peak.bytes, "blocks": peak.blocks, "time_ns": peak.time_ns},
        "temporary": {"allocs": totals.n_temporary},
        "inherited": {"bytes": totals.inherited_bytes, "blocks": totals.inherited_blocks},
        "exec_number": image.exec_number,
        "not_recorded": summary.not_recorded,
        "anomalies": {
            "unmatched_frees": totals.n_unmatched_frees,
            "duplicate_allocations": totals.n_duplicates,
            "dropped_events": image.n_dropped,
            "damaged_blocks": image.n_damaged + more_damaged,
            "unwind_gaps": summary.unwind_gaps,
        },
        "leaks": _describe_list(summary.leaks, "bytes", "blocks"),
        "suppressed": {
            "bytes": sum(rule.bytes for rule in summary.suppressed),
            "blocks": sum(rule.blocks for rule in summary.suppressed),
            "rules": [_describe_rule(rule) for rule in summary.suppressed],
        },
        "peak_stacks": _describe_list(summary.held, "bytes", "blocks"),
        "temporary_stacks": _describe_list(summary.temporary, "temporary", "allocs"),
        "mapped": {"bytes": totals.mapped_bytes, "peak_bytes": totals.peak_mapped_bytes},
        "dropped": describe_drops(join_spans(image.drops, MOST_SPANS)),
        "uncertain": {"bytes": summary.uncertain.bytes, "blocks": summary.uncertain.blocks},
    }


def describe_drops(drops: Drops) -> list[dict[str, int]]:
    """Returns the spans of time in which events were dropped, and how many in each."""
    rows = zip(drops.starts.tolist(), drops.ends.tolist(), drops.events.tolist(), strict=True)
    return [{"start_ns": start, "end_ns": end, "events": events} for start, end, events in rows]


def _describe_list(stacks: StackList, first: str, second: str) -> list[dict[str, Any]]:
    return [
        {first: entry.values[0], second: entry.values[1], "stack": [describe_frame(frame) for frame in entry.stack]}
        for entry in stacks.entries
    ]


def _describe_rule(rule: Suppressed) -> dict[str, Any]:
    return {
        "name": rule.name,
        "source": rule.source,
        "bytes": rule.bytes,
        "blocks": rule.blocks,
        "stacks": rule.n_stacks,
    }


def describe_exit(image: Image) -> dict[str, int | None] | str:
    """Returns "exec" for an image that was replaced, else its status or signal; both None: neither is known."""
    end = image.end
    if end is not None and end.fate == Fate.EXEC:
        return "exec"
    return {
        "status": end.fate_value if end and end.fate == Fate.EXIT else None,
        "signal": end.fate_value if end and end.fate == Fate.SIGNAL else None,
    }


def describe_frame(frame: Frame) -> dict[str, Any]:
    """Returns a frame's fields."""
    return {
        "function": frame.function,
        "file": frame.file,
        "line": frame.line,
        "module": frame.module,
        "address": frame.address,
        "inlined": frame.inlined,
    }
