"""However a process ends, its trace holds every call up to the last instant, and vizzytrace ends the same way.

tests/programs/endings.c writes each call into a shared mapping before and after it: the trace must lie between.
"""

import os
import random
import signal
import struct
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from recording import Image, Program, Record, read_main_images, read_recording

ROW = struct.Struct("<8Q")

# Threads are made before any of the program's own calls: one block of the C library for each but the first.
LIBC_ALLOCS_PER_THREAD = 1


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the program wrote of its own calls: begun is done, or one more in each thread."""

    pid: int
    n_threads: int
    running: int
    allocs_begun: int
    allocs_done: int
    frees_begun: int
    frees_done: int

    @classmethod
    def read(cls, path: Path) -> "Ledger":
        """Reads the file that the program mapped; all zero as long as it is not there."""
        data = path.read_bytes() if path.exists() else b""
        rows = list(ROW.iter_unpack(data)) or [(0,) * 8]
        sums = [sum(column) for column in zip(*rows[1:], strict=True)][:4] or [0, 0, 0, 0]
        return cls(*rows[0][:3], *sums)


def assert_complete(image: Image, ledger: Ledger) -> None:
    """The image holds all of the ledger's calls, and no more than were begun."""
    allocs = image.counts.allocs - LIBC_ALLOCS_PER_THREAD * (ledger.n_threads - 1)
    assert ledger.allocs_done <= allocs <= ledger.allocs_begun
    assert ledger.frees_done <= image.counts.frees <= ledger.frees_begun
    assert not image.anomalies


STATUSES = {
    "kill": -signal.SIGKILL,
    "_exit": 3,
    "abort": -signal.SIGABRT,
    "segfault": -signal.SIGSEGV,
    "quick_exit": 4,
    "exit": 5,
    "exec": 6,
}


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("way", STATUSES)
def test_nothing_is_lost(record: Record, program: Program, tmp_path: Path, way: str, threads: int) -> None:
    recording = record(program("endings.c"), way, tmp_path / "ledger", str(threads), "20011")
    assert recording.status == STATUSES[way], recording.stderr
    ledger = Ledger.read(tmp_path / "ledger")
    assert ledger.allocs_done > 20011
    assert_complete(recording.images[0], ledger)
    if threads == 1:
        assert recording.images[0].counts.allocs == ledger.allocs_done
        assert recording.images[0].counts.frees == ledger.frees_done
    status = STATUSES[way]
    ending = {"status": status, "signal": None} if status >= 0 else {"status": None, "signal": -status}
    assert recording.images[-1].raw["exit"] == ending
    assert recording.summary["trace"]["complete"] is True


def wait_for_threads(ledger: Path, n_threads: int) -> int:
    """Waits until the program's threads all run, and returns its pid."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        state = Ledger.read(ledger)
        if state.n_threads == n_threads and state.running == n_threads:
            return state.pid
        time.sleep(0.002)
    raise AssertionError("the program did not start its threads within 30 s")


def kill_at_random(vizzytrace: Path, program: Path, trace: Path, seed: int, threads: int) -> Ledger:
    """Starts the program, and kills it by SIGKILL at a random instant. Returns what it wrote until then."""
    ledger = trace.with_suffix(".ledger")
    process = subprocess.Popen([vizzytrace, "-q", trace, program, "run", ledger, str(threads), str(1 << 60)])
    pid = wait_for_threads(ledger, threads)
    time.sleep(random.Random(seed).uniform(0, 0.03))
    os.kill(pid, signal.SIGKILL)
    assert process.wait(timeout=60) == -signal.SIGKILL
    return Ledger.read(ledger)


@pytest.mark.parametrize("threads", [1, 4])
def test_killed_at_random_instants(vizzytrace: Path, program: Program, tmp_path: Path, threads: int) -> None:
    path, together = program("endings.c"), 25  # read together
    n_kills = int(os.environ.get("VIZZY_TEST_KILLS", "100"))
    for first in range(0, n_kills, together):
        seeds = range(first, min(first + together, n_kills))
        traces = [tmp_path / f"{seed - first}.trace" for seed in seeds]
        for trace in traces:
            trace.with_suffix(".ledger").unlink(missing_ok=True)
        ledgers = [
            kill_at_random(vizzytrace, path, trace, seed, threads) for seed, trace in zip(seeds, traces, strict=True)
        ]
        for image, ledger in zip(read_main_images(traces), ledgers, strict=True):
            assert_complete(image, ledger)


def test_a_recording_without_its_collector_does_not_hurt_the_program(
    vizzytrace: Path, program: Program, tmp_path: Path
) -> None:
    trace, ledger = tmp_path / "out.trace", tmp_path / "ledger"
    recorder = subprocess.Popen(
        [vizzytrace, "--buffer", "256K", trace, program("endings.c"), "exit", ledger, "2", "500000"],
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},  # it can't tidy up
    )
    pid = wait_for_threads(ledger, 2)
    recorder.kill()
    recorder.communicate(timeout=30)
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists(), "the program still runs, or waits for the dead collector"
    assert Ledger.read(ledger).allocs_done > 500000
    if trace.exists() and trace.stat().st_size:
        recording = read_recording(trace, 0, "", "")
        assert recording.summary["trace"]["complete"] is False


def test_a_killed_collector_leaves_all_but_the_last_moments(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    trace = tmp_path / "out.trace"
    command: list[str | Path] = ["sh", "-c", '"$0" 1000 1; sleep 3', program("churn.c")]
    env = {**os.environ, "TMPDIR": str(tmp_path)}  # it can't tidy up
    recorder = subprocess.Popen([vizzytrace, "-q", trace, *command], stdout=subprocess.PIPE, env=env)
    time.sleep(2.5)  # what the program did in its first moments has been written by then
    recorder.kill()
    recorder.communicate(timeout=30)
    recording = read_recording(trace, 0, "", "")
    assert recording.summary["trace"]["complete"] is False
    assert any(image.counts.allocs >= 1000 for image in recording.images)


def test_no_core_of_its_own(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    run = subprocess.run(
        [
            "sh",
            "-c",
            'ulimit -c unlimited 2>/dev/null; exec "$@"',
            "sh",
            vizzytrace,
            tmp_path / "t.trace",
            program("endings.c"),
            "abort",
            tmp_path / "ledger",
            "1",
            "10",
        ],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert run.returncode == -signal.SIGABRT
    assert sum("vizzytrace" in path.name for path in tmp_path.iterdir()) == 0
