"""Runs `vizreport receive` and streams to it, for the integration tests."""

import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from recording import ROOT, Counts, Recording, read_recording, read_tallies

TIMEOUT_S = 60.0
Process = subprocess.Popen[str]


@dataclass
class Receiver:
    """A running `vizreport receive`, and what it says."""

    process: Process
    port: int
    said: Path

    def wait(self) -> str:
        """Waits for its end, and returns what it said."""
        self.process.wait(TIMEOUT_S)
        return self.said.read_text()

    def wait_for(self, pattern: str) -> None:
        """Waits until it says something."""
        wait_until(lambda: re.search(pattern, self.said.read_text()), self.process)


def vizreport(*arguments: str) -> list[str]:
    """The command with this checkout's vizreport."""
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from vizreport.cli.main import main; sys.exit(main())"
    return [sys.executable, "-c", code, *arguments]


@contextmanager
def receiving(
    output: Path,
    *options: str,
    listen: str = "127.0.0.1:0",
    limit_bytes: int | None = None,
    prefix: tuple[str, ...] = (),
) -> Iterator[Receiver]:
    """Runs `vizreport receive`, and ends it by Ctrl-C if it has not ended.

    Args:
        output: Its -o.
        options: Others.
        listen: Its --listen.
        limit_bytes: How long files may become.
        prefix: A command that runs it.
    """
    said = output.with_name(f"{output.name}.{time.monotonic_ns()}.said")

    def limit() -> None:
        if limit_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    with said.open("w") as stderr:
        process = subprocess.Popen(
            [*prefix, *vizreport("receive", "--listen", listen, "-o", str(output), *options)],
            stderr=stderr,
            text=True,
            preexec_fn=limit,
        )
    try:
        wait_until(lambda: "listening on" in said.read_text(), process)
        found = re.search(r"listening on .*:(\d+)", said.read_text())
        assert found
        yield Receiver(process, int(found[1]), said)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(TIMEOUT_S)


def wait_until(condition: Callable[[], object], process: Process) -> None:
    """Waits until something is so, while a process runs."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        if condition():
            return
        assert process.poll() is None, "it has ended"
        time.sleep(0.01)
    raise AssertionError("it did not happen")


def start(*command: str | Path) -> Process:
    """Starts a command; what it prints can be read when it has ended."""
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def stream(vizzytrace: Path, port: int, *command: str | Path, options: tuple[str, ...] = ()) -> Process:
    """Starts a streamed recording."""
    return start(vizzytrace, *options, f"tcp://127.0.0.1:{port}", *command)


def finish(process: Process, trace: Path) -> Recording:
    """Waits for a streamed recording, and reads what arrived."""
    stdout, stderr = process.communicate(timeout=TIMEOUT_S)
    return read_recording(trace, process.returncode, stdout, stderr)


def check_exact(recording: Recording) -> None:
    """The trace is whole, and counts what the program counted."""
    assert recording.status == 0, recording.stderr
    assert recording.summary["trace"]["complete"]
    assert not recording.anomalies
    assert recording.main.counts == read_tallies(recording.stdout)[0].counts


def has_come(trace: Path, n_bytes: int = 1) -> bool:
    """Tells whether so much of a trace is there."""
    return trace.exists() and trace.stat().st_size >= n_bytes


def read_counts(stdout: str) -> dict[int, Counts]:
    """What programs say that they did, by pid."""
    return {tally.pid: tally.counts for tally in read_tallies(stdout)}
