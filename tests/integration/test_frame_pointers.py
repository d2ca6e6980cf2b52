"""Code without unwind data is walked by its frame pointers, be it in a module or not."""

import os
import subprocess
from pathlib import Path

import pytest
from recording import ROOT, Program, Record, Recording, Require, read_tallies


def find_stacks(recording: Recording, bytes_each: int) -> list[list[str]]:
    """The functions of each leak of blocks of that size, leaf first."""
    leaks = recording.main.raw["leaks"]
    return [
        [frame["function"] for frame in leak["stack"]] for leak in leaks if leak["bytes"] == leak["blocks"] * bytes_each
    ]


def test_assembly(record: Record, program: Program) -> None:
    recording = record(program("unwindless.c", "-rdynamic"))
    assert recording.main.counts == read_tallies(recording.stdout)[0].counts
    assert not recording.anomalies
    ((stack),) = find_stacks(recording, 151)
    own = ["allocate", "call", "go_on", "main"]
    assert [name for name in stack if name in own] == own
    assert "_start" in stack[-1]


@pytest.fixture(scope="module")
def cgo(require: Require) -> Path:
    """A Go program that calls C: C code runs on another stack than the Go code that called it."""
    folder, target = ROOT / "build" / "tests", ROOT / "build" / "tests" / "cgo"
    env = {**os.environ, "GOCACHE": str(folder / "go-cache"), "GOFLAGS": "-buildvcs=false", "CGO_ENABLED": "1"}
    command: list[str | Path] = [require("go", "golang-go"), "build", "-o", target, "."]
    subprocess.run(command, cwd=ROOT / "tests" / "programs" / "cgo", env=env, check=True, timeout=300)
    return target


def test_go(record: Record, cgo: Path) -> None:
    recording = record(cgo)
    assert (recording.status, recording.stdout) == (0, "done\n")
    anomalies = {**recording.main.anomalies}
    assert anomalies.pop("unwind_gaps", 0) < 50  # what Go's start and its threads' starts do
    assert not anomalies
    stacks = find_stacks(recording, 151)
    assert stacks
    for stack in stacks:
        assert "main.work" in stack
        assert stack[-1].startswith("runtime.goexit")
