"""What cannot be recorded is refused at once, in one clear line, with the status that says whose fault it is."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from recording import Program

FAILED, CANNOT_RUN, NOT_FOUND = 125, 126, 127


def refuse(vizzytrace: Path, *arguments: str | Path, status: int) -> str:
    """Runs vizzytrace, which must refuse within two seconds; returns its one line."""
    begin = time.monotonic()
    run = subprocess.run([vizzytrace, *arguments], capture_output=True, text=True, check=False, timeout=30)
    assert time.monotonic() - begin < 2
    assert run.returncode == status, run.stderr
    assert run.stdout == ""
    lines = run.stderr.splitlines()
    assert len(lines) == 1, run.stderr
    return lines[0]


def test_missing_command(vizzytrace: Path, tmp_path: Path) -> None:
    line = refuse(vizzytrace, tmp_path / "t.trace", "no-such-command-anywhere", status=NOT_FOUND)
    assert "no-such-command-anywhere" in line
    line = refuse(vizzytrace, tmp_path / "t.trace", tmp_path / "nothing", status=NOT_FOUND)
    assert str(tmp_path / "nothing") in line


def test_static_command(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    static = program("nothing.c", "-static", output="nothing_static")
    line = refuse(vizzytrace, tmp_path / "t.trace", static, status=CANNOT_RUN)
    assert "static" in line
    static_pie = program("nothing.c", "-static-pie", output="nothing_static_pie")
    assert "static" in refuse(vizzytrace, tmp_path / "t.trace", static_pie, status=CANNOT_RUN)


def find_setuid(program: Path, directory: Path) -> Path:
    """A program that changes the user when it is run: one made here by root, else one of the system's."""
    if os.geteuid() == 0:
        copy = directory / "setuid"
        shutil.copy(program, copy)
        os.chown(copy, 65534, 65534)
        copy.chmod(0o4755)
        return copy
    for name in ("su", "passwd", "mount"):
        path = shutil.which(name)
        if path and os.stat(path).st_mode & 0o4000:
            return Path(path)
    pytest.skip("no setuid program, and only root can make one")


