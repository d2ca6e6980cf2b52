"""Records a command with vizzytrace and reads its trace with vizreport, for the integration tests.

Both are run as their users run them, as commands; nothing of them is imported.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_SECONDS = 120.0

# As little of the caller's environment as programs need: what they copy from it is counted.
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "LC_ALL": "C"}


@dataclass(frozen=True, slots=True)
class Counts:
    """What valgrind's HEAP SUMMARY counts, and what the test programs print of themselves."""

    allocs: int = 0
    frees: int = 0
    bytes_allocated: int = 0
    in_use_bytes: int = 0
    in_use_blocks: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        """Sums two runs or images."""
        return Counts(*(a + b for a, b in zip(self.as_tuple(), other.as_tuple(), strict=True)))

    def __sub__(self, other: "Counts") -> "Counts":
        """What this one has more than the other."""
        return Counts(*(a - b for a, b in zip(self.as_tuple(), other.as_tuple(), strict=True)))

    def as_tuple(self) -> tuple[int, int, int, int, int]:
        """The fields, in order."""
        return (self.allocs, self.frees, self.bytes_allocated, self.in_use_bytes, self.in_use_blocks)


@dataclass(frozen=True, slots=True)
class Image:
    """One entry of `processes` in `vizreport summary --json`."""

    pid: int
    ppid: int
    command: tuple[str, ...]
    counts: Counts
    raw: dict[str, Any]

    @classmethod
    def from_json(cls, entry: dict[str, Any]) -> "Image":
        """Reads one entry."""
        in_use = entry["in_use_at_exit"]
        counts = Counts(entry["allocs"], entry["frees"], entry["bytes_allocated"], in_use["bytes"], in_use["blocks"])
        return cls(entry["pid"], entry["ppid"], tuple(entry["command"]), counts, entry)

    @property
    def anomalies(self) -> dict[str, int]:
        """The anomalies that are not zero: empty on a healthy run."""
        return {name: count for name, count in self.raw["anomalies"].items() if count}

    @property
    def inherited_blocks(self) -> int:
        """How many blocks it had from the process that it was forked from."""
        return int(self.raw["inherited"]["blocks"])


@dataclass(frozen=True, slots=True)
class Recording:
    """One run of vizzytrace: how it ended, what was printed, and the images in its trace."""

    status: int
    stdout: str
    stderr: str
    trace: Path
    summary: dict[str, Any]
    images: tuple[Image, ...]

    @property
    def main(self) -> Image:
        """The image that COMMAND started as."""
        return self.images[0]

    @property
    def anomalies(self) -> list[dict[str, int]]:
        """The anomalies of every image that has some: empty on a healthy run."""
        return [image.anomalies for image in self.images if image.anomalies]

    def image(self, pid: int, exec_number: int | None = None) -> Image:
        """The image of this pid, the last one of it unless its exec_number is given."""
        found = [image for image in self.images if image.pid == pid and exec_number in (None, image.raw["exec_number"])]
        assert found, f"no image with pid {pid} among {[(image.pid, image.command) for image in self.images]}"
        return found[-1]

    def info(self) -> dict[str, Any]:
        """What `vizreport info --json` prints of the trace."""
        information: dict[str, Any] = json.loads(run_vizreport("info", "--json", str(self.trace)))
        return information


# The fixtures of conftest.py.
Record = Callable[..., Recording]
Program = Callable[..., Path]
Require = Callable[..., str]


@dataclass(frozen=True, slots=True)
class Tally:
    """One line of tests/programs/tally.h: what a program says it did."""

    name: str
    pid: int
    counts: Counts


def read_tallies(stdout: str) -> list[Tally]:
    """The tallies that a test program printed, in order."""
    found = re.findall(
        r"^(\S+) pid=(\d+) allocs=(\d+) frees=(\d+) bytes_allocated=(\d+) in_use_bytes=(-?\d+) in_use_blocks=(-?\d+)$",
        stdout,
        re.MULTILINE,
    )
    return [Tally(name, int(pid), Counts(*map(int, numbers))) for name, pid, *numbers in found]


def find_vizzytrace(variant: str = "release") -> Path:
    """The vizzytrace to test: $VIZZYTRACE (of the checking build $VIZZYTRACE_CHECK), else the one that SCons built."""
    given = os.environ.get("VIZZYTRACE" if variant == "release" else "VIZZYTRACE_CHECK")
    return Path(given) if given else ROOT / "build" / variant / "launcher" / "vizzytrace"


def run_vizreport(*arguments: str) -> str:
    """Standard output of a vizreport command that must succeed."""
    code = "import sys; from vizreport.cli.main import main; sys.exit(main())"
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert run.returncode == 0, f"vizreport {' '.join(arguments)}: status {run.returncode}\n{run.stdout}{run.stderr}"
    return run.stdout


_SUMMARISE = """
import sys
from vizreport.cli.main import main
for trace in sys.argv[1:]:
    sys.argv[1:] = ["summary", "--json", "--top", "0", trace]
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise
"""


def read_main_images(traces: Sequence[Path]) -> list[Image]:
    """The first image of each trace, all read by one process: it takes longer to start than to read a short trace."""
    run = subprocess.run(
        [sys.executable, "-c", _SUMMARISE, *traces],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert run.returncode == 0, run.stderr
    decoder, text, images = json.JSONDecoder(), run.stdout.lstrip(), []
    while text:
        summary, end = decoder.raw_decode(text)
        images.append(Image.from_json(summary["processes"][0]))
        text = text[end:].lstrip()
    return images


def read_recording(trace: Path, status: int, stdout: str, stderr: str) -> Recording:
    """Reads the summary of a trace that vizzytrace wrote."""
    assert trace.exists(), f"vizzytrace wrote no trace (status {status}): {stderr}"
    summary: dict[str, Any] = json.loads(run_vizreport("summary", "--json", str(trace)))
    assert summary["schema"] == "vizzy.summary/1"
    images = tuple(Image.from_json(entry) for entry in summary["processes"])
    return Recording(status, stdout, stderr, trace, summary, images)


def record(
    trace: Path,
    command: Sequence[str | Path],
    *,
    options: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    timeout: float = TIMEOUT_SECONDS,
    vizzytrace: Path | None = None,
) -> Recording:
    """Runs a command under vizzytrace, and reads its trace.

    Args:
        trace: Where the trace goes.
        command: What to run.
        options: Options of vizzytrace.
        env: The environment: the test's own if None.
        cwd: Directory to run in.
        stdin: Standard input of the command: /dev/null if None.
        timeout: Seconds after which the test fails.
        vizzytrace: Another vizzytrace than the release build's.
    """
    run = subprocess.run(
        [vizzytrace or find_vizzytrace(), *options, trace, *command],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        check=False,
        timeout=timeout,
        env=None if env is None else dict(env),
        cwd=cwd,
    )
    return read_recording(trace, run.returncode, run.stdout, run.stderr)
