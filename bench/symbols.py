"""How long names take: one large debug file, many addresses; first by the own reader and by llvm-symbolizer, then kept.

    .venv/bin/python bench/symbols.py FILE [N]

FILE is an ELF file with debug information and a symbol table, for example that of Debian's ceph-mds-dbg (266 MB when
decompressed by objcopy). N addresses, 10,000 if it is not given, are spread over all its functions.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from vizreport.symbols.elf_file import ElfFile
from vizreport.symbols.function_table import read_function_table
from vizreport.symbols.module_names import ModuleKey, ModuleNamer
from vizreport.symbols.options import SymbolOptions

MEBI = 1 << 20


def choose_addresses(path: Path, n: int) -> list[int]:
    """Returns addresses in the file's functions, at random but always the same."""
    table = read_function_table(ElfFile(path))
    assert table is not None
    ends = np.cumsum((table.ends - table.values).astype(np.int64))
    picks = np.random.default_rng(1).choice(int(ends[-1]), min(n, int(ends[-1])), replace=False)
    rows = np.searchsorted(ends, picks, side="right")
    return [int(table.ends[row]) - int(ends[row] - pick) for row, pick in zip(rows, picks, strict=True)]


def name_addresses(path: Path, n: int) -> None:
    """Does it once, in this process, and prints what it took."""
    addresses = choose_addresses(path, n)
    begin, begin_cpu = time.perf_counter(), time.process_time()
    key = ModuleKey(str(path), ElfFile(path).build_id, False, 1 << 62)
    namer = ModuleNamer(key, SymbolOptions(debuginfod=False), None, lambda text: print(text, file=sys.stderr))
    places = namer.find_places(addresses)
    wall, cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
    n_lines = sum(any(place.line for place in places[address]) for address in addresses)
    n_frames = sum(len(places[address]) for address in addresses)
    own, child = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    cpu += child.ru_utime + child.ru_stime
    peak = max(own.ru_maxrss, child.ru_maxrss) * 1024 / MEBI
    print(f"{wall:8.2f} {cpu:8.2f} {peak:8.0f} {n_lines:8} {n_frames:8}")


def main() -> None:
    """Runs each way in a process of its own."""
    if sys.argv[1] == "--once":
        name_addresses(Path(sys.argv[2]), int(sys.argv[3]))
        return
    path, n = Path(sys.argv[1]).resolve(), sys.argv[2] if len(sys.argv) > 2 else "10000"
    print(f"{path.name}: {path.stat().st_size / MEBI:.0f} MiB, {n} addresses")
    print(f"{'':24} {'wall s':>8} {'cpu s':>8} {'MiB':>8} {'lines':>8} {'frames':>8}")
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "XDG_CACHE_HOME": f"{folder}/first"}
        ways = {
            "own reader": {**environment, "VIZZY_LLVM_SYMBOLIZER": ""},
            "names kept": environment,
            "llvm-symbolizer": {**environment, "XDG_CACHE_HOME": f"{folder}/second"},
        }
        for way, variables in ways.items():
            print(f"{way:24}", end=" ", flush=True)
            subprocess.run([sys.executable, __file__, "--once", path, n], env=variables, check=True)


if __name__ == "__main__":
    main()
