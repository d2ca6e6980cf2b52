"""A handler that interrupts a wait inside a hook, and whose stack can't be walked, loses nothing and breaks nothing."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from recording import Program, read_recording, read_tallies

ROUNDS = "100000"
N_SIGNALS = 5
FUTEX = "202"  # its number on x86-64


def waits_in_hook(pid: int) -> bool:
    """Whether a process waits for the recorder."""
    return Path(f"/proc/{pid}/syscall").read_text().split(" ")[0] == FUTEX


@pytest.mark.parametrize("code", ["module", "made"])
def test_hidden_handler(vizzytrace: Path, program: Program, tmp_path: Path, code: str) -> None:
    trace = tmp_path / "a.trace"
    recorder = subprocess.Popen(
        [vizzytrace, "-q", "--buffer", "64K", trace, program("hidden_handler.c", "-no-pie"), ROUNDS, code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert recorder.stdout is not None
    pid = int(recorder.stdout.readline())
    os.kill(recorder.pid, signal.SIGSTOP)
    try:
        assert recorder.stdin is not None
        recorder.stdin.write("x")
        recorder.stdin.flush()
        deadline = time.monotonic() + 30
        while not waits_in_hook(pid):
            assert time.monotonic() < deadline, "the pool does not get full"
            time.sleep(0.01)
        for _ in range(N_SIGNALS):
            os.kill(pid, signal.SIGUSR2)
            time.sleep(0.02)
    finally:
        os.kill(recorder.pid, signal.SIGCONT)
    stdout, stderr = recorder.communicate(timeout=60)
    recording = read_recording(trace, recorder.returncode, stdout, stderr)
    assert recording.status == 0, stderr
    assert recording.main.anomalies.keys() <= {"unwind_gaps"}  # of the stacks of the handler itself
    assert recording.main.counts == read_tallies(stdout)[0].counts
