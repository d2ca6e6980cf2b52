"""What one ELF file, and the file with its debug information, say about addresses."""

from __future__ import annotations

import re

from vizreport.model.places import Place, Places
from vizreport.symbols.demangle import demangle
from vizreport.symbols.dwarf.debug_info import MANGLED
from vizreport.symbols.dwarf.lookup import DebugFrames
from vizreport.symbols.elf_file import ElfFile
from vizreport.symbols.function_table import FunctionTable

# What compilers append to the names of the parts and copies that they make of a function.
_CLONE = re.compile(r"(?:\.(?:cold|isra|constprop|part|lto_priv|localalias|llvm|warm)(?:\.\d+)?)+$")


def has_debug_info(elf: ElfFile) -> bool:
    """Tells whether the file names sources and lines."""
    return elf.has_section(".debug_info") and elf.has_section(".debug_abbrev")


def name_places(frames: DebugFrames, table: FunctionTable | None, address: int) -> Places:
    """Returns frames with the names that people know, completed from the symbol table.

    Mangled names come first: they tell namespaces and arguments. The symbol table only knows the outermost function,
    but by the name that others call it by: puts, not _IO_puts.
    """
    symbol = table.find(address) if table else None
    if not frames:
        return (Place(_show(symbol)),) if symbol else ()
    names = [frame.name for frame in frames]
    if symbol and not (names[-1] and names[-1].startswith(MANGLED)):
        names[-1] = symbol
    return tuple(
        Place(_show(name) if name else None, frame.file, frame.line) for name, frame in zip(names, frames, strict=True)
    )


def _show(name: str) -> str:
    return demangle(_CLONE.sub("", name))
