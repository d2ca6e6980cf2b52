"""Where the library is put for the time of a recording, and that nothing of it stays."""

import os
import select
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from recording import Program, Record

ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/", "LC_ALL": "C"}


def dropped_at(stderr: str) -> Path:
    """The library's path, by what vizzytrace says."""
    (line,) = (line for line in stderr.splitlines() if "Dropping libvizzy to disk at " in line)
    return Path(line.split(" at ")[1])


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """A TMPDIR of the test's own."""
    path = tmp_path / "temporary"
    path.mkdir()
    return path


def test_a_killed_vizzytrace_is_cleaned_up_after(
    vizzytrace: Path, record: Record, program: Program, temporary: Path, tmp_path: Path
) -> None:
    """By the next one, but not as long as a program lives that has the library."""
    env = {**ENVIRONMENT, "TMPDIR": str(temporary)}
    command: list[str | Path] = [
        vizzytrace,
        tmp_path / "killed.trace",
        program("interrupts.c"),
        str(int(signal.SIGTERM)),
    ]
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    pid = int(process.stdout.readline().split()[1])
    process.kill()
    (left,) = temporary.iterdir()
    assert record("true", env=env).status == 0
    assert list(temporary.iterdir()) == [left], "still needed: its program lives"
    os.kill(pid, signal.SIGTERM)
    output = process.communicate(timeout=30)[0]  # until the program has closed the pipe, too
    assert output == "arrived 1\n"
    wait_for_end(pid)
    assert record("true", env=env).status == 0
    assert list(temporary.iterdir()) == []


def wait_for_end(pid: int) -> None:
    """Waits until a process is gone that is no child of the test."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    select.select([descriptor], [], [], 30)
    os.close(descriptor)


def test_what_others_have_there_stays(record: Record, temporary: Path) -> None:
    kept = ["vizzy-notes", "vizzy-" + "0" * 31 + "x", "vizzy-" + "1" * 32]
    for name in kept[:2]:
        (temporary / name).mkdir()
    (temporary / kept[2]).write_text("a file by such a name")
    assert record("true", env={**ENVIRONMENT, "TMPDIR": str(temporary)}).status == 0
    assert sorted(path.name for path in temporary.iterdir()) == sorted(kept)


@pytest.fixture
def small_filesystem(tmp_path: Path) -> Iterator[Path]:
    """A file system without room for the library: a tmpfs, which needs root."""
    path = tmp_path / "small"
    path.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", path], capture_output=True, check=False)
    if mount.returncode != 0:
        pytest.skip("no right to mount a file system")
    yield path
    subprocess.run(["umount", path], check=True)


@pytest.fixture
def no_exec(tmp_path: Path) -> Iterator[Path]:
    """A file system that allows no exec, which needs root."""
    path = tmp_path / "no exec"
    path.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "noexec", "none", path], capture_output=True, check=False)
    if mount.returncode != 0:
        pytest.skip("no right to mount a file system")
    yield path
    subprocess.run(["umount", path], check=True)


def assert_goes_elsewhere(record: Record, directory: Path) -> None:
    """A recording with this TMPDIR puts the library into another place, and works."""
    recording = record("echo", "done", env={**ENVIRONMENT, "TMPDIR": str(directory)})
    assert (recording.status, recording.stdout) == (0, "done\n")
    assert recording.main.counts.allocs > 0
    assert directory not in dropped_at(recording.stderr).parents
    assert list(directory.iterdir()) == []


def test_full_file_system(record: Record, small_filesystem: Path) -> None:
    assert_goes_elsewhere(record, small_filesystem)


def test_file_system_without_exec(record: Record, no_exec: Path) -> None:
    assert_goes_elsewhere(record, no_exec)


@pytest.mark.parametrize("name", ["with space", "with:colon", "with\ttab"])
def test_path_that_ld_preload_would_split(record: Record, temporary: Path, name: str) -> None:
    (temporary / name).mkdir()
    assert_goes_elsewhere(record, temporary / name)


def test_tmpdir_that_is_no_directory(record: Record, tmp_path: Path) -> None:
    recording = record("echo", "done", env={**ENVIRONMENT, "TMPDIR": str(tmp_path / "missing")})
    assert (recording.status, recording.stdout) == (0, "done\n")
