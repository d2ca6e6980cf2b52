"""Where a module's file and the file with its debug information may lie. Opens none of them.

Source: GDB manual, "Debugging Information in Separate Files".
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from vizreport.symbols.folders import find_by_name, resolve_in_root
from vizreport.symbols.options import SymbolOptions

_SYSTEM_DEBUG_DIR = "/usr/lib/debug"


def find_binary_path(path: str, options: SymbolOptions, *, is_command: bool) -> Path | None:
    """Returns where a recorded path lies now, or None: it names no file."""
    if is_command and options.exe is not None:
        return Path(options.exe)
    if not path.startswith("/"):
        return None  # the kernel's own, or a file that was never on disk
    return resolve_in_root(Path(options.sysroot), path) if options.sysroot is not None else Path(path)


def list_debug_paths(
    path: str, binary: Path | None, build_id: bytes, debug_link: str | None, options: SymbolOptions
) -> Iterator[Path]:
    """Yields where debug information may lie, best first.

    Args:
        path: As recorded.
        binary: Where the module's file should be.
        build_id: Of the module.
        debug_link: Name of the debug file, as the module's file has it.
        options: Folders to look in.
    """
    folders = list_debug_dirs(options)
    yield from list_by_build_id(folders, build_id)
    where = PurePosixPath(path.lstrip("/")).parent if path.startswith("/") else None
    name = PurePosixPath(path).name
    for link in dict.fromkeys([debug_link, f"{name}.debug"]):
        if not link or "/" in link:
            continue
        if binary is not None:
            yield binary.parent / link
            yield binary.parent / ".debug" / link
        for folder in folders:
            yield folder / link
            if where is not None:
                yield folder / where / link
    for folder in folders[:-1]:
        if name:
            yield folder / name
            if where is not None:
                yield folder / where / name


def list_built_paths(path: str, debug_link: str | None, options: SymbolOptions) -> Iterator[Path]:
    """Yields files below the user's folders that are called as the module or its debug file: of a build, perhaps.

    Args:
        path: As recorded.
        debug_link: Name of the debug file, as the module's file has it.
        options: Folders to look in.
    """
    name = PurePosixPath(path).name
    for folder in map(Path, options.debug_dirs):
        for wanted in dict.fromkeys([debug_link, f"{name}.debug", name]):
            if wanted:
                yield from find_by_name(folder, wanted)


def list_debug_dirs(options: SymbolOptions) -> list[Path]:
    """Returns the folders with debug files, the user's first, the system's last."""
    system = Path(_SYSTEM_DEBUG_DIR)
    if options.sysroot is not None:
        system = Path(options.sysroot, _SYSTEM_DEBUG_DIR.lstrip("/"))
    return [*map(Path, options.debug_dirs), system]


def list_by_build_id(folders: list[Path], build_id: bytes) -> Iterator[Path]:
    """Yields where build-id directories in these folders have a build."""
    name = build_id.hex()
    if len(name) > 2:
        for folder in folders:
            yield folder / ".build-id" / name[:2] / f"{name[2:]}.debug"
