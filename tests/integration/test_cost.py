"""What recording costs, as far as any machine can assert it: system calls, memory and bytes of trace, no times."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from recording import Program, Record, Recording, Require
from recording import record as record_command


def count_target_calls(recording: Recording, prefix: Path) -> dict[str, int]:
    """How often the recorded process made each system call, by strace's output for it."""
    counts: dict[str, int] = {}
    for line in Path(f"{prefix}.{recording.main.pid}").read_text(errors="replace").splitlines():
        name = line.split("(", 1)[0]
        counts[name] = counts.get(name, 0) + 1
    return counts


def test_the_hot_path_makes_no_system_call(
    vizzytrace: Path, program: Program, require: Require, tmp_path: Path
) -> None:
    strace = require("strace")
    path = program("churn.c")

    def count(pairs: int) -> dict[str, int]:
        prefix = tmp_path / str(pairs)
        wrapper = tmp_path / "wrapper"
        wrapper.write_text(f'#!/bin/sh\nexec {strace} -f -ff -o {prefix} {vizzytrace} "$@"\n')
        wrapper.chmod(0o755)
        # Dropping keeps waits for the collector, which strace slows down, out of the count.
        recording = record_command(
            tmp_path / f"{pairs}.trace", [path, str(pairs), "100"], options=["--when-full", "drop"], vizzytrace=wrapper
        )
        return count_target_calls(recording, prefix)

    few, many = count(100_000), count(1_000_000)
    print(few, many, sep="\n")
    assert sum(many.values()) - sum(few.values()) < 100
    assert many.get("futex", 0) <= few.get("futex", 0) + 2


def bytes_per_event(recording: Recording) -> float:
    """Size of the whole trace over the number of allocations and frees."""
    events = sum(image.counts.allocs + image.counts.frees for image in recording.images)
    size = recording.trace.stat().st_size
    print(f"{size} bytes, {events} events: {size / events:.2f} bytes per event")
    return size / events


@pytest.mark.parametrize("live", [1, 100])
def test_churn_takes_at_most_three_bytes_per_event(record: Record, program: Program, live: int) -> None:
    assert bytes_per_event(record(program("churn.c"), "500000", str(live))) <= 3


def test_a_real_program_takes_at_most_three_bytes_per_event(record: Record) -> None:
    python = os.path.realpath(sys.executable)
    code = (
        "import json; rows = [{'id': i, 'v': list(range(i % 40))} for i in range(6000)]; json.loads(json.dumps(rows))"
    )
    env = {"PATH": os.environ["PATH"], "PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0", "LC_ALL": "C"}
    assert bytes_per_event(record(python, "-s", "-S", "-B", "-c", code, env=env)) <= 3


@pytest.mark.parametrize("threads", [1, 100])
def test_a_program_grows_by_its_pool_and_16_mib_at_most(record: Record, program: Program, threads: int) -> None:
    path = program("threads_busy.c", "-pthread")
    command = [str(path), str(threads), str(3_000_000 // threads)]
    native = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    recorded = int(record(*command).stdout)
    print(f"{recorded} KiB, {native} KiB without")
    assert recorded - native <= (16 + 16) * 1024
