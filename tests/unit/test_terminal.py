"""What terminals get and files don't: colours, fitted lines, box drawing, a progress bar; and how Ctrl-C ends."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from builders import TraceBuilder, malloc

from vizreport.reports.ink import Ink, strip_ink

MAIN = "from vizreport.cli.main import main; main()"


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "t.trace"
    builder = TraceBuilder().session().image(args=["prog", *("argument" for _ in range(12))]).thread().module()
    builder.nodes([(3, 0, 0x1100), (4, 3, 0x1200), (5, 3, 0x1300)])
    path.write_bytes(builder.events([malloc(0x10, 5, stack=4), malloc(0x20, 7, stack=5)]).image_end().build())
    return path


COLUMNS = 60


def run_on_terminal(*arguments: str | Path, **environment: str) -> str:
    """Returns what a command shows on a terminal; standard error goes there too."""
    primary, secondary = pty.openpty()
    fcntl.ioctl(secondary, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    env = {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8", **environment}
    for name in ("COLUMNS", "LINES", *(["NO_COLOR"] if "NO_COLOR" not in environment else [])):
        env.pop(name, None)
    with subprocess.Popen(
        [sys.executable, "-c", MAIN, *arguments], stdin=secondary, stdout=secondary, stderr=secondary, env=env
    ) as process:
        os.close(secondary)
        shown = b""
        while True:
            try:
                data = os.read(primary, 65536)
            except OSError:  # nobody has the other end any more
                break
            shown += data
        assert process.wait() == 0
    os.close(primary)
    return shown.decode().replace("\r\n", "\n")


def test_colours_and_fitted_lines(trace: Path) -> None:
    shown = run_on_terminal("summary", trace)
    assert "\x1b[1mHEAP SUMMARY:\x1b[0m" in shown
    text = strip_ink(shown[shown.index("\x1b[1mHEAP") :])
    assert max(map(len, text.splitlines())) <= COLUMNS
    assert "    process          : prog argument argument" in text
    assert "reading  [" in shown


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colours_where_they_are_not_wanted(trace: Path, environment: dict[str, str]) -> None:
    assert "\x1b[1m" not in run_on_terminal("summary", trace, **environment)


def test_box_drawing(trace: Path) -> None:
    assert "├─ " in run_on_terminal("tree", trace)
    assert "|- " in run_on_terminal("tree", trace, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")


def test_a_file_gets_none_of_it(trace: Path) -> None:
    done = subprocess.run([sys.executable, "-c", MAIN, "summary", trace], capture_output=True, text=True, check=True)
    assert "\x1b" not in done.stdout
    assert done.stderr == ""
    assert any(len(line) > 100 for line in done.stdout.splitlines())


def test_ink_takes_no_room() -> None:
    ink = Ink(True)
    assert strip_ink(ink.strong("a") + ink.warn("b") + ink.faint("c")) == "abc"
    assert ink.warn("") == ""
    assert Ink(False).strong("a") == "a"


def test_ctrl_c_ends_without_a_traceback(tmp_path: Path) -> None:
    fifo = tmp_path / "t.trace"
    os.mkfifo(fifo)
    command = [sys.executable, "-c", MAIN, "summary", str(fifo)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        writer = os.open(fifo, os.O_WRONLY)  # returns when the command has opened it, and waits
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
        os.close(writer)
    assert process.returncode == 130
    assert output == ""
    assert errors.strip() == ""
