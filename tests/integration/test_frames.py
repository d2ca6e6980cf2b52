"""Frames equal llvm-symbolizer 19's in depth, file and line, whatever kind of debug information and wherever it lies.

Each case asks about some thousand addresses of a file, spread over all its functions: VIZZY_TEST_FRAMES sets how many;
0 is every address. Names are compared elsewhere: tools differ in which of a function's names they show.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from recording import ROOT, Program, Require

from vizreport.symbols.debug_files import find_files
from vizreport.symbols.debug_finder import DebugFinder
from vizreport.symbols.elf_file import ElfFile
from vizreport.symbols.function_table import read_function_table
from vizreport.symbols.options import SymbolOptions

N_ADDRESSES = int(os.environ.get("VIZZY_TEST_FRAMES", "2000"))

PROGRAMS = ROOT / "tests" / "programs"

Lines = list[tuple[str, int]]
Run = Callable[..., None]


@pytest.fixture
def run(require: Require) -> Run:
    """Runs a command, the Debian package of which is named."""

    def run_command(*command: str | Path, package: str) -> None:
        require(str(command[0]), package)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    return run_command


def choose_addresses(path: Path) -> list[int]:
    """Addresses of a file with a symbol table, at random but always the same."""
    table = read_function_table(ElfFile(path))
    assert table is not None
    sizes = (table.ends - table.values).astype(np.int64)
    ends = np.cumsum(sizes)
    n = int(ends[-1])
    picks = np.arange(n) if not N_ADDRESSES else np.random.default_rng(1).choice(n, min(n, N_ADDRESSES), replace=False)
    rows = np.searchsorted(ends, picks, side="right")
    return sorted(
        {int(table.values[row]) + int(pick - ends[row] + sizes[row]) for row, pick in zip(rows, picks, strict=True)}
    )


def ask_llvm(require: Require, path: Path, addresses: list[int]) -> dict[int, Lines]:
    """What llvm-symbolizer says: (file, line) of each frame, innermost first."""
    run = subprocess.run(
        [require("llvm-symbolizer-19", "llvm-19"), "--output-style=JSON", f"--obj={path}"],
        input="".join(f"{address:#x}\n" for address in addresses),
        capture_output=True,
        text=True,
        check=True,
    )
    answers = {}
    for answer in map(json.loads, run.stdout.splitlines()):
        lines = [(frame["FileName"], frame["Line"]) for frame in answer["Symbol"]]
        # Without debug information it shows what file the symbol table names: no path, no line.
        is_from_symbols = len(lines) == 1 and lines[0][1] == 0 and "/" not in lines[0][0]
        answers[int(answer["Address"], 16)] = [("", 0)] if is_from_symbols else lines
    return answers


def find_lines(finder: DebugFinder, addresses: list[int]) -> dict[int, Lines]:
    """The same by vizreport's reader."""
    frames = finder.find(addresses)
    return {
        address: [(frame.file or "", frame.line or 0) for frame in frames.get(address, ())] or [("", 0)]
        for address in addresses
    }


def compare(require: Require, path: Path, *, oracle: Path | None = None, options: SymbolOptions | None = None) -> None:
    """Demands that vizreport says of a file what llvm-symbolizer says of one with the same code, or of itself."""
    warnings: list[str] = []
    build_id = ElfFile(path).build_id
    options = options or SymbolOptions(debuginfod=False)
    files = find_files(str(path), build_id, options, None, warnings.append, is_command=False, recorded_ns=1 << 63)
    assert files.debug is not None
    addresses = choose_addresses(oracle or path)
    expected = ask_llvm(require, oracle or path, addresses)
    found = find_lines(DebugFinder(files.debug, files.supplement, warnings.append), addresses)
    assert warnings == []
    different = [address for address in addresses if found[address] != expected[address]]
    assert not different, (hex(different[0]), len(different), found[different[0]], expected[different[0]])
    n_inlined = sum(len(lines) > 1 for lines in expected.values())
    n_lines = sum(lines[0][1] > 0 for lines in expected.values())
    print(f"\n{path.name}: {len(addresses)} addresses equal, {n_lines} with lines, {n_inlined} with inlined functions")
    assert n_lines > len(addresses) / 2


@pytest.fixture
def original(program: Program) -> Path:
    """A C++ program with inlining."""
    return program("containers.cpp")


