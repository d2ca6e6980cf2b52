"""Suppressions that a program carries itself, in a section of its file, so that they need not be carried beside it."""

from __future__ import annotations

import struct
from pathlib import Path

from vizreport.model.trace import Module
from vizreport.symbols.debug_paths import find_binary_path
from vizreport.symbols.options import SymbolOptions

SECTION = ".vizzy.suppressions"
_ELF64 = b"\x7fELF\x02"
_HEADER_BYTES = 64
_MOST_NAMES_BYTES = 1 << 20


def read_embedded(module: Module, options: SymbolOptions, *, is_command: bool) -> str:
    """Returns the text of the section: strings, one after the other. Nothing where the build recorded is not there.

    Args:
        module: As recorded.
        options: Where files lie.
        is_command: The module is COMMAND's executable.
    """
    path = find_binary_path(module.path, options, is_command=is_command)
    if path is None or not module.build_id or not _may_have_section(path):
        return ""
    # elftools takes longer to import than most summaries have: only for a file that does have the section.
    from vizreport.symbols.elf_file import ElfFile, ElfFileError

    try:
        file = ElfFile(path)
        text = bytes(file.read_section(SECTION)) if file.build_id == module.build_id else b""
    except ElfFileError:
        return ""
    return text.replace(b"\0", b"\n").decode("utf-8", "backslashreplace")


def _may_have_section(path: Path) -> bool:
    """Tells whether the name is among those of a file's sections; also where this can't be told at a glance."""
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
            if len(header) < _HEADER_BYTES or not header.startswith(_ELF64):
                return True
            order = "<" if header[5] == 1 else ">"
            (table,) = struct.unpack_from(f"{order}Q", header, 40)
            entry_bytes, n_entries, names = struct.unpack_from(f"{order}3H", header, 58)
            if names >= n_entries:  # no sections, or more than the header can count
                return True
            file.seek(table + names * entry_bytes + 24)
            offset, size = struct.unpack(f"{order}2Q", file.read(16))
            file.seek(offset)
            return size > _MOST_NAMES_BYTES or SECTION.encode() in file.read(size)
    except (OSError, ValueError, OverflowError, struct.error):
        return True
