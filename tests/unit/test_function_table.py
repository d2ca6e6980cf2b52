"""Names of functions come from the symbol tables of an ELF file, and no damage of it is more than an error."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from pathlib import Path

import pytest

from vizreport.symbols.elf_file import ElfFile, ElfFileError
from vizreport.symbols.function_table import FunctionTable, read_function_table

BUILD_ID = bytes(range(20))
SOURCE = """
int first(int a) { return a + 1; }
int second(int a) { return a * 3; }
__attribute__((noinline, used)) static int hidden(int a) { return a * 5; }
int __internal_name(int a) { return a * 7; }
int public_name(int a) __attribute__((alias("__internal_name")));
static int x;
int *y = &x;
"""


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    folder = tmp_path_factory.mktemp("symbols")
    source, output = folder / "lib.c", folder / "lib.so"
    source.write_text(SOURCE)
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-O1", f"-Wl,--build-id=0x{BUILD_ID.hex()}", "-o", output, source], check=True
    )
    return output


def read(path: Path) -> FunctionTable:
    table = read_function_table(ElfFile(path))
    assert table is not None
    return table


def symbol(library: Path, name: str) -> tuple[int, int]:
    """Address and size, as binutils see them."""
    lines = subprocess.run(["nm", "-S", library], capture_output=True, text=True, check=True).stdout.splitlines()
    (line,) = (line.split() for line in lines if line.split()[-1] == name)
    return int(line[0], 16), int(line[1], 16)


def test_functions_of_a_library(library: Path) -> None:
    table = read(library)
    for name in ("first", "second", "hidden"):
        start, size = symbol(library, name)
        assert [table.find(start), table.find(start + size - 1)] == [name, name]
    for address in (0, (1 << 64) - 1, symbol(library, "y")[0]):
        assert table.find(address) is None


def test_of_two_names_the_public_one_is_shown(library: Path) -> None:
    assert read(library).find(symbol(library, "__internal_name")[0]) == "public_name"


def test_versions_are_no_part_of_a_name(tmp_path: Path) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    (tmp_path / "a.c").write_text('__asm__(".symver work_old, work@V1");\nint work_old(int a) { return a + 1; }\n')
    (tmp_path / "a.map").write_text("V1 { global: work; local: *; };\n")
    command = ["gcc", "-shared", "-fPIC", "-Wl,--version-script=a.map", "a.c", "-o", "a.so"]
    subprocess.run(command, cwd=tmp_path, check=True)
    symbols = subprocess.run(["nm", tmp_path / "a.so"], capture_output=True, text=True, check=True).stdout
    address = next(int(line.split()[0], 16) for line in symbols.splitlines() if "work@" in line)
    assert read(tmp_path / "a.so").find(address) == "work"


def test_a_stripped_library_has_what_it_exports(library: Path, tmp_path: Path) -> None:
    stripped = tmp_path / "stripped.so"
    subprocess.run(["strip", "-o", stripped, library], check=True)
    table = read(stripped)
    assert table.find(symbol(library, "first")[0]) == "first"
    assert table.find(symbol(library, "hidden")[0]) is None


def test_the_build_id_is_read(library: Path) -> None:
    assert ElfFile(library).build_id == BUILD_ID


@pytest.mark.parametrize("content", [None, b"", b"\x7fELF", b"\x7fELF\x02\x01\x01" + bytes(9), b"no ELF file at all"])
def test_what_is_no_elf_file_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.so"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ElfFileError):
        ElfFile(path)


def test_no_damage_of_a_library_is_more_than_an_error(library: Path, tmp_path: Path) -> None:
    data = library.read_bytes()
    path = tmp_path / "x.so"

    def read_damaged(content: bytes) -> None:
        path.write_bytes(content)
        with contextlib.suppress(ElfFileError):
            read_function_table(ElfFile(path))

    for cut in range(0, len(data), 97):
        read_damaged(data[:cut])
    for at in [*range(64), *range(len(data) - 30 * 64, len(data), 3)]:
        broken = bytearray(data)
        broken[at] ^= 0xFF
        read_damaged(bytes(broken))
