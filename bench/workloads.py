"""What is run: programs of our own in workloads/, programs that people use, and those of mimalloc-bench where given."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

SOURCES = Path(__file__).parent / "workloads"


@dataclass(frozen=True, slots=True)
class Workload:
    """One command to measure, and what it reads."""

    name: str
    command: tuple[str, ...]
    stdin: Path | None = None
    environment: dict[str, str] = field(default_factory=dict)
    n_processes: int = 0  # short ones that it starts; 0: it is measured by itself

    @property
    def program(self) -> str:
        """Path of the executable."""
        return shutil.which(self.command[0]) or self.command[0]


def compile_workload(source: str, build: Path) -> str:
    """Compiles one of workloads/, unless that was done; returns the program's path."""
    path = SOURCES / source
    program = build / path.stem
    if not program.exists() or program.stat().st_mtime < path.stat().st_mtime:
        compiler = (
            ["c++", "-std=c++17"] if path.suffix == ".cpp" else ["cc", "-std=c11", "-D_GNU_SOURCE", "-fno-builtin"]
        )
        subprocess.run([*compiler, "-O2", "-g", "-pthread", str(path), "-o", str(program)], check=True)
    return str(program)


def own(name: str, source: str, rounds: int, *arguments: str) -> Callable[[Path, float], Workload]:
    """A workload compiled from workloads/, whose first argument is its length: `rounds` at scale 1."""

    def make(build: Path, scale: float) -> Workload:
        return Workload(name, (compile_workload(source, build), str(max(1, int(rounds * scale))), *arguments))

    return make


def make_compiler(build: Path, scale: float) -> Workload:
    """The C++ compiler proper on generated code: deep stacks, hundreds of thousands of distinct ones."""
    source = build / "generated.cpp"
    includes = "#include <map>\n#include <regex>\n#include <string>\n#include <vector>\n"
    functions = (
        f"std::size_t f{i}(const std::string &s) {{ std::map<std::string, std::vector<S{i}>> m;"
        f' m[s].push_back({{{i}, s}}); return m.size() + std::regex_match(s, std::regex(s + "{i}")); }}\n'
        for i in range(max(1, int(12 * scale)))
    )
    structs = (f"struct S{i} {{ int n; std::string s; }};\n" for i in range(max(1, int(12 * scale))))
    source.write_text(includes + "".join(structs) + "".join(functions))
    preprocessed = build / "generated.ii"
    subprocess.run(["c++", "-std=c++17", "-E", str(source), "-o", str(preprocessed)], check=True)
    found = subprocess.run(
        ["c++", "-print-prog-name=cc1plus"], capture_output=True, text=True, check=True
    ).stdout.strip()
    command = (found, "-std=c++17", "-O2", "-quiet", "-fpreprocessed", str(preprocessed), "-o", "/dev/null")
    return Workload("cc1plus -O2", command)


def make_sqlite(build: Path, scale: float) -> Workload:
    """The sqlite3 shell: inserts, an index, grouping and joins, all in memory."""
    script = build / "generated.sql"
    script.write_text(
        f"""CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c REAL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {int(1_400_000 * scale)})
    INSERT INTO t SELECT i, 'name-' || (i * 7919 % 10007), i * 0.5 FROM n;
CREATE INDEX t_b ON t(b);
SELECT count(*) FROM (SELECT b, count(*), sum(c), group_concat(a) FROM t GROUP BY b);
SELECT count(*) FROM (SELECT x.b, upper(x.b) || y.c FROM t x JOIN t y ON y.a = x.a * 31 % 1009 ORDER BY 2);
"""
    )
    return Workload("sqlite3", ("sqlite3", ":memory:"), stdin=script)


def make_python(build: Path, scale: float) -> Workload:
    """Python with its small-object pools off, so that each object is a block of its own."""
    script = build / "generated.py"
    script.write_text(
        f"""import json
document = {{str(i): [i, i * 0.5, "name" * (i % 7), {{"deep": [None, str(i)]}}] for i in range(2000)}}
for _ in range({max(1, int(750 * scale))}):
    document = json.loads(json.dumps(document))
"""
    )
    interpreter = os.path.realpath(sys.executable)
    return Workload("python3 (json)", (interpreter, "-S", str(script)), environment={"PYTHONMALLOC": "malloc"})


def make_processes(build: Path, scale: float) -> Workload:
    """A shell loop that starts `true`: what each short process costs."""
    n = int(5000 * scale)
    script = build / "generated.sh"
    script.write_text(f"i=0\nwhile [ $i -lt {n} ]; do {shutil.which('true')}; i=$((i + 1)); done\n")
    return Workload("short processes", ("sh", str(script)), n_processes=n)


WORKLOADS: dict[str, Callable[[Path, float], Workload]] = {
    "churn": own("churn, 1 thread", "churn.c", 200_000_000),
    "threads": own("churn, 4 threads", "threads.c", 35_000_000, "4"),
    "deep": own("deep stacks", "deep.c", 3_000_000),
    "realloc": own("realloc growth", "realloc.c", 10_000_000),
    "strings": own("C++ strings and maps", "strings.cpp", 7_000_000),
    "cc1plus": make_compiler,
    "sqlite3": make_sqlite,
    "python3": make_python,
    "busy": own("2 busy threads", "busy.c", 4, "2"),
    "processes": make_processes,
}


def find_mimalloc_bench(folder: Path) -> list[Workload]:
    """Those programs of mimalloc-bench that were built into `folder`, out/bench of its checkout, as it runs them."""
    inputs = next((above / "bench" for above in folder.parents if (above / "bench" / "espresso").is_dir()), folder)
    commands = {
        "cfrac": ("17545186520507317056371138836327483792789528",),
        "espresso": (str(inputs / "espresso" / "largest.espresso"),),
        "alloc-test": ("1",),
        "mstress": ("2", "50", "75"),
        "larson": ("5", "8", "1000", "5000", "100", "4141", "2"),
        "glibc-thread": ("2",),
    }
    return [
        Workload(name, (str(folder / name), *arguments))
        for name, arguments in commands.items()
        if (folder / name).exists()
    ]


def missing_tools() -> list[str]:
    """Commands that the workloads need and that are not there."""
    return [tool for tool in ("cc", "c++", "sqlite3", "heaptrack") if shutil.which(tool) is None]