@pytest.mark.parametrize("version", [2, 3, 4, 5])
def test_gcc(require: Require, program: Program, version: int) -> None:
    compare(require, program("containers.cpp", f"-gdwarf-{version}", output=f"containers-dwarf{version}"))


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("dwarf64", ["-gdwarf64"]),
        ("types", ["-fdebug-types-section"]),
        ("types4", ["-fdebug-types-section", "-gdwarf-4"]),
        ("lto", ["-flto"]),
        ("sections", ["-ffunction-sections", "-Wl,--gc-sections"]),
        ("zlib", ["-gz=zlib"]),
        ("g1", ["-g1"]),
        ("no-pie", ["-no-pie"]),
        ("no-build-id", ["-Wl,--build-id=none"]),
    ],
)
def test_variants_of_gcc(require: Require, program: Program, name: str, flags: list[str]) -> None:
    compare(require, program("containers.cpp", *flags, output=f"containers-{name}"))


@pytest.mark.parametrize("flags", [["-gdwarf-4"], ["-gdwarf-5"], ["-gdwarf-5", "-gline-tables-only"]])
def test_clang(run: Run, require: Require, tmp_path: Path, flags: list[str]) -> None:
    output = tmp_path / "containers"
    source = PROGRAMS / "containers.cpp"
    run("clang++", "-O2", "-g", "-std=c++17", "-pthread", *flags, source, "-o", output, "-ldl", package="clang")
    compare(require, output)


@pytest.mark.parametrize("mangling", ["legacy", "v0"])
def test_rust(require: Require, program: Program, mangling: str) -> None:
    options = ["-C", "symbol-mangling-version=v0"] if mangling == "v0" else []
    compare(require, program("collections.rs", *options, output=f"collections-{mangling}"))


@pytest.mark.parametrize("way", ["zlib", "zlib-gnu", "zstd"])
def test_compressed_sections(run: Run, require: Require, original: Path, tmp_path: Path, way: str) -> None:
    compressed = tmp_path / way
    run("objcopy", f"--compress-debug-sections={way}", original, compressed, package="binutils")
    compare(require, compressed, oracle=original)


@pytest.mark.parametrize("folder", [".", ".debug"])
def test_a_debug_file_beside_a_stripped_one(
    run: Run, require: Require, original: Path, tmp_path: Path, folder: str
) -> None:
    debug, stripped = tmp_path / folder / "containers.debug", tmp_path / "containers"
    debug.parent.mkdir(exist_ok=True)
    split(run, original, debug, stripped)
    compare(require, stripped, oracle=original)


def test_a_debug_file_in_a_build_id_directory(run: Run, require: Require, original: Path, tmp_path: Path) -> None:
    name = ElfFile(original).build_id.hex()
    debug, stripped = tmp_path / "debug/.build-id" / name[:2] / f"{name[2:]}.debug", tmp_path / "containers"
    debug.parent.mkdir(parents=True)
    split(run, original, debug, stripped)
    compare(require, stripped, oracle=original, options=SymbolOptions(debug_dirs=(str(tmp_path / "debug"),)))


def test_split_dwarf_by_llvm_symbolizer(run: Run, require: Require, tmp_path: Path) -> None:
    """The own reader knows the lines of split DWARF, but not what was inlined."""
    output = tmp_path / "containers"
    source = PROGRAMS / "containers.cpp"
    flags = ["-O2", "-g", "-gsplit-dwarf", "-std=c++17", "-pthread"]
    run("g++", *flags, source, "-o", output, "-ldl", package="g++")
    compare(require, output)


