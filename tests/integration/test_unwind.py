"""Every call stack equals the one that libgcc's unwinder finds, up to the cap or the first frame without unwind data.

The checking build (`scons check-unwind`) walks each stack both ways and writes what it found to $VIZZY_CHECK_LOG when
the process ends. VIZZY_TEST_STACKS multiplies the work: 1 compares more than a million stacks.
"""

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from recording import Program, Require, find_vizzytrace, record

FACTOR = int(os.environ.get("VIZZY_TEST_STACKS", "1"))

# Walks made before libgcc is loaded: by the loader, by constructors, by loading libgcc.
MOST_UNREADY_PER_PROCESS = 60


@dataclass(frozen=True, slots=True)
class Comparison:
    """One process's line of the log."""

    walks: int
    mismatches: int
    unready: int
    gaps: int
    ended_early: int


def compare(tmp_path: Path, command: list[str | Path], options: tuple[str, ...] = ()) -> list[Comparison]:
    """Runs a command under the checking build; returns what each of its processes found."""
    vizzytrace = find_vizzytrace("check")
    if not vizzytrace.exists():
        pytest.fail(f"{vizzytrace} is missing: run `scons check-unwind` first")
    log = tmp_path / "check.log"
    env = {
        "PATH": os.environ["PATH"],
        "VIZZY_CHECK_LOG": str(log),
        "LC_ALL": "C",
        "PYTHONMALLOC": "malloc",
    }
    recording = record(
        tmp_path / "t.trace", command, options=("-q", *options), env=env, timeout=600, vizzytrace=vizzytrace
    )
    assert recording.status == 0, recording.stderr
    text = log.read_text()
    pattern = r"walks=(\d+) mismatches=(\d+) skipped=\d+ \(unready=(\d+) gap=(\d+) ended_early=(\d+)\)"
    found = [Comparison(*map(int, numbers)) for numbers in re.findall(pattern, text)]
    assert found, text
    print(f"{Path(command[0]).name}: {found}")
    assert all(comparison.mismatches == 0 for comparison in found), text
    return found


def assert_equal(comparisons: list[Comparison], least_walks: int) -> None:
    """All stacks were compared, but a few before the start."""
    walks = sum(comparison.walks for comparison in comparisons)
    assert walks >= least_walks
    assert all(comparison.unready <= MOST_UNREADY_PER_PROCESS for comparison in comparisons)
    assert sum(comparison.gaps + comparison.ended_early for comparison in comparisons) <= walks / 10_000


def test_exceptions(program: Program, tmp_path: Path) -> None:
    assert_equal(compare(tmp_path, [program("exceptions.cpp"), str(3000 * FACTOR)]), 60_000)


def test_containers(program: Program, tmp_path: Path) -> None:
    assert_equal(compare(tmp_path, [program("containers.cpp"), str(3000 * FACTOR)]), 20_000)


@pytest.mark.parametrize("binding", ["lazy", "now"])
def test_hard_frames(program: Program, tmp_path: Path, binding: str) -> None:
    path = program("frames.c", f"-Wl,-z,{binding}", output=f"frames_{binding}")
    assert_equal(compare(tmp_path, [path, str(4000 * FACTOR)]), 40_000)


@pytest.mark.parametrize("flags", ["-O0", "-O3", "-Os -fno-omit-frame-pointer", "-O2 -fcf-protection=full"])
def test_hard_frames_however_compiled(program: Program, tmp_path: Path, flags: str) -> None:
    path = program("frames.c", *flags.split(), output=f"frames{flags.replace(' ', '')}")
    assert_equal(compare(tmp_path, [path, str(1000 * FACTOR)]), 10_000)


def test_signal_handlers(program: Program, tmp_path: Path) -> None:
    assert_equal(compare(tmp_path, [program("handlers.c"), str(100 * FACTOR)]), 1000)


def test_code_that_comes_and_goes(program: Program, tmp_path: Path) -> None:
    shared = ("-shared", "-fPIC", "-fvisibility=hidden")
    libraries = [program("plugin.c", *shared, output=f"plugin_{name}.so") for name in "ab"]
    assert_equal(compare(tmp_path, [program("plugins.c"), *libraries, str(300 * FACTOR)]), 3000)


def test_threads(program: Program, tmp_path: Path) -> None:
    assert_equal(compare(tmp_path, [program("threads_arena.c"), "8", str(5000 * FACTOR)]), 30_000)


@pytest.mark.parametrize("depth", ["256", "5", "1000"])
def test_deep_stacks_are_cut_where_they_should_be(program: Program, tmp_path: Path, depth: str) -> None:
    command: list[str | Path] = [program("deep.c"), "1500", str(30 * FACTOR)]
    assert_equal(compare(tmp_path, command, ("--max-depth", depth)), 30)


def test_forked_children(program: Program, tmp_path: Path) -> None:
    comparisons = compare(tmp_path, [program("families.c"), "fork"])
    assert len(comparisons) == 2
    assert comparisons[0].walks == 1


def test_rust(program: Program, tmp_path: Path) -> None:
    assert_equal(compare(tmp_path, [program("collections.rs")]), 5000)


def test_sqlite3(require: Require, tmp_path: Path) -> None:
    statements = (
        "create table t(id integer primary key, name text, value real);"
        f"with recursive c(i) as (select 1 union all select i+1 from c where i < {20000 * FACTOR})"
        " insert into t select i, 'name ' || (i % 97), i * 0.5 from c;"
        "create index by_name on t(name);"
        "select name, count(*), sum(value) from t group by name order by 3 desc limit 5;"
    )
    assert_equal(compare(tmp_path, [require("sqlite3"), ":memory:", statements]), 20_000)


def test_python3(tmp_path: Path) -> None:
    code = (
        f"import json; rows = [{{'id': i, 'v': list(range(i % 40))}} for i in range({3000 * FACTOR})];"
        "json.loads(json.dumps(rows))"
    )
    assert_equal(compare(tmp_path, [os.path.realpath(sys.executable), "-s", "-S", "-B", "-c", code]), 100_000)


def test_a_compiler(program: Program, require: Require, tmp_path: Path) -> None:
    program("containers.cpp")  # there is a compiler
    source = Path(__file__).parent.parent / "programs" / "containers.cpp"
    command: list[str | Path] = [require("c++", "g++"), "-O1", "-c", source, "-o", tmp_path / "containers.o"]
    assert_equal(compare(tmp_path, command), 100_000)
