"""Names come from the right module of the right build, or not at all."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from vizreport.model.frames import Frame
from vizreport.model.stacks import Stacks
from vizreport.model.trace import Module
from vizreport.symbols.demangle import demangle
from vizreport.symbols.elf import read_functions
from vizreport.symbols.resolver import Resolver

BUILD_ID = bytes(range(20))


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    folder = tmp_path_factory.mktemp("symbols")
    source = folder / "lib.c"
    source.write_text(
        "int first(int a) { return a + 1; }\nint second(int a) { return a * 3; }\nstatic int x;int *y = &x;\n"
    )
    output = folder / "lib.so"
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-O1", f"-Wl,--build-id=0x{BUILD_ID.hex()}", "-o", output, source], check=True
    )
    return output


def symbol(library: Path, name: str) -> tuple[int, int]:
    """Address and size, as binutils see them."""
    lines = subprocess.run(["nm", "-DS", library], capture_output=True, text=True, check=True).stdout.splitlines()
    (line,) = (line.split() for line in lines if line.split()[-1] == name)
    return int(line[0], 16), int(line[1], 16)


def test_functions_of_a_library(library: Path) -> None:
    table = read_functions(str(library), BUILD_ID)
    assert table is not None
    for name in ("first", "second"):
        start, size = symbol(library, name)
        assert [table.find(start), table.find(start + size - 1)] == [name, name]
    assert table.find(0) is None
    assert table.find((1 << 64) - 1) is None
    assert table.find(symbol(library, "y")[0]) is None


@pytest.mark.parametrize("build_id", [b"", b"other"])
def test_another_build_has_no_names(library: Path, build_id: bytes) -> None:
    assert read_functions(str(library), build_id) is None


@pytest.mark.parametrize("content", [None, b"", b"\x7fELF", b"\x7fELF\x02\x01\x01" + bytes(60), b"no ELF file at all"])
def test_what_is_no_elf_file_has_no_names(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.so"
    if content is not None:
        path.write_bytes(content)
    assert read_functions(str(path), BUILD_ID) is None


def test_no_damage_of_a_library_raises(library: Path, tmp_path: Path) -> None:
    data = library.read_bytes()
    path = tmp_path / "x.so"
    for cut in range(0, len(data), 97):
        path.write_bytes(data[:cut])
        read_functions(str(path), BUILD_ID)
    for at in range(64):
        broken = bytearray(data)
        broken[at] ^= 0xFF
        path.write_bytes(bytes(broken))
        read_functions(str(path), BUILD_ID)


def make_module(module_id: int, path: str, generation: int, gone: int | None) -> Module:
    return Module(module_id, path, b"", 0x1000, 0x2000, 0x1000, generation, gone, 0)


def resolve(modules: list[Module], pc: int, generation: int = 0, *, interrupted: bool = False) -> Frame:
    stacks = Stacks(
        ids=np.array([3], np.uint32),
        parents=np.array([0], np.uint32),
        pcs=np.array([pc], np.uint64),
        generations=np.array([generation], np.uint32),
        interrupted=np.array([interrupted]),
    )
    return Resolver(stacks, modules, {}).resolve(0)


def test_a_return_address_belongs_to_the_call_before_it() -> None:
    modules = [make_module(1, "/a.so", 0, None)]
    assert resolve(modules, 0x2000) == Frame(None, "/a.so", 0x1000)
    assert resolve(modules, 0x1000) == Frame(None, None, 0x1000)
    assert resolve(modules, 0x1000, interrupted=True) == Frame(None, "/a.so", 0)
    assert resolve(modules, 0x2000, interrupted=True) == Frame(None, None, 0x2000)


@pytest.mark.parametrize(("generation", "path"), [(0, None), (2, "/old.so"), (3, "/old.so"), (4, None), (6, "/new.so")])
def test_one_address_in_two_modules_in_turn(generation: int, path: str | None) -> None:
    modules = [make_module(1, "/old.so", 2, 4), make_module(2, "/new.so", 6, None)]
    assert resolve(modules, 0x1800, generation).module == path


def test_exported_names_are_shown(library: Path) -> None:
    start, _ = symbol(library, "second")
    module = Module(1, str(library), BUILD_ID, 0x10000, 0x20000, 0x10000, 0, None, 0)
    assert resolve([module], 0x10000 + start + 1).function == "second"


def test_demangling() -> None:
    if demangle("_Z3fooi") == "_Z3fooi":
        pytest.skip("no C++ runtime here")
    assert demangle("_Z3fooi") == "foo(int)"
    assert demangle("_ZNSt6vectorIiSaIiEE9push_backEOi") == "std::vector<int, std::allocator<int> >::push_back(int&&)"
    for name in ("main", "_Z", "_Zé", "_Z" + "9" * 99):
        assert demangle(name) == name
