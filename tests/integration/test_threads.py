"""Many threads on one heap: nothing lost, nothing invented, nobody waits for another."""

import csv
import json
import subprocess
import time
from pathlib import Path

import pytest
from recording import Counts, Program, Record, read_tallies, run_vizreport


@pytest.mark.parametrize("attempt", range(5))
def test_eight_threads_on_one_arena_are_exact(record: Record, program: Program, attempt: int) -> None:
    path = program("threads_arena.c")
    idle = record(path, "8", "0")
    recording = record(path, "8", "50000")
    assert recording.status == 0, recording.stderr
    assert not recording.anomalies
    tally = read_tallies(recording.stdout)[0]
    # The C library's own blocks, one for each thread, are the same without any work.
    assert recording.main.counts - idle.main.counts == tally.counts
    assert recording.main.counts.in_use_bytes == idle.main.counts.in_use_bytes


def test_small_buffers_lose_nothing(record: Record, program: Program) -> None:
    path = program("threads_arena.c")
    idle = record(path, "8", "0")
    recording = record(path, "8", "50000", options=["--buffer", "64K"])
    assert not recording.anomalies
    assert recording.main.counts - idle.main.counts == read_tallies(recording.stdout)[0].counts


def test_what_is_dropped_is_counted(record: Record, program: Program) -> None:
    path = program("threads_arena.c")
    idle = record(path, "4", "0")
    recording = record(path, "4", "100000", options=["--buffer", "64K", "--when-full", "drop"])
    assert recording.status == 0
    counts = recording.main.counts - idle.main.counts
    tally = read_tallies(recording.stdout)[0].counts
    missing = tally.allocs + tally.frees - counts.allocs - counts.frees
    dropped = recording.main.anomalies.get("dropped_events", 0)
    # A reallocation is two of the tally's calls and two events, of which one may be kept.
    assert missing / 2 <= dropped <= missing * 2


def test_a_thousand_live_threads_do_not_wait(record: Record, program: Program) -> None:
    path = program("threads_many.c")
    idle = record(path, "1000", "0", options=["--buffer", "256K"])
    begin = time.monotonic()
    recording = record(path, "1000", "20", options=["--buffer", "256K"], timeout=60)
    assert time.monotonic() - begin < 20
    assert recording.status == 0, recording.stderr
    assert not recording.anomalies
    assert recording.main.counts - idle.main.counts == read_tallies(recording.stdout)[0].counts
    assert recording.main.raw["threads"] == 1001


def test_threads_that_come_and_go_are_exact(record: Record, program: Program) -> None:
    idle = record(program("thread_ends.c"), "0")
    recording = record(program("thread_ends.c"), "2000")
    assert recording.status == 0, recording.stderr
    assert not recording.anomalies
    counts = recording.main.counts - idle.main.counts
    tally, nothing = (read_tallies(run.stdout)[0].counts for run in (recording, idle))
    # The C library keeps one stack, with the block that belongs to it, and gives it to each new thread.
    assert counts == tally - nothing
    assert recording.main.raw["threads"] == 2002


def test_threads_have_ids_and_names(record: Record, program: Program) -> None:
    recording = record(program("threads_many.c"), "6", "3")
    threads = recording.info()["processes"][0]["threads"]
    names = [thread["name"] for thread in threads]
    assert {"odd 1", "odd 3", "odd 5"} <= set(names)
    assert names.count("threads_many") == 4  # the main thread, and those that kept its name
    assert len({thread["tid"] for thread in threads}) == 7
    assert recording.main.pid in {thread["tid"] for thread in threads}


def replay(path: Path, sizes: set[int]) -> Counts:
    """Counts the blocks of these sizes in a CSV trace."""
    live: dict[str, int] = {}
    allocs = frees = allocated = 0
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            size = int(row["size"])
            if row["function"] in ("free", "realloc_release") and row["address"] in live:
                frees += 1
                del live[row["address"]]
            elif row["function"] in ("malloc", "realloc") and size in sizes:
                assert row["address"] not in live
                live[row["address"]] = size
                allocs += 1
                allocated += size
    return Counts(allocs, frees, allocated, sum(live.values()), len(live))


def test_a_storm_of_threads_with_handlers_is_exact(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    """Threads that start and end all the time, are interrupted, and allocate in their last destructors."""
    path = tmp_path / "t.csv"
    command: list[str | Path] = [vizzytrace, "-q", path, program("storm.c"), "1500"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 0, run.stderr
    assert replay(path, {5003, 5005, 5007, 5009}) == read_tallies(run.stdout)[0].counts
    anomalies = json.loads(run_vizreport("summary", "--json", str(path)))["processes"][0]["anomalies"]
    assert not any(anomalies.values())
