"""Measures what recording costs: each workload natively, under vizzytrace and under heaptrack, in turn in one run.

Prints tables and writes build/bench/results.json. Standard library only; `./dev bench` runs it.
"""

import argparse
import json
import os
import platform
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from measure import Measurement, RunError, measure
from table import Row, print_tables
from workloads import WORKLOADS, Workload, find_mimalloc_bench, missing_tools

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "bench"
VIZZYTRACE = Path(os.environ.get("VIZZYTRACE", ROOT / "build" / "release" / "launcher" / "vizzytrace"))
QUICK_SCALE = 0.1
RUNS = 5


def median(runs: Sequence[Measurement]) -> Measurement:
    """The median of each measure by itself; of memory, the most."""
    throughputs = [run.throughput for run in runs if run.throughput is not None]
    return Measurement(
        statistics.median(run.wall_seconds for run in runs),
        statistics.median(run.user_seconds for run in runs),
        statistics.median(run.system_seconds for run in runs),
        max(run.peak_rss_bytes for run in runs),
        max(run.recorder_bytes for run in runs),
        statistics.median(throughputs) if throughputs else None,
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


def recorders(workload: Workload, peers: Sequence[str], trace: Path, peer_trace: Path) -> dict[str, list[str]]:
    """What stands before the command, for each way of running it."""
    prefixes = {
        "native": [],
        "vizzy": [str(VIZZYTRACE), "-q", str(trace)],
        "peer": ["heaptrack", "-o", str(peer_trace)],
        "raw": ["heaptrack", "--raw", "-o", str(peer_trace)],
    }
    if workload.n_processes:  # heaptrack records the first process alone
        peers = []
    return {how: prefix for how, prefix in prefixes.items() if how in ("native", "vizzy", *peers)}


def run_workload(workload: Workload, *, runs: int, peers: Sequence[str], scratch: Path) -> Row:
    """Runs a workload in each way, `runs` times in turn.

    Raises:
        RunError: One of the runs failed.
    """
    trace = scratch / "vizzy.trace"
    prefixes = recorders(workload, peers, trace, scratch / "heaptrack")
    environment = {**os.environ, **workload.environment}
    measured: dict[str, list[Measurement]] = {how: [] for how in prefixes}
    for _ in range(runs):
        for how, prefix in prefixes.items():
            run = measure(
                [*prefix, *workload.command],
                program=workload.program,
                environment=environment,
                stdin=workload.stdin,
                scratch=scratch,
            )
            measured[how].append(run)
            for left in scratch.glob("heaptrack*"):
                left.unlink()
    medians = {how: median(measurements) for how, measurements in measured.items()}
    return Row(
        workload,
        medians["native"],
        medians["vizzy"],
        medians.get("peer"),
        medians.get("raw"),
        trace.stat().st_size,
        count_events(trace),
    )


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
    parser.add_argument(
        "--command", action="append", default=[], metavar="COMMAND", help="a command to measure as well"
    )
    parser.add_argument("--mimalloc-bench", type=Path, metavar="DIR", help="its built programs (out/bench) as well")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, and one run of each")
    parser.add_argument("--runs", type=int, metavar="N", help=f"runs of which the medians are taken (default {RUNS})")
    parser.add_argument("--no-raw", action="store_true", help="leave heaptrack --raw out")
    parser.add_argument("--no-peer", action="store_true", help="leave heaptrack out")
    parser.add_argument("--markdown", action="store_true", help="print the tables as Markdown")
    arguments = parser.parse_args()
    unknown = set(arguments.workloads) - set(WORKLOADS)
    if unknown:
        parser.error(f"no such workload: {', '.join(sorted(unknown))}")
    return arguments


def choose_workloads(arguments: argparse.Namespace) -> Iterator[Workload]:
    """What the command line asks for: all of our own, unless it names something."""
    names = arguments.workloads
    if not names and not arguments.command and not arguments.mimalloc_bench:
        names = list(WORKLOADS)
    for name in names:
        yield WORKLOADS[name](BUILD, QUICK_SCALE if arguments.quick else 1.0)
    if arguments.mimalloc_bench:
        yield from find_mimalloc_bench(arguments.mimalloc_bench.resolve())
    for command in arguments.command:
        yield Workload(command, tuple(shlex.split(command)))


def main() -> int:
    """Runs the benchmark."""
    arguments = parse_arguments()
    peers = [] if arguments.no_peer else ["peer"] if arguments.no_raw else ["peer", "raw"]
    missing = set(missing_tools()) - (set() if peers else {"heaptrack"})
    if missing:
        print(f"bench: not installed: {', '.join(sorted(missing))}", file=sys.stderr)
        return 1
    BUILD.mkdir(parents=True, exist_ok=True)
    runs = arguments.runs or (1 if arguments.quick else RUNS)
    rows = []
    with tempfile.TemporaryDirectory(prefix="vizzy-bench-") as scratch:
        for workload in choose_workloads(arguments):
            print(f"bench: {workload.name}", file=sys.stderr)
            try:
                rows.append(run_workload(workload, runs=runs, peers=peers, scratch=Path(scratch)))
            except RunError as error:
                print(f"bench: {error}", file=sys.stderr)
                return 1
            # After each one: what took long is not lost when a later one fails.
            results = {"machine": describe_machine(), "runs": runs, "rows": [asdict(row) for row in rows]}
            (BUILD / "results.json").write_text(json.dumps(results, indent=1, default=str) + "\n")
    print_tables(rows, markdown=arguments.markdown)
    return 0


if __name__ == "__main__":
    sys.exit(main())
