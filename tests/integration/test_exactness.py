"""The totals of real, single-threaded programs equal valgrind memcheck's HEAP SUMMARY, to the byte.

valgrind adds variables to a program's environment, and programs copy their environment. So vizzytrace runs each program
twice: in the plain environment, and with the variables that valgrind adds, LD_PRELOAD padded to the same length. The
second run must equal valgrind; the difference of the two is what the variables add, and is printed (pytest -s).
"""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from recording import Counts, Program, Record, Require

VALGRIND = ["--run-libc-freeres=no", "--run-cxx-freeres=no"]
FIXED = {"PYTHONHASHSEED": "0", "PERL_HASH_SEED": "0", "PERL_PERTURB_KEYS": "0", "TZ": "UTC", "HOME": "/nonexistent"}

SHOW_ENVIRONMENT = """
#include <stdio.h>
extern char **environ;
int main(void) { for (char **at = environ; *at; at++) printf("%s%c", *at, 0); return 0; }
"""


@dataclass(frozen=True, slots=True)
class Oracle:
    """One run under valgrind."""

    counts: Counts
    stdout: str


def run_valgrind(command: list[str], env: dict[str, str], cwd: Path) -> Oracle:
    """Counts a command's heap calls with memcheck."""
    log = cwd / "valgrind.log"
    run = subprocess.run(
        ["valgrind", *VALGRIND, f"--log-file={log}", *command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env=env,
        cwd=cwd,
        timeout=300,
    )
    text = log.read_text().replace(",", "")
    in_use = re.search(r"in use at exit: (\d+) bytes in (\d+) blocks", text)
    total = re.search(r"total heap usage: (\d+) allocs (\d+) frees (\d+) bytes allocated", text)
    assert in_use is not None, f"valgrind printed no HEAP SUMMARY: {run.stderr}{text}"
    assert total is not None
    return Oracle(Counts(*map(int, (*total.groups(), *in_use.groups()))), run.stdout)


def parse_environment(shown: str) -> dict[str, str]:
    """The environment that SHOW_ENVIRONMENT printed."""
    return dict(entry.split("=", 1) for entry in shown.split("\0") if "=" in entry)


@pytest.fixture
def valgrind_variables(record: Record, require: Require, tmp_path: Path) -> dict[str, str]:
    """The variables that valgrind adds to a program's environment, as a program that prints it finds them.

    LD_PRELOAD stands for as many colons, which ld.so skips, as make vizzytrace's own value as long as valgrind's.
    """
    require("valgrind")
    (tmp_path / "show.c").write_text(SHOW_ENVIRONMENT)
    show = tmp_path / "show"
    subprocess.run(["cc", "-o", show, show.with_suffix(".c")], check=True)
    base = {"PATH": os.environ["PATH"], "LC_ALL": "C", "PWD": str(tmp_path)}
    variables = parse_environment(run_valgrind([str(show)], base, tmp_path).stdout)
    recorded = parse_environment(record(show, env=base).stdout)
    n_colons = len(variables["LD_PRELOAD"]) - len(recorded["LD_PRELOAD"])
    assert n_colons > 1, "vizzytrace's LD_PRELOAD is the longer one: shorten TMPDIR"
    # One colon more is the separator that vizzytrace adds.
    added = {name: value for name, value in variables.items() if base.get(name) != value}
    padded = {**added, "LD_PRELOAD": ":" * (n_colons - 1)}
    recorded = parse_environment(record(show, env={**base, **padded}).stdout)
    assert {name: len(value) for name, value in recorded.items()} == {
        name: len(value) for name, value in variables.items()
    }
    return padded


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """A directory of fixed inputs, the same for every run of a test."""
    directory = tmp_path / "inputs"
    tree = directory / "tree"
    for i in range(40):
        folder = tree / f"folder {i % 8}" / f"ältere {i % 5}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"file{i}.txt").write_text(f"line {i}\n" * (i + 1))
    words = [f"{i * 7919 % 10007} wörd{i % 131} {'x' * (i % 17)}" for i in range(3000)]
    (directory / "words.txt").write_text("\n".join(words) + "\n")
    rows = [{"id": i, "name": f"näme {i % 53}", "values": list(range(i % 9))} for i in range(800)]
    (directory / "rows.json").write_text(json.dumps(rows))
    return directory


AWK = "{ count[$2] += $1; text = text substr($2, 1, 3) } END { for (w in count) n++; print n, length(text) }"
SQL = (
    "create table t(id integer primary key, name text, value real);"
    "with recursive c(i) as (select 1 union all select i+1 from c where i < 5000)"
    " insert into t select i, 'name ' || (i % 97), i * 0.5 from c;"
    "create index by_name on t(name);"
    "select name, count(*), sum(value) from t group by name order by 3 desc limit 5;"
)
PERL = 'my %h; for my $i (1..5000) { push @{$h{"k".($i % 97)}}, "v" x ($i % 50) } print scalar(keys %h), "\\n";'
PYTHON = (
    "import json, re; rows = json.load(open('rows.json', encoding='utf-8')); "
    "print(len(rows), len(re.findall('[0-9]+', json.dumps(rows))))"
)

PROGRAMS: dict[str, list[str]] = {
    "find": ["find", "tree", "-name", "*.txt", "-size", "-3", "-printf", "%p %s\\n"],
    "sort": ["sort", "--parallel=1", "-S", "1M", "-k2,2", "-k1,1n", "words.txt"],
    "grep": ["grep", "-E", "-c", "w(ö|o)rd1?[0-9]*[13579] x{3,}", "words.txt"],
    "mawk": ["mawk", AWK, "words.txt"],
    "gawk": ["gawk", AWK, "words.txt"],
    "jq": [
        "jq",
        "-c",
        "group_by(.name) | map({name: .[0].name, n: length, sum: (map(.values | add // 0) | add)})",
        "rows.json",
    ],
    "sqlite3": ["sqlite3", ":memory:", SQL],
    "perl": ["perl", "-e", PERL],
    "python3": [os.path.realpath(sys.executable), "-s", "-S", "-B", "-c", PYTHON],
}
UTF8 = [name for name in PROGRAMS if name not in ("python3", "sqlite3")]


def assert_equals_valgrind(
    record: Record, command: list[str], env: dict[str, str], cwd: Path, valgrind_variables: dict[str, str]
) -> None:
    """Compares a command's counts under valgrind and under vizzytrace, in the same environment."""
    env = {**env, "PWD": str(cwd)}
    oracle = run_valgrind(command, env, cwd)
    plain = record(*command, env=env, cwd=cwd)
    same = record(*command, env={**env, **valgrind_variables}, cwd=cwd)
    added = same.main.counts - plain.main.counts
    print(f"\n{command[0]}: valgrind {oracle.counts}")
    print(f"  vizzytrace, plain environment: {plain.main.counts}")
    print(f"  valgrind's variables {sorted(valgrind_variables)} add {added}")
    assert same.stdout == plain.stdout == oracle.stdout
    assert same.main.counts == oracle.counts
    assert not plain.anomalies
    assert not same.anomalies


@pytest.mark.parametrize("name", PROGRAMS)
def test_equals_valgrind(
    record: Record, require: Require, inputs: Path, valgrind_variables: dict[str, str], name: str
) -> None:
    command = [require(PROGRAMS[name][0]), *PROGRAMS[name][1:]]
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C", **FIXED}
    assert_equals_valgrind(record, command, env, inputs, valgrind_variables)


@pytest.mark.parametrize("name", UTF8)
def test_equals_valgrind_in_a_utf8_locale(
    record: Record, require: Require, inputs: Path, valgrind_variables: dict[str, str], name: str
) -> None:
    command = [require(PROGRAMS[name][0]), *PROGRAMS[name][1:]]
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **FIXED}
    assert_equals_valgrind(record, command, env, inputs, valgrind_variables)


@pytest.mark.parametrize("source", ["containers.cpp", "collections.rs"])
def test_compiled_program_equals_valgrind(
    record: Record, program: Program, tmp_path: Path, valgrind_variables: dict[str, str], source: str
) -> None:
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C", **FIXED}
    assert_equals_valgrind(record, [str(program(source))], env, tmp_path, valgrind_variables)


def test_own_counts_equal_valgrind(
    record: Record, program: Program, tmp_path: Path, valgrind_variables: dict[str, str]
) -> None:
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    command = [str(program("churn.c")), "20000", "100"]
    oracle = run_valgrind(command, env, tmp_path)
    assert record(*command, env=env).main.counts == oracle.counts
