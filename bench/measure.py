"""Runs one command and measures it as the kernel saw it."""

import os
import re
import select
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLE_SECONDS = 0.05  # between two looks at memory: each costs 0.2 ms of a processor that the command may want
THROUGHPUT = re.compile(r"(\d+) (?:iterations|operations per second)")


class RunError(Exception):
    """A measured command failed; the message says which and what it printed."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One run of a program, by itself or under a recorder.

    `wall_seconds` and the CPU seconds are of the command and all it waited for. `peak_rss_bytes` is the program's own
    peak RSS. `recorder_bytes` is the most private memory that the command's other processes had together. `throughput`
    is what the program says it achieved, if it runs for a fixed time.
    """

    wall_seconds: float
    user_seconds: float
    system_seconds: float
    peak_rss_bytes: int
    recorder_bytes: int
    throughput: float | None


class MemoryWatch:
    """The memory of a command's processes, as far as it was seen while they ran."""

    def __init__(self, pid: int, program: str) -> None:
        """Watches the process `pid` and what descends from it; `program` is the executable that is measured."""
        self.pid = pid
        self.program = program
        self.peak_rss_bytes = 0
        self.recorder_bytes = 0

    def sample(self) -> None:
        """Looks at all processes once."""
        private = 0
        for process in self._processes(Path(f"/proc/{self.pid}")):
            try:
                is_program = os.readlink(process / "exe") == self.program
                status = (process / "status").read_text()
            except OSError:  # it has ended
                continue
            if is_program:
                self.peak_rss_bytes = max(self.peak_rss_bytes, status_bytes(status, "VmHWM"))
            else:
                private += status_bytes(status, "RssAnon")
        self.recorder_bytes = max(self.recorder_bytes, private)

    def _processes(self, process: Path) -> Iterator[Path]:
        yield process
        try:
            pids = [pid for path in process.glob("task/*/children") for pid in path.read_text().split()]
        except OSError:  # it has ended, or a thread of it
            return
        for pid in pids:
            yield from self._processes(Path(f"/proc/{pid}"))


def status_bytes(status: str, field: str) -> int:
    """A field of /proc/PID/status that is given in KiB; 0 where it is missing."""
    found = re.search(rf"^{field}:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def start(command: Sequence[str], environment: Mapping[str, str], stdin: Path | None, output: Path) -> int:
    """Starts a command with its output going to a file; returns its pid."""
    source = os.open(stdin or os.devnull, os.O_RDONLY)
    sink = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        return os.posix_spawnp(
            command[0],
            list(command),
            environment,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, source, 0),
                (os.POSIX_SPAWN_DUP2, sink, 1),
                (os.POSIX_SPAWN_DUP2, sink, 2),
            ],
        )
    finally:
        os.close(source)
        os.close(sink)


def measure(
    command: Sequence[str], *, program: str, environment: Mapping[str, str], stdin: Path | None, scratch: Path
) -> Measurement:
    """Runs a command with its output going to a file in `scratch`.

    Args:
        command: What to run: the program itself, or a recorder with it.
        program: Path of the executable that is measured.
        environment: All of its environment.
        stdin: What it reads; None: nothing.
        scratch: A folder for its output.

    Raises:
        RunError: It did not exit with 0.
    """
    output = scratch / "output"
    started = time.monotonic()
    pid = start(command, environment, stdin, output)
    watch = MemoryWatch(pid, os.path.realpath(program))
    end = os.pidfd_open(pid)
    while not select.select([end], [], [], SAMPLE_SECONDS)[0]:
        watch.sample()
    wall_seconds = time.monotonic() - started
    os.close(end)
    _, status, usage = os.wait4(pid, 0)
    said = output.read_text(errors="replace")
    if status != 0:
        raise RunError(f"{' '.join(command)} ended with wait status {status}: {said[-2000:]}")
    achieved = THROUGHPUT.search(said)
    return Measurement(
        wall_seconds,
        usage.ru_utime,
        usage.ru_stime,
        watch.peak_rss_bytes,
        watch.recorder_bytes,
        float(achieved[1]) if achieved else None,
    )
