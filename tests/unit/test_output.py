"""Where the result goes: whoever can't take it, or takes no more, is told so without a traceback."""

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders import TraceBuilder, malloc

from vizreport.output_file import write_output

RUN = [sys.executable, "-c", "from vizreport.cli.main import main; main()"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
@pytest.mark.parametrize("command", ["summary", "tree", "info"])
def test_full_disk(tmp_path: Path, command: str) -> None:
    path = tmp_path / "t.trace"
    path.write_bytes(TraceBuilder().session().image().thread().build())
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*RUN, command, path], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("vizreport: standard output: can't be written: No space left on device")


@pytest.mark.parametrize("command", ["summary", "tree", "info"])
def test_reader_that_has_gone(tmp_path: Path, command: str) -> None:
    path = tmp_path / "t.trace"
    path.write_bytes(TraceBuilder().session().image().thread().build())
    end, begin = os.pipe()
    os.close(end)
    with os.fdopen(begin, "wb") as pipe:
        done = subprocess.run([*RUN, command, path], stdout=pipe, stderr=subprocess.PIPE, text=True, check=False)
        assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "vizreport: No such command 'nothing'; see vizreport --help"),
        (["summary"], "vizreport: Missing argument 'TRACE'; see vizreport summary --help"),
        (["summary", "t", "--nothing"], "vizreport: No such option"),
        (["tree", "t", "--depth", "x"], "vizreport: Invalid value for '--depth': 'x' is not a valid integer"),
        (
            ["summary", "t", "--fail-if", "x>1"],
            "vizreport: Invalid value for '--fail-if': 'x>1': there is no figure 'x'",
        ),
    ],
)
def test_wrong_usage_is_one_line(arguments: list[str], said: str) -> None:
    done = subprocess.run([*RUN, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(said)


def test_no_arguments_at_all_gives_the_help_text() -> None:
    done = subprocess.run(RUN, capture_output=True, text=True, check=False)
    assert "Usage: vizreport" in done.stdout + done.stderr


@pytest.mark.parametrize("command", ["summary", "tree", "info"])
def test_closed_standard_output(tmp_path: Path, command: str) -> None:
    path = tmp_path / "t.trace"
    path.write_bytes(TraceBuilder().session().image().thread().build())
    script = f'exec "$0" -c "$1" {command} "$2" >&-'
    done = subprocess.run(["sh", "-c", script, sys.executable, RUN[-1], path], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_trace_is_not_overwritten_by_its_page(tmp_path: Path) -> None:
    data = TraceBuilder().session().image().thread().build()
    path = tmp_path / "t.html"
    path.write_bytes(data)
    for options in ([], ["-o", str(path)]):
        done = subprocess.run([*RUN, "report", path, *options], capture_output=True, text=True, check=False)
        assert (done.returncode, path.read_bytes()) == (1, data)
        assert "is the trace, which the page would overwrite" in done.stderr


def test_what_a_file_holds_does_not_drive_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("seconds,microseconds,function,address,size\n1,2,malloc,\x1b]0;title\x07,5\n")
    done = subprocess.run([*RUN, "summary", path], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert r"\x1b]0;title\x07" in done.stderr
    assert "\x1b" not in done.stderr


def test_a_tree_says_why_names_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "t.trace"
    builder = TraceBuilder().session().image().thread().module().nodes([(3, 0, 0x1100)])
    path.write_bytes(builder.events([malloc(0x10, 5, stack=3)]).image_end().build())
    done = subprocess.run(
        [*RUN, "tree", path, "--exe", tmp_path / "missing"], capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[-1].startswith("names: ")
    assert "there is no such file, so --exe gives no names" in done.stdout


def fail_after_some() -> Iterator[bytes]:
    yield b"the beginning"
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_an_output_is_whole_or_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    with pytest.raises(OSError, match="No space"):
        write_output(path, fail_after_some())
    assert list(tmp_path.iterdir()) == []
    write_output(path, [b"a", b"b"])
    with pytest.raises(OSError, match="No space"):
        write_output(path, fail_after_some())
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"ab"]


def test_a_pipe_is_written_into_and_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with open(os.open(path, os.O_RDWR), "rb", buffering=0) as reader:
        write_output(path, [b"a", memoryview(b"b")])
        assert reader.read(2) == b"ab"
    assert path.is_fifo()
