"""Functions by the symbol tables of an ELF file. Source: System V ABI, chapter 4, "Symbol Table"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vizreport.symbols.elf_file import ElfFile, ElfFileError

_SYMBOL_64 = [("name", "u4"), ("info", "u1"), ("other", "u1"), ("shndx", "u2"), ("value", "u8"), ("size", "u8")]
_SYMBOL_32 = [("name", "u4"), ("value", "u4"), ("size", "u4"), ("info", "u1"), ("other", "u1"), ("shndx", "u2")]
_STT_FUNC, _STT_GNU_IFUNC = 2, 10
_STB_GLOBAL = 1
_NEVER = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class FunctionTable:
    """Functions, sorted by address.

    Attributes:
        values: uint64[n], ELF virtual addresses, increasing.
        ends: uint64[n], addresses behind the functions.
        names: uint32[n], offsets into ``strings``.
        strings: The string table.
    """

    values: NDArray[np.uint64]
    ends: NDArray[np.uint64]
    names: NDArray[np.uint32]
    strings: bytes

    def find(self, address: int) -> str | None:
        """Returns the name of the function that holds this address, as the linker sees it, or None."""
        row = int(np.searchsorted(self.values, np.uint64(address), side="right")) - 1
        if row < 0 or address >= int(self.ends[row]):
            return None
        start = int(self.names[row])
        return cut_version(self.strings[start : self.strings.find(b"\0", start)].decode("utf-8", "backslashreplace"))


def cut_version(name: str) -> str:
    """Returns a symbol's name without the version that .symtab appends: read@GLIBC_2.2.5, memcpy@@GLIBC_2.14."""
    return name.partition("@")[0] or name


def read_function_table(elf: ElfFile) -> FunctionTable | None:
    """Returns the functions in .symtab, else those in .dynsym, or None: it has neither.

    Raises:
        ElfFileError: The table is damaged.
    """
    for name in (".symtab", ".dynsym"):
        section = next((section for section in elf.sections if section.name == name), None)
        if section is None or not elf.has_section(name):
            continue
        fields = _SYMBOL_64 if elf.address_bytes == 8 else _SYMBOL_32
        dtype = np.dtype([(field, ("<" if elf.order.little else ">") + code) for field, code in fields])
        stored = elf.read_bytes(section)
        if section.link >= len(elf.sections):
            raise ElfFileError(f"the section {name} has no names")
        symbols = np.frombuffer(stored, dtype, len(stored) // dtype.itemsize)
        return _make_table(symbols, bytes(elf.read_bytes(elf.sections[section.link])), elf)
    return None


def _make_table(symbols: NDArray[np.void], strings: bytes, elf: ElfFile) -> FunctionTable:
    is_function = np.isin(symbols["info"] & 15, (_STT_FUNC, _STT_GNU_IFUNC)) & (symbols["shndx"] != 0)
    chosen = symbols[is_function & (symbols["name"] < len(strings))]
    values, sizes = chosen["value"].astype(np.uint64), chosen["size"].astype(np.uint64)
    if elf.has_thumb_addresses:
        values &= ~np.uint64(1)
    # Of several names at one address the last counts: one that has a size, is no internal name, and is global.
    letters = np.frombuffer(strings + b"\0", np.uint8)
    is_internal = letters[chosen["name"]] == ord("_")
    order = np.lexsort((chosen["info"] >> 4 == _STB_GLOBAL, ~is_internal, sizes > 0, values))
    values, sizes, names = values[order], sizes[order], chosen["name"][order].astype(np.uint32)
    limits = _find_section_ends(elf)[np.minimum(chosen["shndx"][order], len(elf.sections))]
    last = np.append(values[1:] != values[:-1], True) if len(values) else np.zeros(0, np.bool_)
    values, sizes, names, limits = values[last], sizes[last], names[last], limits[last]
    # Hand-written code may say no size: it goes on to the next function, at most to the end of its section.
    following = np.minimum(np.append(values[1:], np.uint64(_NEVER)), limits) if len(values) else values
    ends = np.where(sizes > 0, values + sizes, following)
    return FunctionTable(values, ends, names, strings)


def _find_section_ends(elf: ElfFile) -> NDArray[np.uint64]:
    """Returns the address behind each section, and 0 behind those: for numbers that are none."""
    ends = [(section.address + section.size) & _NEVER for section in elf.sections]
    return np.array([*ends, 0], np.uint64)
