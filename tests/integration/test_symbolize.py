"""Names for reports: where the binaries are not, from a debuginfod server, and on a cut trace."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from recording import Program, Record, Require, run_vizreport


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("DEBUGINFOD_URLS", raising=False)


@pytest.fixture
def leaky(program: Program, tmp_path: Path) -> Path:
    """A program of our own in a place of its own, so that it can be taken away."""
    return Path(shutil.copy(program("containers.cpp"), tmp_path / "leaky"))


def summarize(trace: Path, *options: str) -> list[dict[str, Any]]:
    """The leaks of COMMAND."""
    summary = json.loads(run_vizreport("summary", "--json", *options, str(trace)))
    leaks: list[dict[str, Any]] = summary["processes"][0]["leaks"]
    return leaks


def count_lines(leaks: list[dict[str, Any]], module: Path) -> int:
    return sum(
        frame["line"] is not None and frame["module"] == str(module) for leak in leaks for frame in leak["stack"]
    )


def test_reports_where_the_binaries_are_not(record: Record, leaky: Path, tmp_path: Path) -> None:
    trace = record(leaky).trace
    with_files = summarize(trace)
    assert count_lines(with_files, leaky) > 0
    portable = tmp_path / "portable.trace"
    shutil.copy(trace, portable)
    portable.chmod(0o640)
    said = run_vizreport("symbolize", str(portable))
    assert str(portable) in said
    once = portable.read_bytes()
    run_vizreport("symbolize", str(portable))
    assert portable.read_bytes() == once
    assert portable.stat().st_mode & 0o777 == 0o640
    leaky.rename(tmp_path / "gone")
    shutil.rmtree(tmp_path / "cache")
    assert summarize(portable) == with_files
    # Run again where the files are not: nothing gets lost.
    run_vizreport("symbolize", str(portable))
    assert summarize(portable) == with_files
    assert count_lines(summarize(trace), leaky) == 0
    assert count_lines(summarize(trace, "--exe", str(tmp_path / "gone")), leaky) > 0


def test_to_another_file(record: Record, leaky: Path, tmp_path: Path) -> None:
    trace = record(leaky).trace
    before = trace.read_bytes()
    run_vizreport("symbolize", str(trace), "-o", str(tmp_path / "out.trace"))
    assert trace.read_bytes() == before
    leaky.unlink()
    shutil.rmtree(tmp_path / "cache")
    assert count_lines(summarize(tmp_path / "out.trace"), leaky) > 0


def test_a_cut_trace(record: Record, leaky: Path, tmp_path: Path) -> None:
    trace = record(leaky).trace
    cut = tmp_path / "cut.trace"
    cut.write_bytes(trace.read_bytes()[:-700])
    expected = summarize(cut)
    run_vizreport("symbolize", str(cut))
    leaky.unlink()
    shutil.rmtree(tmp_path / "cache")
    assert summarize(cut) == expected
    summary = json.loads(run_vizreport("summary", "--json", str(cut)))
    assert summary["trace"]["complete"] is False


@pytest.fixture
def server(require: Require, leaky: Path, tmp_path: Path) -> Iterator[str]:
    """A debuginfod that serves the program with its debug information."""
    command = require("debuginfod", "debuginfod")
    (tmp_path / "served").mkdir()
    shutil.copy(leaky, tmp_path / "served" / "leaky")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = (tmp_path / "server.log").open("wb")
    with subprocess.Popen(
        [command, "-p", str(port), "-d", str(tmp_path / "db"), "-F", str(tmp_path / "served"), "-t", "1"],
        stdout=log,
        stderr=log,
        env={**os.environ, "HOME": str(tmp_path)},
    ) as process:
        yield f"http://127.0.0.1:{port}"
        process.terminate()
    log.close()


def test_a_debuginfod_server(
    record: Record, leaky: Path, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["strip", leaky], check=True)
    trace = record(leaky).trace
    assert count_lines(summarize(trace), leaky) == 0
    monkeypatch.setenv("DEBUGINFOD_URLS", server)
    assert count_lines(summarize(trace, "--no-debuginfod"), leaky) == 0
    deadline = time.monotonic() + 60
    while count_lines(summarize(trace), leaky) == 0:
        # It has not looked into its folder yet: what it has not is remembered for an hour.
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
        assert time.monotonic() < deadline, (tmp_path / "server.log").read_text()
        time.sleep(0.5)
    assert len(list((tmp_path / "cache" / "vizzy" / "debuginfod").glob("*.debug"))) == 1
