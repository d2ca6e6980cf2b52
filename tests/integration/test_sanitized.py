"""The whole recorder under sanitizers: the collector under ASan, UBSan and TSan, the library under UBSan.

A finding ends vizzytrace with a status of its own and a report; in the library, which can have no runtime, it ends the
recorded program by SIGILL. Either way the program's own status is not what comes back.
"""

import os
import re
import signal
from pathlib import Path

import pytest
from recording import ENVIRONMENT, Program, Recording, find_vizzytrace, read_tallies, record

# A string that only a program built with this sanitizer has.
MARKS = {"asan": b"__asan_init", "ubsan": b"__ubsan_handle", "tsan": b"__tsan_init"}
TRAP = b"\x0f\x0b"  # ud2
REPORT = re.compile(r"runtime error|Sanitizer")


@pytest.fixture(params=MARKS)
def sanitized(request: pytest.FixtureRequest) -> Path:
    """vizzytrace of each variant."""
    path = find_vizzytrace(request.param)
    if not path.exists():
        reason = f"{path} is not built: run `scons {request.param}`"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def record_sanitized(
    vizzytrace: Path, directory: Path, *command: str | Path, status: int = 0, options: tuple[str, ...] = ()
) -> Recording:
    """Records a command whose status must come back, without a report."""
    recording = record(directory / "t.trace", command, env=ENVIRONMENT, vizzytrace=vizzytrace, options=options)
    assert recording.status == status, recording.stderr
    assert not REPORT.search(recording.stderr), recording.stderr
    assert not recording.anomalies
    return recording


def test_the_sanitizers_are_there(sanitized: Path) -> None:
    contents = sanitized.read_bytes()
    builds = sanitized.parents[2]
    plain, trap = [(builds / name / "libtrace/record/libvizzy.so").read_bytes() for name in ("release", "trap")]
    assert MARKS[sanitized.parents[1].name] in contents
    assert trap in contents
    assert trap.count(TRAP) > plain.count(TRAP) + 100


def test_functions(sanitized: Path, program: Program, tmp_path: Path) -> None:
    recording = record_sanitized(sanitized, tmp_path, program("every_function.c"), options=("--free-stacks",))
    assert recording.main.counts == read_tallies(recording.stdout)[0].counts


def test_threads(sanitized: Path, program: Program, tmp_path: Path) -> None:
    record_sanitized(sanitized, tmp_path, program("threads_arena.c"), "6", "10000", options=("--buffer", "64K"))


def test_thread_ends(sanitized: Path, program: Program, tmp_path: Path) -> None:
    record_sanitized(sanitized, tmp_path, program("thread_ends.c"), "300")


def test_frames(sanitized: Path, program: Program, tmp_path: Path) -> None:
    record_sanitized(sanitized, tmp_path, program("frames.c", "-Wl,-z,lazy"), "100")


def test_exceptions(sanitized: Path, program: Program, tmp_path: Path) -> None:
    record_sanitized(sanitized, tmp_path, program("exceptions.cpp"), "100")


def test_handlers(sanitized: Path, program: Program, tmp_path: Path) -> None:
    record_sanitized(sanitized, tmp_path, program("handlers.c"), "30")


@pytest.mark.parametrize("way", ["fork", "clone", "fork_exec", "vfork_exec", "spawn", "generations", "failed_exec"])
def test_processes(sanitized: Path, program: Program, tmp_path: Path, way: str) -> None:
    recording = record_sanitized(sanitized, tmp_path, program("families.c"), way)
    for tally in read_tallies(recording.stdout):
        assert tally.counts in [image.counts for image in recording.images]


def test_many_forks(sanitized: Path, program: Program, tmp_path: Path) -> None:
    record_sanitized(sanitized, tmp_path, program("fork_storm.c"))


def test_unloaded_libraries(sanitized: Path, program: Program, tmp_path: Path) -> None:
    shared = ("-shared", "-fPIC", "-fvisibility=hidden")
    first = program("plugin.c", *shared, output="plugin_a.so")
    second = program("plugin.c", *shared, output="plugin_b.so")
    record_sanitized(sanitized, tmp_path, program("plugins.c"), first, second, "20")


@pytest.mark.parametrize("way", ["kill", "abort", "_exit", "exec"])
def test_endings(sanitized: Path, program: Program, tmp_path: Path, way: str) -> None:
    status = {"kill": -signal.SIGKILL, "abort": -signal.SIGABRT, "_exit": 3, "exec": 6}[way]
    record_sanitized(sanitized, tmp_path, program("endings.c"), way, tmp_path / "ledger", "4", "5000", status=status)


def test_a_shell_with_children_as_csv(sanitized: Path, tmp_path: Path) -> None:
    script = "for i in 1 2 3; do echo $i | sort | tr 1 2; done; exit 4"
    recording = record_sanitized(sanitized, tmp_path, "sh", "-c", script, status=4, options=("--format", "csv"))
    assert len(recording.images) > 6
