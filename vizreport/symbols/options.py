"""What a user may say about where names come from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SymbolOptions:
    """Where names are looked for.

    Attributes:
        sysroot: Folder under which the recorded paths lie, as they do under / where it was recorded; or None.
        debug_dirs: Folders with debug files, asked before the system's own.
        exe: The file that COMMAND ran, wherever it lies now; or None: the recorded path.
        use_symbols: False: no names at all, only modules and addresses.
        debuginfod: Whether servers named in DEBUGINFOD_URLS are asked.
        cache: Whether results are kept in the user's cache directory, and taken from there.
    """

    sysroot: str | None = None
    debug_dirs: tuple[str, ...] = ()
    exe: str | None = None
    use_symbols: bool = True
    debuginfod: bool = True
    cache: bool = True
