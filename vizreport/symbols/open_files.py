"""What the files of one module say about addresses, once they are open."""

from __future__ import annotations

from collections.abc import Iterable

from vizreport.model.places import Places
from vizreport.symbols.debug_file import name_places
from vizreport.symbols.debug_files import ModuleFiles, Warn
from vizreport.symbols.debug_finder import DebugFinder
from vizreport.symbols.elf_file import ElfFile, ElfFileError
from vizreport.symbols.function_table import FunctionTable, read_function_table


class OpenFiles:
    """The files of a module, and what has been read of them.

    Attributes:
        debug_link: Name of the debug file, as the module's own file has it; or None.
        is_empty: There are none.
    """

    def __init__(self, files: ModuleFiles, warn: Warn) -> None:
        """Reads symbol tables."""
        self._table = _read_largest_table(files, warn)
        self._finder = DebugFinder(files.debug, files.supplement, warn) if files.debug is not None else None
        self.debug_link = _read_link_name(files.binary) if files.binary else None
        self.is_empty = files.binary is None and files.debug is None

    @property
    def has_debug_info(self) -> bool:
        """Whether there is debug information that can be read."""
        return self._finder is not None and self._finder.is_readable

    def find_places(self, addresses: Iterable[int]) -> dict[int, Places]:
        """Returns what the files say about each address: nothing, perhaps."""
        frames = self._finder.find(addresses) if self._finder is not None else {}
        return {address: name_places(frames.get(address, ()), self._table, address) for address in addresses}


def _read_link_name(binary: ElfFile) -> str | None:
    try:
        link = binary.read_debug_link()
    except ElfFileError:
        return None
    return link[0] if link else None


def _read_largest_table(files: ModuleFiles, warn: Warn) -> FunctionTable | None:
    """Returns the symbol table with most functions: a stripped file has only those that it exports."""
    tables = []
    for elf in dict.fromkeys(file for file in (files.debug, files.binary) if file is not None):
        try:
            tables.append(read_function_table(elf))
        except ElfFileError as error:
            warn(f"{elf.path}: gives no function names: {error}")
    return max((table for table in tables if table), key=lambda table: len(table.values), default=None)
