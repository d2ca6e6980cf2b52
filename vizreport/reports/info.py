"""What a trace file consists of, without replaying it: as JSON and as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from vizreport.kernels import describe_kernels
from vizreport.model.trace import Image
from vizreport.names import quote
from vizreport.reports.process_text import describe_process
from vizreport.reports.summary_json import describe_drops, describe_exit
from vizreport.trace.format import BlockType
from vizreport.trace.reader import Trace
from vizreport.units import format_bytes, format_count


def describe_info(trace: Trace) -> dict[str, Any]:
    """Returns session, completeness, blocks and processes as what json.dumps takes."""
    session, completeness = trace.session, trace.completeness
    return {
        "schema": "vizzy.info/1",
        "trace": {
            "path": trace.path,
            "complete": completeness.complete,
            "version": session.format_version,
            "recorder": session.recorder_version,
            "host": session.host,
            "system": session.system,
            "command": list(session.args),
            "start_wall_ns": session.start_wall_ns,
            "time_resolution_ns": session.time_resolution_ns,
            "max_depth": session.max_depth,
            "free_stacks": session.free_stacks,
        },
        "completeness": {
            "ended": completeness.ended,
            "indexed": completeness.indexed,
            "damaged_blocks": completeness.n_damaged,
            "cut_bytes": completeness.cut_bytes,
            "images_missed": completeness.images_missed,
        },
        "blocks": {
            name: {"blocks": blocks, "records": records, "stored_bytes": stored}
            for name, (blocks, records, stored) in _count_blocks(trace).items()
        },
        "processes": [_describe_image(trace, image) for image in trace.images],
        "names": dict(zip(("modules", "addresses"), _count_names(trace), strict=True)),
        "kernels": describe_kernels(),
    }


def _count_names(trace: Trace) -> tuple[int, int]:
    """Returns of how many modules, and of how many addresses in them, the trace holds names."""
    addresses: dict[tuple[str, bytes], set[int]] = {}
    for names in trace.read_names():
        addresses.setdefault((names.path, names.build_id), set()).update(names.places)
    return len(addresses), sum(map(len, addresses.values()))


def _count_blocks(trace: Trace) -> dict[str, tuple[int, int, int]]:
    """Returns how many blocks, records and bytes there are of each type that occurs."""
    n_blocks: Counter[int] = Counter()
    n_records: Counter[int] = Counter()
    n_bytes: Counter[int] = Counter()
    for block in trace.blocks:
        n_blocks[block.type] += 1
        n_records[block.type] += block.count
        n_bytes[block.type] += block.stored_bytes
    return {_name_type(key): (n_blocks[key], n_records[key], n_bytes[key]) for key in sorted(n_blocks)}


def _name_type(number: int) -> str:
    return BlockType(number).name.lower() if number in BlockType._value2member_map_ else f"type {number}"


def _describe_image(trace: Trace, image: Image) -> dict[str, Any]:
    return {
        "index": image.index,
        "pid": image.pid,
        "ppid": image.ppid,
        "exec_number": image.exec_number,
        "origin": image.origin.name.lower(),
        "parent": image.parent,
        "command": list(image.command),
        "exe": image.exe,
        "cwd": image.cwd,
        "exit": describe_exit(image),
        "start_time_ns": image.start_time_ns,
        "end_time_ns": image.end.time_ns if image.end else None,
        "events": image.n_events,
        "dropped_events": image.n_dropped,
        "dropped": describe_drops(image.drops),
        "reordered_events": image.end.reordered if image.end else 0,
        "damaged_blocks": image.n_damaged,
        "threads": [
            {"tid": thread.tid, "name": thread.name, "first_time_ns": thread.first_time_ns} for thread in image.threads
        ],
        "modules": [
            {
                "path": module.path,
                "build_id": module.build_id.hex(),
                "start": module.start,
                "end": module.end,
                "bias": module.bias,
                "generation": module.generation,
                "gone": module.gone,
            }
            for module in image.modules
        ],
        "samples": len(image.samples.times),
        "max_rss_bytes": int(image.samples.rss.max()) if len(image.samples.rss) else None,
        "jit_map_lines": len(trace.read_jit_map(image.index).splitlines()),
    }


def write_info(trace: Trace) -> Iterator[str]:
    """Yields the same for people, line by line."""
    session, completeness = trace.session, trace.completeness
    yield f"format {session.format_version}, recorded by vizzy {quote(session.recorder_version) or '(unknown)'}"
    yield f"on {quote(session.host) or '(unknown)'}, {quote(session.system) or '(unknown)'}"
    yield f"command: {' '.join(quote(arg) for arg in session.args) or '(unknown)'}"
    state = "complete" if completeness.complete else "NOT complete"
    yield (
        f"{state}: {format_count(completeness.n_blocks, 'block')}, {completeness.n_damaged} damaged, "
        f"{'indexed' if completeness.indexed else 'no index'}, {completeness.cut_bytes} bytes cut off"
    )
    n_modules, n_addresses = _count_names(trace)
    if n_modules:
        yield f"names: of {n_addresses} addresses in {format_count(n_modules, 'module')} are in the trace"
    yield f"kernels: {describe_kernels()}"
    yield ""
    for name, (blocks, records, stored) in _count_blocks(trace).items():
        yield f"    {name:<10} {format_count(blocks, 'block'):>12} {records:>14} records {format_bytes(stored):>12}"
    for image in trace.images:
        yield ""
        yield f"{image.index}: {describe_process(image)}"
        yield (
            f"    {format_count(image.n_events, 'event')}, {format_count(len(image.threads), 'thread')}, "
            f"{format_count(len(image.modules), 'module')}, {format_count(len(image.samples.times), 'memory sample')}"
        )
        if image.n_dropped:
            spans = f", in {format_count(len(image.drops), 'span')} of time" if len(image.drops) else ""
            yield f"    {format_count(image.n_dropped, 'event')} dropped{spans}"
        n_lines = len(trace.read_jit_map(image.index).splitlines())
        if n_lines:
            yield f"    {format_count(n_lines, 'line')} of a perf map, which names just-in-time compiled code"
        for module in image.modules:
            build_id = module.build_id.hex() or "no build-id"
            yield f"    {module.start:#x}-{module.end:#x} {quote(module.path)} ({build_id})"
