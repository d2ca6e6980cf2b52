"""What one module's addresses are called: from names kept before, else from its files.

Raises nothing for files that are missing, of another build or damaged: these are warnings, and their addresses have no
names.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vizreport.model.places import Places
from vizreport.symbols.debug_file import name_places
from vizreport.symbols.debug_files import ModuleFiles, Warn, find_binary_path, find_files, list_debug_paths
from vizreport.symbols.debug_finder import DebugFinder
from vizreport.symbols.debuginfod import Debuginfod
from vizreport.symbols.elf_file import ElfFile, ElfFileError
from vizreport.symbols.function_table import FunctionTable, read_function_table
from vizreport.symbols.name_cache import CachedNames, fingerprint, load_names, save_names
from vizreport.symbols.options import SymbolOptions


@dataclass(frozen=True, slots=True)
class ModuleKey:
    """One build of a module.

    Attributes:
        path: As recorded.
        build_id: As recorded; may be empty.
        is_command: It is COMMAND's executable.
        recorded_ns: Time of day of the recording, ns since the epoch.
    """

    path: str
    build_id: bytes
    is_command: bool
    recorded_ns: int


class ModuleNamer:
    """Names addresses of one build of a module. Opens its files when an address is asked for that is not known yet."""

    def __init__(self, key: ModuleKey, options: SymbolOptions, servers: Debuginfod | None, warn: Warn) -> None:
        """Reads nothing yet."""
        self._key = key
        self._options = options
        self._servers = servers
        self._warn = warn
        self._known: dict[int, Places] | None = None
        self._files: _OpenFiles | None = None

    def find_places(self, addresses: Iterable[int]) -> dict[int, Places]:
        """Returns what is known about these ELF virtual addresses, and perhaps more."""
        if self._known is None:
            self._known = self._load()
        missing = [address for address in addresses if address not in self._known]
        if missing:
            if self._files is None:
                key = self._key
                found = find_files(
                    key.path,
                    key.build_id,
                    self._options,
                    self._servers,
                    self._warn,
                    is_command=key.is_command,
                    recorded_ns=key.recorded_ns,
                )
                self._files = _OpenFiles(found, self._warn)
            self._known.update(self._files.find_places(missing))
            self._save(self._files)
        return self._known

    @property
    def _uses_cache(self) -> bool:
        return self._options.cache and bool(self._key.build_id)

    def _load(self) -> dict[int, Places]:
        cached = load_names(self._key.build_id) if self._uses_cache else None
        if cached is None:
            return {}
        if not cached.is_final:
            servers_may_know = self._servers is not None and self._servers.is_worth_asking(self._key.build_id)
            if servers_may_know or cached.state != self._fingerprint(cached.debug_link):
                return {}
        return cached.places

    def _save(self, files: _OpenFiles) -> None:
        if self._uses_cache and self._known and not files.is_empty:
            state = self._fingerprint(files.debug_link)
            save_names(self._key.build_id, CachedNames(self._known, files.has_debug_info, state, files.debug_link))

    def _fingerprint(self, debug_link: str | None) -> bytes:
        """Returns what decides whether a search for debug information would find what it found before."""
        key = self._key
        binary = find_binary_path(key.path, self._options, is_command=key.is_command)
        return fingerprint(list_debug_paths(key.path, binary, key.build_id, debug_link, self._options))


class _OpenFiles:
    """The files of a module, and what has been read of them."""

    def __init__(self, files: ModuleFiles, warn: Warn) -> None:
        """Reads symbol tables."""
        self._table = _read_largest_table(files, warn)
        self._finder = DebugFinder(files.debug, files.supplement, warn) if files.debug is not None else None
        self.debug_link = _read_link_name(files.binary) if files.binary else None
        self.is_empty = files.binary is None and files.debug is None

    @property
    def has_debug_info(self) -> bool:
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
