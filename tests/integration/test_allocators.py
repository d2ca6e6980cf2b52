"""Programs with an allocator other than the C library's are counted as with that: jemalloc, tcmalloc, mimalloc."""

import os
import sys
from pathlib import Path

import pytest
from evidence import gather_evidence, read_hooks
from recording import ENVIRONMENT, Counts, Program, Record, Require, read_tallies

# A shared library, and its Debian package.
ALLOCATORS = {
    "jemalloc": ("libjemalloc.so.2", "libjemalloc2"),
    "tcmalloc": ("libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"),
    "mimalloc": ("libmimalloc.so.2", "libmimalloc2.0"),
}
HEAP_HOOKS = [name for name, kind in read_hooks().items() if kind != "OTHER"]
WITH_CXX = ("-Wl,--no-as-needed", "-lstdc++", "-Wl,--as-needed")

PYTHON = "import json; print(len(json.dumps([{'n': i, 'text': 'x' * (i % 50)} for i in range(3000)])))"
SQL = (
    "create table t(id integer primary key, name text);"
    "with recursive c(i) as (select 1 union all select i+1 from c where i < 3000)"
    " insert into t select i, 'name ' || (i % 97) from c;"
    "select name, count(*) from t group by name order by 2 desc, 1 limit 3;"
)
# None of them copies its environment, which differs by the preloaded library's name.
COMMANDS = {
    "sqlite3": ["sqlite3", ":memory:", SQL],
    "jq": ["jq", "-n", '[range(2000) | {a: ., b: (. * 2 | tostring)}] | map(.b) | join(" ") | length'],
    "sort": ["sort", "--parallel=1", "-S", "1M", "/etc/services", "/etc/passwd"],
    "python3": [os.path.realpath(sys.executable), "-I", "-S", "-B", "-c", PYTHON],
}


@pytest.fixture(params=ALLOCATORS)
def allocator(request: pytest.FixtureRequest, require: Require) -> str:
    """The path of one allocator after another."""
    return require(*ALLOCATORS[request.param])


def count(record: Record, idle: Path, *command: str | Path, preload: str | None = None) -> Counts:
    """What a command allocates, without what an idle program does: allocators bring the C++ library along."""
    env = {**ENVIRONMENT, "PYTHONHASHSEED": "0", **({"LD_PRELOAD": preload} if preload else {})}
    recording, nothing = record(*command, env=env), record(idle, env=env)
    assert recording.status == 0, recording.stderr
    assert not recording.anomalies
    return recording.main.counts - nothing.main.counts


@pytest.mark.parametrize("name", COMMANDS)
def test_a_preloaded_allocator_changes_no_count(
    record: Record, program: Program, require: Require, allocator: str, name: str
) -> None:
    command = [require(COMMANDS[name][0]), *COMMANDS[name][1:]]
    idle = program("nothing.c")
    assert count(record, idle, *command, preload=allocator) == count(record, idle, *command)


@pytest.mark.parametrize("way", ["preloaded", "linked"])
def test_containers_are_counted_as_without(record: Record, program: Program, allocator: str, way: str) -> None:
    plain, plain_idle = program("containers.cpp"), program("nothing.c", *WITH_CXX, output="nothing_cxx")
    expected = count(record, plain_idle, plain)
    if way == "preloaded":
        assert count(record, plain_idle, plain, preload=allocator) == expected
    else:
        tag = Path(allocator).name
        linked = program("containers.cpp", allocator, output=f"containers_{tag}")
        idle = program("nothing.c", "-Wl,--no-as-needed", allocator, "-lstdc++", output=f"nothing_{tag}")
        assert count(record, idle, linked) == expected


@pytest.mark.parametrize("way", ["preloaded", "linked"])
def test_threads_are_exact(record: Record, program: Program, allocator: str, way: str) -> None:
    path = program("threads_arena.c")
    env = {**ENVIRONMENT, "LD_PRELOAD": allocator}
    if way == "linked":
        path = program("threads_arena.c", "-Wl,--no-as-needed", allocator, output=f"arena_{Path(allocator).name}")
        env = ENVIRONMENT
    idle, recording = record(path, "6", "0", env=env), record(path, "6", "20000", env=env)
    assert recording.status == 0, recording.stderr
    assert not recording.anomalies
    assert recording.main.counts - idle.main.counts == read_tallies(recording.stdout)[0].counts


@pytest.mark.parametrize("name", HEAP_HOOKS)
def test_each_function_is_recorded(
    vizzytrace: Path, program: Program, tmp_path: Path, allocator: str, name: str
) -> None:
    path = program("each_function.c", *WITH_CXX, output="each_function_cxx")
    evidence = gather_evidence(vizzytrace, tmp_path, path, name, path, {"LD_PRELOAD": allocator})
    assert evidence.expected
    assert evidence.has_blocks


def test_a_static_allocator_is_named(record: Record, program: Program, require: Require) -> None:
    archive = require("libjemalloc.a", "libjemalloc-dev")
    path = program("churn.c", archive, "-lm", "-lstdc++", output="churn_jemalloc")
    recording = record(path, "1000", "10")
    assert recording.status == 0
    assert f"{path}: has an allocator of its own" in recording.stderr
