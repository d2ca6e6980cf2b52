"""Where the result goes: whoever can't take it, or takes no more, is told so without a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from builders import TraceBuilder

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
