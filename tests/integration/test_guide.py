"""README.md and the pages of docs/guide, run: every command in them, and what is shown below each.

In what is shown, "..." stands for anything: a line of it for any lines, also none.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from recording import ROOT, Require

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "guide").glob("*.md"))]


def list_commands(page: Path) -> Iterator[tuple[str, str]]:
    """Yields the commands of a page, each with what is shown below it."""
    for block in re.findall(r"```console\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            yield command, shown


def matches(shown: str, printed: str) -> bool:
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == "..." else ".*".join(map(re.escape, line.split("..."))) + r"\n"
        for line in shown.splitlines()
    )
    return re.fullmatch(pattern, printed) is not None


@pytest.fixture
def environment(vizzytrace: Path, tmp_path: Path) -> dict[str, str]:
    """An environment in which both commands are found, and nothing of the caller's."""
    bin_directory = tmp_path / "bin"
    bin_directory.mkdir()
    (bin_directory / "vizzytrace").symlink_to(vizzytrace)
    vizreport = bin_directory / "vizreport"
    vizreport.write_text(f'#!/bin/sh\nexec {sys.executable} -c "from vizreport.cli.main import main; main()" "$@"\n')
    vizreport.chmod(0o755)
    return {
        "PATH": f"{bin_directory}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
        "LC_ALL": "C.UTF-8",
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_page(page: Path, environment: dict[str, str], require: Require, tmp_path: Path) -> None:
    require("gcc")
    work = tmp_path / "work"
    shutil.copytree(ROOT / "docs" / "examples", work)
    (work / "docs").symlink_to(ROOT / "docs")
    commands = list(list_commands(page))
    assert commands
    status = 0
    for command, shown in commands:
        run = subprocess.run(
            ["sh", "-c", f"(exit {status})\n{command}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            cwd=work,
            env=environment,
            timeout=120,
        )
        status = run.returncode
        assert matches(shown, run.stdout), f"$ {command}\n{run.stdout}(status {status})"
        assert status in (0, 3), command
