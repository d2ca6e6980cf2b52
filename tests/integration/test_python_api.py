"""The examples of docs/python-api.md, run one after the other: they print what is shown below them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from recording import ROOT, Record, Require

import vizreport

PAGE = (ROOT / "docs" / "python-api.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```\n```text\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def directory(record: Record, require: Require, tmp_path: Path) -> Path:
    """A directory with the trace that the examples open."""
    source = ROOT / "docs" / "examples" / "cache.c"
    subprocess.run([require("gcc"), "-O2", "-g", source, "-o", tmp_path / "cache"], check=True)
    record("./cache", cwd=tmp_path).trace.rename(tmp_path / "cache.trace")
    return tmp_path


def test_the_examples_print_what_is_shown(directory: Path) -> None:
    assert len(BLOCKS) == PAGE.count("```python") == 6
    code = "\nprint('====')\n".join(code for code, _ in BLOCKS)
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(directory)},
    )
    assert run.returncode == 0, run.stderr
    # With its debug file installed, the C library calls its functions by other names.
    printed = re.sub(r"\b__GI_", "", run.stdout).split("====\n")
    assert printed == [shown for _, shown in BLOCKS]


def test_all_names_are_there_and_described() -> None:
    for name in vizreport.__all__:
        assert getattr(vizreport, name).__doc__
        assert f"`{name}" in PAGE
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        vizreport.nothing  # noqa: B018


def test_nothing_is_loaded_before_it_is_used() -> None:
    code = (
        "import sys, vizreport; sys.exit(any(name in sys.modules for name in ('numpy', 'elftools', 'click', 'bokeh')))"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False
        ).returncode
        == 0
    )
