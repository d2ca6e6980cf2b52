"""The figures of a workload, and how they are printed."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from measure import Measurement
from workloads import Workload

LEAST_RATIO = 0.02  # a lower one is noise: it counts as this
MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Row:
    """The medians of one workload. `peer` and `raw` are heaptrack's, None where it was left out.

    `events` is None where vizreport could not say.
    """

    workload: Workload
    native: Measurement
    vizzy: Measurement
    peer: Measurement | None
    raw: Measurement | None
    trace_bytes: int
    events: int | None

    def added_seconds(self, run: Measurement | None) -> float | None:
        """Seconds of wall-clock that a recorder adds."""
        return run.wall_seconds - self.native.wall_seconds if run else None

    def added_bytes(self, run: Measurement | None) -> int | None:
        """How much more memory the program itself has at its peak."""
        return run.peak_rss_bytes - self.native.peak_rss_bytes if run else None

    def time_ratio(self, run: Measurement | None) -> float | None:
        """What vizzytrace adds over what another recorder adds; None where that is nothing."""
        added, others = self.added_seconds(self.vizzy), self.added_seconds(run)
        return max(LEAST_RATIO, added / others) if added is not None and others and others > 0 else None

    def throughput_ratio(self, run: Measurement | None) -> float | None:
        """The throughput under vizzytrace over that under another recorder."""
        if run is None or not self.vizzy.throughput or not run.throughput:
            return None
        return self.vizzy.throughput / run.throughput


Column = tuple[str, Callable[[Row], str]]


def number(value: float | None, pattern: str) -> str:
    """A number as a table shows it, or a dash."""
    return "-" if value is None else format(value, pattern)


def mebibytes(value: int | None) -> str:
    """Bytes as a table shows them."""
    return number(None if value is None else value / MEBIBYTE, ".0f")


def millions(value: float | None) -> str:
    """A large number as a table shows it."""
    return number(None if value is None else value / 1e6, ".1f")


NAME: Column = ("workload", lambda row: row.workload.name)
TRACE: list[Column] = [
    ("M events", lambda row: millions(row.events)),
    ("B/event", lambda row: number(row.trace_bytes / row.events if row.events else None, ".2f")),
]
TIMES: list[Column] = [
    NAME,
    ("native s", lambda row: f"{row.native.wall_seconds:.2f}"),
    ("vizzy adds s", lambda row: number(row.added_seconds(row.vizzy), "+.2f")),
    ("heaptrack adds s", lambda row: number(row.added_seconds(row.peer), "+.2f")),
    ("ratio", lambda row: number(row.time_ratio(row.peer), ".2f")),
    ("--raw adds s", lambda row: number(row.added_seconds(row.raw), "+.2f")),
    ("ratio", lambda row: number(row.time_ratio(row.raw), ".2f")),
    *TRACE,
]
THROUGHPUTS: list[Column] = [
    NAME,
    ("native M", lambda row: millions(row.native.throughput)),
    ("vizzy M", lambda row: millions(row.vizzy.throughput)),
    ("heaptrack M", lambda row: millions(row.peer.throughput if row.peer else None)),
    ("times", lambda row: number(row.throughput_ratio(row.peer), ".1f")),
    ("--raw M", lambda row: millions(row.raw.throughput if row.raw else None)),
    ("times", lambda row: number(row.throughput_ratio(row.raw), ".1f")),
    *TRACE,
]
PROCESSES: list[Column] = [
    NAME,
    ("processes", lambda row: str(row.workload.n_processes)),
    ("native s", lambda row: f"{row.native.wall_seconds:.2f}"),
    ("vizzy adds s", lambda row: number(row.added_seconds(row.vizzy), "+.2f")),
    (
        "ms a process",
        lambda row: number((row.added_seconds(row.vizzy) or 0) * 1000 / max(1, row.workload.n_processes), "+.2f"),
    ),
]
MEMORY: list[Column] = [
    NAME,
    ("native MiB", lambda row: mebibytes(row.native.peak_rss_bytes)),
    ("vizzy adds MiB", lambda row: mebibytes(row.added_bytes(row.vizzy))),
    ("vizzytrace MiB", lambda row: mebibytes(row.vizzy.recorder_bytes)),
    ("heaptrack adds MiB", lambda row: mebibytes(row.added_bytes(row.peer))),
    ("heaptrack's own MiB", lambda row: mebibytes(row.peer.recorder_bytes if row.peer else None)),
]


def print_table(title: str, columns: Sequence[Column], rows: Sequence[Row], *, markdown: bool) -> None:
    """Prints the rows under a title; nothing if there are none."""
    if not rows:
        return
    lines = [[heading for heading, _ in columns], *([cell(row) for _, cell in columns] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    print(f"\n{title}\n")
    for n, line in enumerate(lines):
        first, *others = (
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        print("| " + " | ".join([first, *others]) + " |" if markdown else "  ".join([first, *others]))
        if markdown and n == 0:
            print("|---|" + "---:|" * len(others))


def print_mean(rows: Sequence[Row]) -> None:
    """Prints the geometric mean of the ratios of added time, for each of heaptrack's modes."""
    for name, ratios in (
        ("heaptrack", [row.time_ratio(row.peer) for row in rows]),
        ("heaptrack --raw", [row.time_ratio(row.raw) for row in rows]),
    ):
        known = [ratio for ratio in ratios if ratio is not None]
        if known:
            mean = math.exp(statistics.fmean(map(math.log, known)))
            print(f"\nAdded time over that of {name}: geometric mean {mean:.3f}, highest {max(known):.2f}.")


def print_tables(rows: Sequence[Row], *, markdown: bool) -> None:
    """Prints all there is to say of the rows."""
    fixed = [row for row in rows if row.native.throughput]
    processes = [row for row in rows if row.workload.n_processes]
    timed = [row for row in rows if row not in fixed and row not in processes]
    print_table("Time", TIMES, timed, markdown=markdown)
    print_mean(timed)
    print_table("Throughput", THROUGHPUTS, fixed, markdown=markdown)
    print_table("Short processes", PROCESSES, processes, markdown=markdown)
    print_table("Peak memory", MEMORY, [*timed, *fixed], markdown=markdown)
