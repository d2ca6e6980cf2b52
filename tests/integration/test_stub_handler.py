"""A handler that interrupts a wait for room, reached by code that can't be unwound: nothing goes missing silently."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from recording import ENVIRONMENT, TIMEOUT_SECONDS, Program, read_recording, read_tallies

N_SIGNALS = 10


def child_of(pid: int) -> int:
    """The only child of a process, once there is one."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not children.read_text() and time.monotonic() < deadline:
        time.sleep(0.01)
    return int(children.read_text())


def interrupt_waits(run: subprocess.Popen[str]) -> None:
    """Stops vizzytrace, which takes events out, so that the program has to wait for room; and interrupts it then."""
    recorded = child_of(run.pid)
    for _ in range(N_SIGNALS):
        run.send_signal(signal.SIGSTOP)
        try:
            time.sleep(0.06)
            os.kill(recorded, signal.SIGUSR2)
            time.sleep(0.03)
        finally:
            run.send_signal(signal.SIGCONT)
        time.sleep(0.02)


def test_a_hook_that_waits_is_interrupted(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    trace, rounds = tmp_path / "trace", 4_000_000
    command = [str(vizzytrace), "-q", "--buffer", "256K", str(trace), str(program("stub_handler.c")), str(rounds)]
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "ready\n"
        interrupt_waits(run)
        stdout, _ = run.communicate(timeout=TIMEOUT_SECONDS)
    recording = read_recording(trace, run.returncode, stdout, "")
    (tally,) = read_tallies(stdout)
    assert tally.counts.allocs == rounds + N_SIGNALS
    assert recording.main.counts == tally.counts
    assert recording.main.anomalies.keys() <= {"unwind_gaps"}
