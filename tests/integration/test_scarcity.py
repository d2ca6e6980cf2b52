"""When means run out, or the program takes them away: it goes on as before, and what was recorded is kept."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from recording import Program, Record, Recording, read_recording, read_tallies

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may do this")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    path = tmp_path / "small"
    path.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", path], capture_output=True, check=False)
    if mount.returncode != 0:
        pytest.skip("no right to mount a file system")
    yield path
    subprocess.run(["umount", path], check=True)


def assert_cut_short(recording: Recording) -> None:
    """The program did all its work, vizzytrace said once what happened, and what was recorded can be read."""
    (tally,) = read_tallies(recording.stdout)
    assert recording.status == 0
    assert tally.counts.allocs == 3_000_000
    said = [line for line in recording.stderr.splitlines() if not line.startswith("[*]")]
    assert len(said) == 1
    assert re.search(r"t\.trace: .*; the recording stops here and keeps what it has, the program goes on$", said[0])
    assert recording.summary["trace"]["complete"] is False
    assert 0 < recording.main.counts.allocs < 3_000_000
    assert recording.main.raw["anomalies"]["unmatched_frees"] == 0


def test_full_disk(vizzytrace: Path, program: Program, small_disk: Path) -> None:
    trace = small_disk / "t.trace"
    command: list[str | Path] = [vizzytrace, trace, program("churn.c"), "3000000", "4096"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert_cut_short(read_recording(trace, run.returncode, run.stdout, run.stderr))


@needs_root
@pytest.mark.parametrize("limit", ["-f 100", "-n 4"])
def test_hard_limits_of_vizzytrace_itself(vizzytrace: Path, program: Program, limit: str) -> None:
    """As a user who can't raise them: one clear line, and nothing is started."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o777)
        copies = [shutil.copy(path, directory) for path in (vizzytrace, program("churn.c"))]
        script = f'ulimit {limit}; exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"'
        run = subprocess.run(
            ["bash", "-c", script, "bash", copies[0], f"{directory}/t.trace", copies[1], "10"],
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
    assert (run.returncode, run.stdout) == (125, "")
    assert len(run.stderr.splitlines()) == 1


def test_few_descriptors(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    """A soft limit is vizzytrace's to raise, and the program's to keep; with fewer no loader can open the C library."""
    trace = tmp_path / "t.trace"
    script = 'ulimit -Sn 4; exec "$@"'
    command: list[str | Path] = ["bash", "-c", script, "bash", vizzytrace, "-q", trace, program("families.c"), "fork"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    recording = read_recording(trace, run.returncode, run.stdout, run.stderr)
    assert (recording.status, recording.stderr, recording.anomalies) == (0, "", [])
    for tally in read_tallies(recording.stdout):
        assert recording.image(tally.pid).counts == tally.counts


def test_closed_descriptors(record: Record, program: Program) -> None:
    assert_exact(record(program("confines.c"), "descriptors", "/", program("nothing.c")))


@needs_root
def test_chroot(record: Record, program: Program, tmp_path: Path) -> None:
    """Without /proc and without the library: its child is recorded, what it executes is not."""
    root = tmp_path / "root"
    root.mkdir()
    shutil.copy(program("nothing.c", "-static", output="nothing_static"), root / "nothing")
    recording = record(program("confines.c"), "chroot", root, "/nothing")
    assert_exact(recording)
    (reason,) = (image.raw["not_recorded"] for image in recording.images if image.raw["not_recorded"])
    assert "chroot" in reason


def assert_exact(recording: Recording) -> None:
    """All that the program and its child counted is in the trace."""
    assert recording.status == 0, recording.stderr
    assert not recording.anomalies
    tallies = {tally.name: tally for tally in read_tallies(recording.stdout)}
    assert recording.image(tallies["child"].pid, 0).counts == tallies["child"].counts
    assert recording.image(tallies["main"].pid).counts == tallies["main"].counts


@pytest.mark.parametrize("when_full", ["block", "drop"])
def test_stopped_vizzytrace(vizzytrace: Path, program: Program, tmp_path: Path, when_full: str) -> None:
    """Only a program that is to wait waits; it loses nothing, and the other one tells what it lost."""
    trace = tmp_path / "t.trace"
    options = ["-q", "--buffer", "256K", "--when-full", when_full]
    command: list[str | Path] = [vizzytrace, *options, trace, program("stops_recorder.c"), "400000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "stopped\n"
    line = ""
    if when_full == "drop":
        line = process.stdout.readline()  # it goes on, and ends its work
    else:
        time.sleep(0.5)
    process.send_signal(signal.SIGCONT)
    stdout, stderr = process.communicate(timeout=60)
    (tally,) = read_tallies(line + stdout)
    recording = read_recording(trace, process.returncode, stdout, stderr)
    assert (recording.status, stderr) == (0, "")
    lost = tally.counts.allocs + tally.counts.frees - recording.main.counts.allocs - recording.main.counts.frees
    assert recording.main.raw["anomalies"]["dropped_events"] == lost
    assert (lost > 0) == (when_full == "drop")
