"""Measures `vizreport summary` beside `heaptrack_print`, each on its own recordings of the same runs, in turn.

`.venv/bin/python bench/analysis.py NAME=TRACE,HEAPTRACK_FILE...`; without arguments only what needs no recording:
--help, and a summary of 10,000 events. Standard library only.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VIZREPORT = Path(sys.executable).with_name("vizreport")
VIZZYTRACE = Path(os.environ.get("VIZZYTRACE", ROOT / "build" / "release" / "launcher" / "vizzytrace"))
SMALL = "import sys; x = [bytearray(1000 + k) for k in range(5000)]"


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one command, or the medians of several runs of it."""

    wall_seconds: float
    cpu_seconds: float
    peak_rss_bytes: int


@dataclass(frozen=True, slots=True)
class Run:
    """One run recorded by both."""

    name: str
    trace: Path
    heaptrack_file: Path


def parse_run(text: str) -> Run:
    """Reads NAME=TRACE,HEAPTRACK_FILE."""
    name, _, paths = text.partition("=")
    trace, _, heaptrack_file = paths.partition(",")
    if not heaptrack_file:
        raise argparse.ArgumentTypeError(f"{text} is not NAME=TRACE,HEAPTRACK_FILE")
    return Run(name, Path(trace), Path(heaptrack_file))


def measure(command: list[str]) -> Cost:
    """Runs a command, its output thrown away.

    Raises:
        SystemExit: It failed.
    """
    with open(os.devnull, "wb") as nothing:
        started = time.monotonic()
        pid = os.posix_spawnp(
            command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, nothing.fileno(), 1)]
        )
        _, status, usage = os.wait4(pid, 0)
        wall_seconds = time.monotonic() - started
    if status != 0:
        sys.exit(f"bench: {' '.join(command)} failed")
    return Cost(wall_seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def measure_in_turn(commands: Sequence[list[str]], runs: int) -> list[Cost]:
    """Returns the medians of each command, after one round that counts for nothing: it fills caches."""
    rounds = [[measure(command) for command in commands] for _ in range(runs + 1)]
    return [
        Cost(
            statistics.median(each.wall_seconds for each in column),
            statistics.median(each.cpu_seconds for each in column),
            int(statistics.median(each.peak_rss_bytes for each in column)),
        )
        for column in zip(*rounds[1:], strict=True)
    ]


def describe(cost: Cost) -> str:
    """Returns wall seconds, CPU seconds and MiB."""
    return f"{cost.wall_seconds:7.2f} {cost.cpu_seconds:7.2f} {cost.peak_rss_bytes / 2**20:6.0f}"


def print_small(runs: int, scratch: Path) -> None:
    """Prints what starting costs."""
    trace = scratch / "small.trace"
    record = [str(VIZZYTRACE), "-q", str(trace), sys.executable, "-c", SMALL]
    measure(record)
    names = ("vizreport --help", "vizreport summary, some 10,000 events")
    commands = ([str(VIZREPORT), "--help"], [str(VIZREPORT), "summary", str(trace)])
    for name, cost in zip(names, measure_in_turn(commands, runs), strict=True):
        print(f"{name:40} {describe(cost)}")


def print_run(run: Run, options: Sequence[str], runs: int) -> None:
    """Prints a line for one run."""
    commands = (
        [str(VIZREPORT), "summary", *options, str(run.trace)],
        ["heaptrack_print", str(run.heaptrack_file)],
    )
    ours, theirs = measure_in_turn(commands, runs)
    ratio = ours.wall_seconds / theirs.wall_seconds
    print(f"{run.name:40} {describe(ours)}   {describe(theirs)}   {ratio:5.2f}")


def main() -> None:
    """Prints a line for each run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("recordings", type=parse_run, nargs="*", metavar="NAME=TRACE,HEAPTRACK_FILE")
    parser.add_argument("--runs", type=int, default=3, help="of each command (default 3); medians are printed")
    parser.add_argument("--no-symbols", action="store_true", help="measure without looking for names")
    options = parser.parse_args()
    if options.recordings and not shutil.which("heaptrack_print"):
        sys.exit("bench: heaptrack_print is missing: install heaptrack")
    print(f"{'seconds, CPU seconds, MiB of':40} {'vizreport':>22}   {'heaptrack_print':>22}   ratio")
    with tempfile.TemporaryDirectory() as folder:
        print_small(options.runs, Path(folder))
        for run in options.recordings:
            print_run(run, ["--no-symbols"] if options.no_symbols else [], options.runs)


if __name__ == "__main__":
    main()
