"""Programs of all kinds, which know nothing of vizzytrace, print the same and end the same under it; nothing is lost.

Each script of tests/foreign is run natively and then recorded, from the same state of the same directory. Its first
line names the commands that it needs, as COMMAND:PACKAGE.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from recording import ENVIRONMENT, ROOT, TIMEOUT_SECONDS, Require, run_vizreport

SCRIPTS = sorted((ROOT / "tests" / "foreign").glob("*.sh"))


def run(command: list[str | Path], directory: Path) -> subprocess.CompletedProcess[str]:
    """Runs a command in an empty directory of that name."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        check=False,
        timeout=TIMEOUT_SECONDS,
        env={**ENVIRONMENT, "HOME": os.environ["HOME"], "PYTHONHASHSEED": "0"},
        cwd=directory,
    )


def without_warnings(stderr: str) -> str:
    """The program's own: vizzytrace warns of compilers that have an allocator of their own."""
    return "".join(line for line in stderr.splitlines(True) if not line.startswith("vizzytrace: warning: "))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_foreign_program_notices_nothing(vizzytrace: Path, require: Require, tmp_path: Path, script: Path) -> None:
    for tool in script.read_text().splitlines()[0].removeprefix("# needs ").split():
        require(*tool.split(":"))
    trace, directory = tmp_path / "out.trace", tmp_path / "work"
    native = run(["sh", script], directory)
    recorded = run([vizzytrace, "-q", trace, "sh", script], directory)
    assert recorded.stdout == native.stdout
    assert without_warnings(recorded.stderr) == native.stderr
    assert recorded.returncode == native.returncode
    summary = json.loads(run_vizreport("summary", "--json", "--top", "0", str(trace)))
    assert summary["trace"]["complete"] is True
    anomalies = [
        (process["command"], process["anomalies"])
        for process in summary["processes"]
        if any(count for kind, count in process["anomalies"].items() if kind != "unwind_gaps")
    ]
    assert not anomalies
