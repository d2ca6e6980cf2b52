"""Runs one command and measures it as the kernel saw it."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class RunError(Exception):
    """A measured command failed; the message says which and what it printed."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One run: wall-clock and CPU seconds of it and all it waited for, and the peak RSS of its largest process."""

    wall_seconds: float
    user_seconds: float
    system_seconds: float
    peak_rss_bytes: int


def measure(
    command: Sequence[str], *, environment: Mapping[str, str], stdin: Path | None, scratch: Path
) -> Measurement:
    """Runs a command with its output going to a file in `scratch`.

    Raises:
        RunError: It did not exit with 0.
    """
    output = scratch / "output"
    source = os.open(stdin or os.devnull, os.O_RDONLY)
    sink = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        started = time.monotonic()
        pid = os.posix_spawnp(
            command[0],
            list(command),
            environment,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, source, 0),
                (os.POSIX_SPAWN_DUP2, sink, 1),
                (os.POSIX_SPAWN_DUP2, sink, 2),
            ],
        )
        _, status, usage = os.wait4(pid, 0)
        wall_seconds = time.monotonic() - started
    finally:
        os.close(source)
        os.close(sink)
    if status != 0:
        said = output.read_text(errors="replace")[-2000:]
        raise RunError(f"{' '.join(command)} ended with wait status {status}: {said}")
    return Measurement(wall_seconds, usage.ru_utime, usage.ru_stime, usage.ru_maxrss * 1024)
