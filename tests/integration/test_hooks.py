"""Every hook is worth its line: what it records is found, and without the line it is missed (a mutation run).

A mutant is vizzytrace with one name of its library made a symbol that the loader passes over, as if its line in
hooks.def had never been there. Recordings are CSV, which takes no time to read; only threads' names are not in there.
"""

import csv
import io
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from recording import ROOT, Program, run_vizreport

HOOKS = re.findall(
    r"^VZ_(?:(?:ALLOC|FREE)\(\w+, (\w+)|(?:REALLOC|NEW|DELETE)\((\w+)|OTHER\([^,]+, (\w+))",
    (ROOT / "libtrace/record/hooks.def").read_text(),
    re.MULTILINE,
)
NAMES = ["".join(groups) for groups in HOOKS]
SYMBOL_BYTES, INFO_OFFSET, STT_FILE = 24, 4, 4

Evidence = Callable[[Path, str], tuple[list[str], set[str]]]


def mutate(vizzytrace: bytes, library: bytes, name: str) -> bytes:
    """vizzytrace whose library no longer interposes `name`."""
    table = ELFFile(io.BytesIO(library)).get_section_by_name(".dynsym")
    assert isinstance(table, SymbolTableSection)
    [index] = [i for i, symbol in enumerate(table.iter_symbols()) if symbol.name == name]
    at = table["sh_offset"] + index * SYMBOL_BYTES + INFO_OFFSET
    mutant = library[:at] + bytes([library[at] & 0xF0 | STT_FILE]) + library[at + 1 :]
    assert vizzytrace.count(library) == 1, "vizzytrace carries another library than the one that was built"
    return vizzytrace.replace(library, mutant)


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file, by the names in its first line."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_evidence(trace: Path, program: Path) -> set[str]:
    """What was recorded, in the words of each_function.c; of events with a stack, those whose leaf is the program."""
    facts = read_rows(trace.with_suffix(".stacks.csv"))
    modules = [row for row in facts if row["record"] == "module" and row["name"] == str(program)]
    code = [range(int(row["address"], 0), int(row["end"], 0)) for row in modules]
    nodes = [row for row in facts if row["record"] == "node"]
    called_by_program = {row["id"] for row in nodes if any(int(row["address"], 0) in part for part in code)}
    events = {
        f"{row['function']},{row['address']},{row['size']}"
        for row in read_rows(trace)
        if row["stack_id"] == "0" or row["stack_id"] in called_by_program
    }
    ends = {f"end,{row['detail']},{row['id']}" for row in facts if row["record"] == "image_end"}
    return events | ends | {"unload" for row in facts if row["record"] == "unload"}


def read_thread_names(trace: Path) -> set[str]:
    """The names of the first image's threads, in the words of each_function.c."""
    threads = json.loads(run_vizreport("info", "--json", str(trace)))["processes"][0]["threads"]
    return {f"thread,{thread['name']}" for thread in threads}


@pytest.fixture(scope="module")
def record_one(program: Program, tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """Records each_function.c with a given vizzytrace: what the program expects, and what the recording holds."""
    flags = ("-shared", "-fPIC")
    allocator = program("bump_allocator.c", *flags, output="libbump.so")
    plugin = program("plugin.c", *flags, "-fvisibility=hidden", output="plugin_a.so")
    plain = program("each_function.c")
    own = program("each_function.c", str(allocator), f"-Wl,-rpath,{allocator.parent}", output="each_function_own")
    directory = tmp_path_factory.mktemp("hooks")

    def record(vizzytrace: Path, name: str) -> tuple[list[str], set[str]]:
        # glibc's reallocarray goes on to realloc, and libstdc++'s operators to malloc and free: those have hooks.
        path = own if name.startswith("_Z") or name == "reallocarray" else plain
        names = name == "pthread_setname_np"
        trace = directory / ("names.trace" if names else "events.csv")
        run = subprocess.run(
            [vizzytrace, "-q", trace, path, name, plugin], capture_output=True, text=True, check=False, timeout=30
        )
        assert run.returncode == 0, run.stderr
        return run.stdout.splitlines(), read_thread_names(trace) if names else read_evidence(trace, path)

    return record


@pytest.mark.parametrize("name", NAMES)
def test_a_hook_records(record_one: Evidence, vizzytrace: Path, name: str) -> None:
    expected, recorded = record_one(vizzytrace, name)
    assert expected
    assert set(expected) <= recorded


@pytest.mark.parametrize("name", NAMES)
def test_a_hook_that_is_removed_is_missed(record_one: Evidence, vizzytrace: Path, tmp_path: Path, name: str) -> None:
    library = vizzytrace.parents[1] / "libtrace/record/libvizzy.so"
    mutant = tmp_path / "vizzytrace"
    mutant.write_bytes(mutate(vizzytrace.read_bytes(), library.read_bytes(), name))
    mutant.chmod(0o755)
    expected, recorded = record_one(mutant, name)
    assert expected
    assert not set(expected) <= recorded, f"no test notices that the hook of {name} is gone"
