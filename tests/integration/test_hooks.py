"""Every hook is worth its line: what it records is found, and without the line it is missed (a mutation run).

A mutant is vizzytrace with one name of its library made a symbol that the loader passes over, as if its line in
hooks.def had never been there.
"""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from evidence import Evidence, gather_evidence, read_hooks
from recording import Program

HOOKS = read_hooks()
SYMBOL_BYTES, INFO_OFFSET, STT_FILE = 24, 4, 4


def mutate(vizzytrace: bytes, library: bytes, name: str) -> bytes:
    """vizzytrace whose library no longer interposes `name`."""
    table = ELFFile(io.BytesIO(library)).get_section_by_name(".dynsym")
    assert isinstance(table, SymbolTableSection)
    [index] = [i for i, symbol in enumerate(table.iter_symbols()) if symbol.name == name]
    at = table["sh_offset"] + index * SYMBOL_BYTES + INFO_OFFSET
    mutant = library[:at] + bytes([library[at] & 0xF0 | STT_FILE]) + library[at + 1 :]
    assert vizzytrace.count(library) == 1, "vizzytrace carries another library than the one that was built"
    return vizzytrace.replace(library, mutant)


@pytest.fixture(scope="module")
def gather(program: Program, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, str], Evidence]:
    """Records one function with a given vizzytrace."""
    allocator = program("bump_allocator.c", "-shared", "-fPIC", output="libbump.so")
    plugin = program("plugin.c", "-shared", "-fPIC", "-fvisibility=hidden", output="plugin_a.so")
    plain = program("each_function.c")
    own = program("each_function.c", str(allocator), f"-Wl,-rpath,{allocator.parent}", output="each_function_own")
    directory = tmp_path_factory.mktemp("hooks")

    def gather_from(vizzytrace: Path, name: str) -> Evidence:
        # glibc's reallocarray goes on to realloc, and libstdc++'s operators to malloc and free: those have hooks.
        path = own if HOOKS[name] in ("NEW", "DELETE") or name == "reallocarray" else plain
        return gather_evidence(vizzytrace, directory, path, name, plugin)

    return gather_from


def test_all_hooks_are_exported(vizzytrace: Path) -> None:
    library = (vizzytrace.parents[1] / "libtrace/record/libvizzy.so").read_bytes()
    table = ELFFile(io.BytesIO(library)).get_section_by_name(".dynsym")
    assert isinstance(table, SymbolTableSection)
    exported = {symbol.name for symbol in table.iter_symbols() if symbol["st_shndx"] != "SHN_UNDEF"}
    assert exported == set(HOOKS)


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_records(gather: Callable[[Path, str], Evidence], vizzytrace: Path, name: str) -> None:
    evidence = gather(vizzytrace, name)
    assert evidence.expected
    assert evidence.is_whole


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_that_is_removed_is_missed(
    gather: Callable[[Path, str], Evidence], vizzytrace: Path, tmp_path: Path, name: str
) -> None:
    library = vizzytrace.parents[1] / "libtrace/record/libvizzy.so"
    mutant = tmp_path / "vizzytrace"
    mutant.write_bytes(mutate(vizzytrace.read_bytes(), library.read_bytes(), name))
    mutant.chmod(0o755)
    evidence = gather(mutant, name)
    assert evidence.expected
    assert not evidence.is_whole, f"no test notices that the hook of {name} is gone"
