"""The heap summary as JSON, schema "vizzy.summary/1"; the order of the fields is part of it."""

from __future__ import annotations

from typing import Any

from vizreport.model.frames import Frame
from vizreport.model.trace import Image
from vizreport.reports.summary import ImageSummary
from vizreport.trace.format import Fate
from vizreport.trace.reader import Trace


def describe_summary(trace: Trace, summaries: tuple[ImageSummary, ...]) -> dict[str, Any]:
    """Returns the summary as what json.dumps takes.

    Damaged blocks that name no process of the trace are COMMAND's.
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
    }


def _describe_process(summary: ImageSummary, more_damaged: int) -> dict[str, Any]:
    image, usage, peak = summary.image, summary.usage, summary.peak
    return {
        "pid": image.pid,
        "ppid": image.ppid,
        "command": list(image.command),
        "exit": describe_exit(image),
        "threads": len(image.threads),
        "allocs": usage.allocs,
        "frees": usage.frees,
        "bytes_allocated": usage.bytes_allocated,
        "in_use_at_exit": {"bytes": usage.live_bytes, "blocks": usage.live_blocks},
        "peak": {"bytes": peak.bytes, "blocks": peak.blocks, "time_ns": peak.time_ns},
        "temporary": {"allocs": summary.temporary_allocs},
        "inherited": {"bytes": usage.inherited_bytes, "blocks": usage.inherited_blocks},
        "exec_number": image.exec_number,
        "not_recorded": summary.not_recorded,
        "anomalies": {
            "unmatched_frees": summary.unmatched_frees,
            "duplicate_allocations": summary.duplicate_allocations,
            "dropped_events": image.end.dropped if image.end else 0,
            "damaged_blocks": image.n_damaged + more_damaged,
            "unwind_gaps": summary.unwind_gaps,
        },
        "leaks": [
            {"bytes": leak.bytes, "blocks": leak.blocks, "stack": [_describe_frame(frame) for frame in leak.stack]}
            for leak in summary.leaks
        ],
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


def _describe_frame(frame: Frame) -> dict[str, Any]:
    return {
        "function": frame.function,
        "file": frame.file,
        "line": frame.line,
        "module": frame.module,
        "address": frame.address,
        "inlined": frame.inlined,
    }