def test_setgid_command(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a program of another group")
    copy = tmp_path / "setgid"
    shutil.copy(program("nothing.c"), copy)
    os.chown(copy, 0, 65534)
    copy.chmod(0o2755)
    assert "is setgid" in refuse(vizzytrace, tmp_path / "t.trace", copy, status=CANNOT_RUN)


def test_setuid_command(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    path = find_setuid(program("nothing.c"), tmp_path)
    assert "setuid" in refuse(vizzytrace, tmp_path / "t.trace", path, status=CANNOT_RUN)


def test_not_executable(vizzytrace: Path, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("notes\n")
    path.chmod(0o644)
    assert str(path) in refuse(vizzytrace, tmp_path / "t.trace", path, status=CANNOT_RUN)


def test_directory_as_command(vizzytrace: Path, tmp_path: Path) -> None:
    assert str(tmp_path) in refuse(vizzytrace, tmp_path / "t.trace", tmp_path, status=CANNOT_RUN)


@pytest.mark.parametrize(("machine", "elf_class"), [(183, 2), (243, 2), (3, 1)], ids=["aarch64", "riscv64", "i386"])
def test_wrong_architecture(vizzytrace: Path, program: Program, tmp_path: Path, machine: int, elf_class: int) -> None:
    image = bytearray(program("nothing.c").read_bytes())
    image[4] = elf_class
    image[18:20] = machine.to_bytes(2, "little")
    path = tmp_path / "foreign"
    path.write_bytes(image)
    path.chmod(0o755)
    line = refuse(vizzytrace, tmp_path / "t.trace", path, status=CANNOT_RUN)
    assert str(path) in line


def test_missing_interpreter(vizzytrace: Path, tmp_path: Path) -> None:
    path = tmp_path / "script"
    path.write_text("#!/no/such/interpreter\n")
    path.chmod(0o755)
    line = refuse(vizzytrace, tmp_path / "t.trace", path, status=CANNOT_RUN)
    assert "/no/such/interpreter" in line


def test_script_of_a_static_interpreter(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    path = tmp_path / "script"
    path.write_text(f"#!{program('nothing.c', '-static', output='nothing_static')}\n")
    path.chmod(0o755)
    assert "static" in refuse(vizzytrace, tmp_path / "t.trace", path, status=CANNOT_RUN)


def test_log_that_cannot_be_written(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    (tmp_path / "file").write_text("")
    for log in (tmp_path / "missing" / "t.trace", tmp_path / "file" / "t.trace", Path("/proc/t.trace"), tmp_path):
        line = refuse(vizzytrace, log, "touch", marker, status=FAILED)
        assert str(log) in line
    assert not marker.exists(), "COMMAND was started although the trace can't be written"


def test_log_in_a_read_only_directory(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    directory = Path("/sys")  # read-only even for root
    if os.geteuid() != 0:
        directory = tmp_path / "read-only"
        directory.mkdir(mode=0o555)
    line = refuse(vizzytrace, directory / "t.trace", program("nothing.c"), status=FAILED)
    assert str(directory) in line
    assert "writable" in line


def test_log_is_a_pipe_that_nobody_reads(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "nobody reads" in refuse(vizzytrace, tmp_path / "pipe", program("nothing.c"), status=FAILED)


def test_a_refused_recording_leaves_no_trace(vizzytrace: Path, tmp_path: Path) -> None:
    refuse(vizzytrace, tmp_path / "t.trace", tmp_path / "nothing", status=NOT_FOUND)
    assert not (tmp_path / "t.trace").exists()


def test_a_refused_recording_keeps_an_older_trace(vizzytrace: Path, tmp_path: Path) -> None:
    (tmp_path / "t.trace").write_text("an older recording")
    refuse(vizzytrace, tmp_path / "t.trace", tmp_path / "nothing", status=NOT_FOUND)
    assert (tmp_path / "t.trace").read_text() == "an older recording"


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "t.trace",
        "--no-such-option t.trace true",
        "--max-depth x t.trace true",
        "--max-depth -1 t.trace true",
        "--format xml t.trace true",
        "--children some t.trace true",
        "--wait never t.trace true",
        "--rss-interval",
    ],
)
def test_wrong_usage(vizzytrace: Path, tmp_path: Path, arguments: str) -> None:
    run = subprocess.run(
        [vizzytrace, *arguments.split()], capture_output=True, text=True, check=False, cwd=tmp_path, timeout=10
    )
    assert run.returncode == FAILED
    assert 1 <= len(run.stderr.splitlines()) <= 3
    assert list(tmp_path.iterdir()) == []


def test_wrong_usage_names_the_word(vizzytrace: Path, tmp_path: Path) -> None:
    log = tmp_path / "t.trace"
    assert refuse(vizzytrace, "--bogus", log, "true", status=FAILED).startswith("vizzytrace: option --bogus is unknown")
    assert "option -x is unknown" in refuse(vizzytrace, "-xq", log, "true", status=FAILED)
    assert "option --max-depth lacks its value" in refuse(vizzytrace, "--max-depth", status=FAILED)
    assert "option --quiet=yes takes no value" in refuse(vizzytrace, "--quiet=yes", log, "true", status=FAILED)
    assert "-q: options stand before LOG" in refuse(vizzytrace, log, "-q", "true", status=FAILED)
    assert "belongs to COMMAND" in refuse(vizzytrace, "-", "true", status=FAILED)
    assert "COMMAND is missing" in refuse(vizzytrace, log, "--", status=FAILED)
    assert not log.exists()


def test_separator_after_log(vizzytrace: Path, tmp_path: Path) -> None:
    run = subprocess.run(
        [vizzytrace, "-q", tmp_path / "t.trace", "--", "echo", "--", "x"], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "-- x\n", "")


def test_program_as_log_is_not_overwritten(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    copy = tmp_path / "program"
    shutil.copy(program("nothing.c"), copy)
    content = copy.read_bytes()
    assert str(copy) in refuse(vizzytrace, copy, copy, status=FAILED)
    assert str(copy) in refuse(vizzytrace, copy, "true", status=FAILED)
    assert copy.read_bytes() == content
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    assert str(script) in refuse(vizzytrace, script, "true", status=FAILED)
    assert script.read_text() == "#!/bin/sh\n"
