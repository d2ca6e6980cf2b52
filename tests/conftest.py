"""Fixtures of all tests: the commands under test, the traced programs, and the tools that the system may lack."""

import glob
import itertools
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from recording import ENVIRONMENT, ROOT, Program, Record, Recording, Require, find_vizzytrace
from recording import record as record_command

PROGRAMS = ROOT / "tests" / "programs"
LIBRARY_PATH = ":".join([*glob.glob("/usr/lib/*-linux-gnu"), "/usr/lib64", "/usr/lib"])
BUILT = ROOT / "build" / "tests"


@pytest.fixture(scope="session")
def vizzytrace() -> Path:
    """The vizzytrace under test."""
    path = find_vizzytrace()
    if not path.exists():
        pytest.fail(f"{path} is missing: run `scons` first, or set VIZZYTRACE")
    return path


@pytest.fixture
def record(vizzytrace: Path, tmp_path: Path) -> Record:
    """Records a command into a trace of its own, in a small environment: see recording.record."""
    numbers = itertools.count(1)

    def record_here(*command: str | Path, **options: Any) -> Recording:
        options.setdefault("env", ENVIRONMENT)
        trace = tmp_path / f"{next(numbers)}.trace"
        return record_command(trace, command, vizzytrace=vizzytrace, **options)

    return record_here


@pytest.fixture(scope="session")
def require() -> Require:
    """Finds a tool or a shared library, else skips the test and says why; under CI=true it fails: CI installs them."""

    def find(tool: str, package: str | None = None) -> str:
        path = shutil.which(tool) or shutil.which(tool, os.F_OK, LIBRARY_PATH)
        if path is None:
            reason = f"{tool} is not installed (Debian package: {package or tool})"
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)
        return path

    return find


def _compile_command(source: Path, output: Path, flags: tuple[str, ...]) -> list[str]:
    """How to compile a test program; calls of the allocator must not be optimised away."""
    if source.suffix == ".rs":
        return ["rustc", "--edition=2021", "-C", "opt-level=2", "-g", *flags, "-o", str(output), str(source)]
    compiler = {".c": ["cc", "-std=c11"], ".cpp": ["c++", "-std=c++17"]}[source.suffix]
    common = ["-O2", "-g", "-fno-builtin", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-pthread"]
    return [*compiler, *common, str(source), "-o", str(output), *flags, "-ldl"]


@pytest.fixture(scope="session")
def program(require: Require) -> Program:
    """Builds tests/programs/NAME once, with extra compiler flags if given, and returns the path of the executable."""

    def build(name: str, *flags: str, output: str | None = None) -> Path:
        source = PROGRAMS / name
        require({".c": "cc", ".cpp": "c++", ".rs": "rustc"}[source.suffix], {".rs": "rustc"}.get(source.suffix, "g++"))
        target = BUILT / (output or source.stem)
        newest = max(path.stat().st_mtime for path in (source, PROGRAMS / "tally.h", Path(__file__)))
        if not target.exists() or target.stat().st_mtime < newest:
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_name(f".{target.name}.{os.getpid()}")
            run = subprocess.run(_compile_command(source, partial, flags), capture_output=True, text=True, check=False)
            assert run.returncode == 0, run.stderr
            partial.replace(target)
        return target

    return build
