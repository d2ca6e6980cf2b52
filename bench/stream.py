"""Measures what streaming costs: the target beside recording to a file, the bytes on the wire, and the receiver.

`.venv/bin/python bench/stream.py [WORKLOAD...] [--runs N] [--scale X]`

Each workload is recorded to a file, over TCP to `vizreport receive` on this machine, and both (`--tee`), in turn;
nothing is dropped. Processor time is that of the program and vizzytrace together. Then the trace is sent once more, as
fast as `receive` takes it.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from live import list_pieces, read_cpu_s, send
from measure import Measurement, measure
from workloads import WORKLOADS, Workload

from vizreport.trace import format as fmt
from vizreport.trace.blocks import read_payload
from vizreport.trace.columns import decompress, zstd  # type: ignore[attr-defined]
from vizreport.trace.reader import Trace, read_trace

ROOT = Path(__file__).resolve().parent.parent
VIZZYTRACE = ROOT / "build" / "release" / "launcher" / "vizzytrace"
VIZREPORT = Path(sys.executable).parent / "vizreport"
WAYS = ("file", "tcp", "tee")


@dataclass
class Target:
    """Runs of one workload, by the way in which they were recorded."""

    runs: dict[str, list[Measurement]] = field(default_factory=lambda: {way: [] for way in WAYS})

    def median(self, way: str, what: str) -> float:
        """Returns the median of a figure: wall or processor seconds."""
        values = [
            run.wall_seconds if what == "wall" else run.user_seconds + run.system_seconds for run in self.runs[way]
        ]
        return statistics.median(values)


@contextmanager
def receiving(folder: Path) -> Iterator[tuple[int, int]]:
    """Runs `vizreport receive`; yields its pid and port."""
    for old in folder.glob("received*"):
        old.unlink()
    command = [str(VIZREPORT), "receive", "--listen", "127.0.0.1:0", "-o", str(folder / "received-{n}.trace")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    found = re.search(r"listening on 127\.0\.0\.1:(\d+)", process.stderr.readline())
    assert found is not None
    try:
        yield process.pid, int(found[1])
    finally:
        process.terminate()
        process.communicate()


def record(workload: Workload, way: str, folder: Path) -> Measurement:
    """Records a workload in one of the ways."""
    options = ["-q", "--when-full", "block"]
    trace = folder / "local.trace"
    with receiving(folder) as (_, port):
        log = str(trace) if way == "file" else f"tcp://127.0.0.1:{port}"
        if way == "tee":
            options += ["--tee", str(trace)]
        return measure(
            [str(VIZZYTRACE), *options, log, *workload.command],
            program=workload.program,
            environment={**os.environ, **workload.environment},
            stdin=workload.stdin,
            scratch=folder,
        )


def measure_columns(trace: Trace) -> tuple[int, int, float]:
    """Returns the bytes of all columns as stored and uncompressed, and the seconds that compressing them takes."""
    stored = raw = 0
    seconds = 0.0
    for block in trace.blocks:
        if block.type not in (fmt.BlockType.EVENTS, fmt.BlockType.NODES):
            continue
        payload = read_payload(trace.data, block, verified=True)
        n = int(np.frombuffer(payload, fmt.COLUMNS_HEAD, 1)[0]["n_columns"])
        at = fmt.COLUMNS_HEAD.itemsize + n * fmt.COLUMN.itemsize
        for column in np.frombuffer(payload, fmt.COLUMN, n, fmt.COLUMNS_HEAD.itemsize):
            size, stored_bytes = int(column["width"]) * int(column["n_values"]), int(column["stored_bytes"])
            stored, raw = stored + stored_bytes, raw + size
            if int(column["flags"]) & fmt.ColumnFlag.ZSTD:
                planes = decompress(payload[at : at + stored_bytes], size)
                begin = time.process_time()
                zstd.compress(planes, 1)
                seconds += time.process_time() - begin
            at += stored_bytes
    return stored, raw, seconds


def measure_receiver(data: bytes, folder: Path) -> tuple[float, float]:
    """Returns the seconds in which a trace is received, and those of the receiver's processor."""
    with receiving(folder) as (pid, port):
        before = read_cpu_s(pid)
        seconds = send(port, data, 0)
        return seconds, read_cpu_s(pid) - before


def show(workload: Workload, target: Target, folder: Path) -> None:
    """Prints what was found out about one workload."""
    trace = read_trace(str(folder / "local.trace"))
    n_events = sum(image.n_events for image in trace.images)
    stored, raw, seconds = measure_columns(trace)
    print(f"{workload.name}: {n_events:,} events, {len(trace.data) / n_events:.2f} bytes each on the wire")
    for way in WAYS:
        wall, processor = (target.median(way, what) for what in ("wall", "processor"))
        more = processor - target.median("file", "processor")
        print(
            f"    {way:4} {wall:7.2f} s, {processor:7.2f} s of processors "
            f"({more:+.2f} s, {1e9 * more / n_events:+.1f} ns an event)"
        )
    print(
        f"    columns: {stored / n_events:.2f} bytes an event, uncompressed {raw / n_events:.2f}; "
        f"compressing takes {1e9 * seconds / n_events:.1f} ns an event"
    )
    data = bytes(trace.data)
    assert list_pieces(data)[-1][1] == n_events
    wall, processor = measure_receiver(data, folder)
    print(
        f"    receive: {n_events / wall / 1e6:.0f} million events/s, {len(data) / wall / 1e6:.0f} MB/s; "
        f"{len(data) / max(processor, 0.01) / 1e6:.0f} MB in a second of its processor"
    )


def main() -> None:
    """Measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=f"of {', '.join(WORKLOADS)}")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--scale", type=float, default=0.25)
    options = parser.parse_args()
    names = options.workloads or ["churn", "threads", "deep", "strings", "cc1plus"]
    with tempfile.TemporaryDirectory(prefix="vizzy-bench-") as name:
        folder = Path(name)
        for workload in (WORKLOADS[each](folder, options.scale) for each in names):
            target = Target()
            for _ in range(options.runs):
                for way in WAYS:
                    target.runs[way].append(record(workload, way, folder))
            show(workload, target, folder)


if __name__ == "__main__":
    main()
