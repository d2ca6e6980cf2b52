"""What one module's addresses are called: from names kept before, else from its files.

Raises nothing for files that are missing, of another build or damaged: these are warnings, and their addresses have no
names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from vizreport.model.places import Places
from vizreport.symbols.debug_paths import find_binary_path, list_built_paths, list_debug_paths
from vizreport.symbols.debuginfod import Debuginfod
from vizreport.symbols.name_cache import CachedNames, fingerprint, load_names, save_names
from vizreport.symbols.options import SymbolOptions

if TYPE_CHECKING:
    from vizreport.symbols.open_files import OpenFiles


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

    def __init__(
        self, key: ModuleKey, options: SymbolOptions, servers: Debuginfod | None, warn: Callable[[str], None]
    ) -> None:
        """Reads nothing yet."""
        self._key = key
        self._options = options
        self._servers = servers
        self._warn = warn
        self._known: dict[int, Places] | None = None
        self._stale: dict[int, Places] = {}  # kept before something changed: better than nothing
        self._files: OpenFiles | None = None

    def find_places(self, addresses: Iterable[int]) -> dict[int, Places]:
        """Returns what is known about these ELF virtual addresses, and perhaps more."""
        if self._known is None:
            self._known = self._load()
        missing = [address for address in addresses if address not in self._known]
        if missing:
            if self._files is None:
                self._files = self._open()
            found = self._files.find_places(missing)
            self._known.update((address, places or self._stale.get(address, ())) for address, places in found.items())
            self._save(self._files)
        return self._known

    def _open(self) -> OpenFiles:
        # Not before it is needed: a report whose names are all known reads no files.
        from vizreport.symbols.debug_files import find_files
        from vizreport.symbols.open_files import OpenFiles

        files = find_files(
            self._key.path,
            self._key.build_id,
            self._options,
            self._servers,
            self._warn,
            is_command=self._key.is_command,
            recorded_ns=self._key.recorded_ns,
        )
        return OpenFiles(files, self._warn)

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
                self._stale = cached.places
                return {}
        return cached.places

    def _save(self, files: OpenFiles) -> None:
        if self._uses_cache and self._known and not files.is_empty:
            state = self._fingerprint(files.debug_link)
            save_names(self._key.build_id, CachedNames(self._known, files.has_debug_info, state, files.debug_link))

    def _fingerprint(self, debug_link: str | None) -> bytes:
        """Returns what decides whether a search for debug information would find what it found before."""
        key = self._key
        binary = find_binary_path(key.path, self._options, is_command=key.is_command)
        own = [binary] if binary is not None else []  # another one may hold what this one was stripped of
        named = list_debug_paths(key.path, binary, key.build_id, debug_link, self._options)
        return fingerprint(chain(own, named, list_built_paths(key.path, debug_link, self._options)))
