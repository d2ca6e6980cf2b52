"""Damaged debug information costs names, never more: no exception but a warning, and no endless loop."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from vizreport.symbols.debug_finder import DebugFinder
from vizreport.symbols.elf_file import ElfFile

N_DAMAGED = 60
SOURCE = """
#include <string>
#include <vector>
namespace app {
struct Item { std::string name; int value; };
static int sum(const std::vector<Item>& items) { int s = 0; for (auto& item : items) s += item.value; return s; }
}
int main(int argc, char** argv) {
    std::vector<app::Item> items;
    for (int i = 0; i < argc; i++) items.push_back({argv[i], i});
    return app::sum(items);
}
"""


@pytest.fixture(
    scope="module", params=[["gcc", "-gdwarf-5"], ["gcc", "-gdwarf-4"], ["clang", "-gdwarf-5"]], ids="-".join
)
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler, flag = request.param
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "a.cpp").write_text(SOURCE)
    subprocess.run([compiler, "-O2", "-g", flag, "a.cpp", "-o", "a", "-lstdc++"], cwd=folder, check=True)
    return folder / "a"


@pytest.mark.parametrize("section", ["info", "abbrev", "line", "aranges", "ranges", "rnglists", "str_offsets", "addr"])
def test_damage(program: Path, tmp_path: Path, section: str) -> None:
    elf = ElfFile(program)
    found = [one for one in elf.sections if one.name == f".debug_{section}"]
    if not found:
        pytest.skip(f"this compiler makes no .debug_{section}")
    data, chance = program.read_bytes(), random.Random(section)
    (text,) = (one for one in elf.sections if one.name == ".text")
    addresses = range(0x1000, 0x1000 + text.offset + text.size, 97)
    path = tmp_path / "damaged"
    for _ in range(N_DAMAGED):
        broken = bytearray(data)
        for _ in range(chance.choice([1, 1, 3, 30])):
            at = found[0].offset + chance.randrange(found[0].size)
            broken[at] = chance.choice([0, 0xFF, 0x7F, 0x80, broken[at] ^ 1 << chance.randrange(8)])
        path.write_bytes(broken)
        DebugFinder(ElfFile(path), None, lambda text: None).find(addresses)
