"""Measures what recording costs: each workload natively, under vizzytrace and under heaptrack, in turn in one run.

Prints a table and writes build/bench/results.json. Standard library only; `./dev bench` runs it.
"""

import argparse
import json
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from measure import Measurement, RunError, measure
from workloads import WORKLOADS, Workload, missing_tools

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "bench"
VIZZYTRACE = Path(os.environ.get("VIZZYTRACE", ROOT / "build" / "release" / "launcher" / "vizzytrace"))
QUICK_SCALE = 0.1
LEAST_RATIO = 0.02  # a lower one is noise: it counts as this


@dataclass(frozen=True, slots=True)
class Row:
    """The medians of one workload. Seconds and bytes; `events` is None where vizreport could not say."""

    name: str
    native: Measurement
    vizzy: Measurement
    heaptrack: Measurement | None
    trace_bytes: int
    events: int | None

    @property
    def vizzy_added(self) -> float:
        """Seconds of wall-clock that vizzytrace adds."""
        return self.vizzy.wall_seconds - self.native.wall_seconds

    @property
    def heaptrack_added(self) -> float | None:
        """Seconds of wall-clock that heaptrack adds."""
        return self.heaptrack.wall_seconds - self.native.wall_seconds if self.heaptrack else None

    @property
    def ratio(self) -> float | None:
        """What vizzytrace adds over what heaptrack adds."""
        if self.heaptrack_added is None or self.heaptrack_added <= 0:
            return None
        return max(LEAST_RATIO, self.vizzy_added / self.heaptrack_added)


def median(runs: Sequence[Measurement]) -> Measurement:
    """The median of each measure by itself."""
    return Measurement(
        statistics.median(run.wall_seconds for run in runs),
        statistics.median(run.user_seconds for run in runs),
        statistics.median(run.system_seconds for run in runs),
        int(statistics.median(run.peak_rss_bytes for run in runs)),
    )


def count_events(trace: Path) -> int | None:
    """Events in a trace, as vizreport counts them; None if it can't."""
    vizreport = shutil.which("vizreport")
    if vizreport is None:
        return None
    run = subprocess.run([vizreport, "info", "--json", str(trace)], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        print(f"bench: vizreport info failed: {run.stderr.strip()}", file=sys.stderr)
        return None
    return int(json.loads(run.stdout)["blocks"]["events"]["records"])


def run_workload(workload: Workload, *, runs: int, peer: bool, scratch: Path) -> Row:
    """Runs a workload natively, under vizzytrace and under heaptrack, `runs` times in turn.

    Raises:
        RunError: One of the runs failed.
    """
    trace, peer_trace = scratch / "vizzy.trace", scratch / "heaptrack"
    commands = {
        "native": list(workload.command),
        "vizzy": [str(VIZZYTRACE), "-q", str(trace), *workload.command],
    }
    if peer:
        # Raw: it only records, as vizzytrace does. Else it reads debug information too, for cc1plus a minute and 18 GB.
        commands["heaptrack"] = ["heaptrack", "--raw", "-o", str(peer_trace), *workload.command]
    environment = {**os.environ, **workload.environment}
    measured: dict[str, list[Measurement]] = {how: [] for how in commands}
    for _ in range(runs):
        for how, command in commands.items():
            measured[how].append(measure(command, environment=environment, stdin=workload.stdin, scratch=scratch))
    medians = {how: median(measurements) for how, measurements in measured.items()}
    return Row(
        workload.name,
        medians["native"],
        medians["vizzy"],
        medians.get("heaptrack"),
        trace.stat().st_size,
        count_events(trace),
    )


def format_number(value: float | None, pattern: str) -> str:
    """A number as the table shows it, or a dash."""
    return "-" if value is None else format(value, pattern)


def table_cells(row: Row) -> list[str]:
    """One row of the table."""
    mebibyte = 1 << 20
    return [
        row.name,
        f"{row.native.wall_seconds:.2f}",
        f"{row.vizzy_added:+.2f}",
        format_number(row.heaptrack_added, "+.2f"),
        format_number(row.ratio, ".2f"),
        format_number(row.events / 1e6 if row.events is not None else None, ".1f"),
        format_number(row.trace_bytes / row.events if row.events else None, ".2f"),
        f"{row.native.peak_rss_bytes / mebibyte:.0f}",
        f"{row.vizzy.peak_rss_bytes / mebibyte:.0f}",
        format_number(row.heaptrack.peak_rss_bytes / mebibyte if row.heaptrack else None, ".0f"),
    ]


HEADINGS = [
    "workload",
    "native s",
    "vizzy adds s",
    "heaptrack adds s",
    "ratio",
    "M events",
    "B/event",
    "native MiB",
    "vizzy MiB",
    "heaptrack MiB",
]


def print_table(rows: Sequence[Row], *, markdown: bool) -> None:
    """Prints the rows, and the geometric mean of their ratios."""
    lines = [HEADINGS, *(table_cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADINGS))]
    for number, line in enumerate(lines):
        cells = [
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        print("| " + " | ".join(cells) + " |" if markdown else "  ".join(cells))
        if markdown and number == 0:
            print("|" + "|".join(["---"] + ["---:"] * (len(HEADINGS) - 1)) + "|")
    ratios = [row.ratio for row in rows if row.ratio is not None]
    if ratios:
        print(f"\nGeometric mean of the ratios: {math.exp(statistics.fmean(map(math.log, ratios))):.3f}")


def describe_machine() -> dict[str, str | int | None]:
    """What the figures depend on."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    peer = shutil.which("heaptrack")
    version = subprocess.run([peer, "--version"], capture_output=True, text=True, check=False).stdout if peer else ""
    return {
        "processor": models[0].partition(":")[2].strip() if models else platform.machine(),
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "libc": " ".join(platform.libc_ver()),
        "heaptrack": version.strip(),
        "date": time.strftime("%Y-%m-%d"),
    }


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=f"of {', '.join(WORKLOADS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, and one run of each")
    parser.add_argument("--runs", type=int, metavar="N", help="runs of which the medians are taken (default 3)")
    parser.add_argument("--no-peer", action="store_true", help="leave heaptrack out")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    arguments = parser.parse_args()
    unknown = set(arguments.workloads) - set(WORKLOADS)
    if unknown:
        parser.error(f"no such workload: {', '.join(sorted(unknown))}")
    return arguments


def main() -> int:
    """Runs the benchmark."""
    arguments = parse_arguments()
    missing = set(missing_tools()) - ({"heaptrack"} if arguments.no_peer else set())
    if missing:
        print(f"bench: not installed: {', '.join(sorted(missing))}", file=sys.stderr)
        return 1
    BUILD.mkdir(parents=True, exist_ok=True)
    scale, runs = (QUICK_SCALE, 1) if arguments.quick else (1.0, 3)
    rows = []
    with tempfile.TemporaryDirectory(prefix="vizzy-bench-") as scratch:
        for name in arguments.workloads or WORKLOADS:
            print(f"bench: {name}", file=sys.stderr)
            workload = WORKLOADS[name](BUILD, scale)
            try:
                peer = not arguments.no_peer
                rows.append(run_workload(workload, runs=arguments.runs or runs, peer=peer, scratch=Path(scratch)))
            except RunError as error:
                print(f"bench: {error}", file=sys.stderr)
                return 1
    results = {"machine": describe_machine(), "scale": scale, "rows": [asdict(row) for row in rows]}
    (BUILD / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    print_table(rows, markdown=arguments.markdown)
    return 0


if __name__ == "__main__":
    sys.exit(main())
