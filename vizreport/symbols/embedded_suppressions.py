"""Suppressions that a program carries itself, in a section of its file, so that they need not be carried beside it."""

from __future__ import annotations

from vizreport.model.trace import Module
from vizreport.symbols.debug_paths import find_binary_path
from vizreport.symbols.elf_file import ElfFile, ElfFileError
from vizreport.symbols.options import SymbolOptions

SECTION = ".vizzy.suppressions"


def read_embedded(module: Module, options: SymbolOptions, *, is_command: bool) -> str:
    """Returns the text of the section: strings, one after the other. Nothing where the build recorded is not there.

    Args:
        module: As recorded.
        options: Where files lie.
        is_command: The module is COMMAND's executable.
    """
    path = find_binary_path(module.path, options, is_command=is_command)
    if path is None or not module.build_id:
        return ""
    try:
        file = ElfFile(path)
        text = bytes(file.read_section(SECTION)) if file.build_id == module.build_id else b""
    except ElfFileError:
        return ""
    return text.replace(b"\0", b"\n").decode("utf-8", "backslashreplace")