def test_split_dwarf_without_llvm_symbolizer(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "containers"
    flags = ["-O2", "-g", "-gsplit-dwarf", "-std=c++17", "-pthread"]
    run("g++", *flags, PROGRAMS / "containers.cpp", "-o", output, "-ldl", package="g++")
    monkeypatch.setenv("VIZZY_LLVM_SYMBOLIZER", "")
    warnings: list[str] = []
    found = find_lines(DebugFinder(ElfFile(output), None, warnings.append), choose_addresses(output))
    assert sum(lines[0][1] > 0 for lines in found.values()) > len(found) / 2
    (warning,) = warnings
    assert "llvm-symbolizer" in warning


def split(run: Run, original: Path, debug: Path, stripped: Path) -> None:
    """Makes a stripped file that names its debug file, as distributions do."""
    run("objcopy", "--only-keep-debug", original, debug, package="binutils")
    run("objcopy", "--strip-all", f"--add-gnu-debuglink={debug}", original, stripped, package="binutils")


def test_debug_information_shared_by_dwz(run: Run, require: Require, original: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for copy in (first, second):
        run("cp", original, copy, package="coreutils")
    run("dwz", "-m", tmp_path / "shared.dwz", "-M", "shared.dwz", first, second, package="dwz")
    assert (tmp_path / "shared.dwz").exists()
    compare(require, first, oracle=original)


MACHINES = {
    "big-endian": ("s390x-linux-gnu-gcc",),
    "arm": ("arm-linux-gnueabihf-gcc", "-marm"),
    "thumb": ("arm-linux-gnueabihf-gcc", "-mthumb"),
    "aarch64": ("aarch64-linux-gnu-gcc",),
    "riscv64": ("riscv64-linux-gnu-gcc",),
    "i686": ("i686-linux-gnu-gcc",),
}
each_machine = pytest.mark.parametrize("machine", MACHINES)


@pytest.fixture
def build_alone(run: Run, tmp_path: Path) -> Callable[..., Path]:
    """Builds a program for a machine, without a C library: none is needed to look at the file."""

    def build(machine: str, *flags: str) -> Path:
        source, output = tmp_path / "alone.c", tmp_path / "alone"
        source.write_text(ALONE)
        compiler, *options = MACHINES[machine]
        command = [compiler, "-O2", *options, *flags, "-ffreestanding", "-nostdlib", "-static", source, "-o", output]
        run(*command, package=f"gcc-{compiler.removesuffix('-gcc')}")
        return output

    return build


@each_machine
@pytest.mark.parametrize("version", [3, 4, 5])
def test_other_machines(require: Require, build_alone: Callable[..., Path], machine: str, version: int) -> None:
    compare(require, build_alone(machine, "-g", f"-gdwarf-{version}"))


@each_machine
def test_symbol_tables_of_other_machines(require: Require, build_alone: Callable[..., Path], machine: str) -> None:
    """Names of functions at every byte of code: mapping symbols ($a, $t, $d, $x) are none, nor is the Thumb bit."""
    path = build_alone(machine, "-g0")
    table = read_function_table(ElfFile(path))
    assert table is not None
    start, size = find_text(require, path)
    addresses = list(range(start, start + size))
    run = subprocess.run(
        [require("llvm-symbolizer-19", "llvm-19"), "--output-style=JSON", f"--obj={path}"],
        input="".join(f"{address:#x}\n" for address in addresses),
        capture_output=True,
        text=True,
        check=True,
    )
    expected = [json.loads(line)["Symbol"][0]["FunctionName"] for line in run.stdout.splitlines()]
    assert [table.find(address) or "" for address in addresses] == expected
    assert {"work", "_start"} <= set(expected)


def find_text(require: Require, path: Path) -> tuple[int, int]:
    """Address and size of the code."""
    run = subprocess.run([require("readelf", "binutils"), "-SW", path], capture_output=True, text=True, check=True)
    fields = next(line for line in run.stdout.splitlines() if " .text " in line).split("]")[1].split()
    return int(fields[2], 16), int(fields[4], 16)


ALONE = """
static inline __attribute__((always_inline)) int square(int x) { return x * x; }
static inline __attribute__((always_inline)) int twice(int x) { return square(x) + square(x + 1); }
volatile int sink;
__attribute__((noinline)) int work(int n) {
    int sum = 0;
    for (int i = 0; i < n; i++) {
        sink = i;
        sum += twice(sink);
    }
    return sum;
}
void _start(void) { sink = work(sink); for (;;) ; }
"""


@pytest.mark.parametrize(
    ("pattern", "package"),
    [
        ("/usr/lib/*/debug/libstdc++.so.6", "libstdc++6-12-dbg"),
        ("/usr/lib/debug/.build-id/*/*.debug", "libc6-dbg"),
    ],
)
def test_libraries_of_the_system(require: Require, pattern: str, package: str) -> None:
    found = sorted(Path("/").glob(pattern.lstrip("/")), key=lambda path: path.stat().st_size)
    if not found:
        require(pattern, package)
    compare(require, found[-1])
