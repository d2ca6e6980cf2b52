"""Function names that an ELF file exports. The only module that imports elftools.

Sources: System V ABI, chapter 4, "Symbol Table".
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.segments import NoteSegment
from numpy.typing import NDArray

_SYMBOL_64 = [("name", "u4"), ("info", "u1"), ("other", "u1"), ("shndx", "u2"), ("value", "u8"), ("size", "u8")]
_SYMBOL_32 = [("name", "u4"), ("value", "u4"), ("size", "u4"), ("info", "u1"), ("other", "u1"), ("shndx", "u2")]
_STT_FUNC, _STT_GNU_IFUNC = 2, 10


@dataclass(frozen=True, slots=True)
class FunctionTable:
    """Exported functions, sorted by address.

    Attributes:
        values: uint64[n], ELF virtual addresses.
        sizes: uint64[n], bytes.
        names: uint32[n], offsets into ``strings``.
        strings: The string table.
    """

    values: NDArray[np.uint64]
    sizes: NDArray[np.uint64]
    names: NDArray[np.uint32]
    strings: bytes

    def find(self, address: int) -> str | None:
        """Returns the name of the function that holds this address, as the linker sees it, or None."""
        row = int(np.searchsorted(self.values, np.uint64(address), side="right")) - 1
        if row < 0 or address >= int(self.values[row]) + int(self.sizes[row]):
            return None
        start = int(self.names[row])
        return self.strings[start : self.strings.find(b"\0", start)].decode("utf-8", "backslashreplace")


def read_functions(path: str, build_id: bytes) -> FunctionTable | None:
    """Returns what the file exports, or None if it can't be read or is another build than the one recorded."""
    if not build_id:
        return None
    try:
        with Path(path).open("rb") as file:
            elf = ELFFile(file)
            return _read_table(elf) if _read_build_id(elf) == build_id else None
    except (OSError, ELFError, ValueError):
        return None


def _read_build_id(elf: ELFFile) -> bytes | None:
    for segment in elf.iter_segments("PT_NOTE"):
        if not isinstance(segment, NoteSegment):
            continue
        for note in segment.iter_notes():
            if note["n_type"] == "NT_GNU_BUILD_ID":
                return bytes.fromhex(note["n_desc"])
    return None


def _read_table(elf: ELFFile) -> FunctionTable | None:
    section = elf.get_section_by_name(".dynsym")
    if section is None:
        return None
    fields = _SYMBOL_64 if elf.elfclass == 64 else _SYMBOL_32
    order = "<" if elf.little_endian else ">"
    symbols = np.frombuffer(section.data(), np.dtype([(name, order + code) for name, code in fields]))
    kinds = symbols["info"] & 15
    chosen = symbols[np.isin(kinds, (_STT_FUNC, _STT_GNU_IFUNC)) & (symbols["shndx"] != 0) & (symbols["size"] > 0)]
    chosen = chosen[np.argsort(chosen["value"], kind="stable")]
    strings = elf.get_section(section["sh_link"]).data()
    return FunctionTable(
        chosen["value"].astype(np.uint64), chosen["size"].astype(np.uint64), chosen["name"].astype(np.uint32), strings
    )
