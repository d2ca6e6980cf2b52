"""The file of a module and the file with its debug information.

A file counts only if it has the module's build-id: names from another build would be wrong.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vizreport.symbols.debug_file import has_debug_info
from vizreport.symbols.debug_paths import (
    find_binary_path,
    list_built_paths,
    list_by_build_id,
    list_debug_dirs,
    list_debug_paths,
)
from vizreport.symbols.debuginfod import Debuginfod
from vizreport.symbols.elf_file import ElfFile, ElfFileError
from vizreport.symbols.folders import is_file
from vizreport.symbols.options import SymbolOptions

Warn = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ModuleFiles:
    """The files of one module, as far as they were found.

    Attributes:
        binary: The module itself.
        debug: The file with its debug information; may be the same.
        supplement: What ``debug`` shares with other files.
    """

    binary: ElfFile | None
    debug: ElfFile | None
    supplement: ElfFile | None


def find_files(
    path: str,
    build_id: bytes,
    options: SymbolOptions,
    servers: Debuginfod | None,
    warn: Warn,
    *,
    is_command: bool,
    recorded_ns: int,
) -> ModuleFiles:
    """Returns the files of a module.

    Args:
        path: As recorded.
        build_id: As recorded; may be empty.
        options: Where to look.
        servers: Are asked last.
        warn: Is told of files that can't be used, and why.
        is_command: The module is COMMAND's executable.
        recorded_ns: Time of day of the recording: without a build-id a file that is newer is another one.
    """
    at = find_binary_path(path, options, is_command=is_command)
    binary = _open_matching(at, build_id, warn) if at is not None else None
    if is_command and options.exe is not None and at is not None and not is_file(at):
        warn(f"{at}: there is no such file, so --exe gives no names")
    if binary and not build_id and str(binary.path) == path and binary.path.stat().st_mtime_ns > recorded_ns:
        warn(f"{path}: changed since the recording, so it gives no names; link with --build-id to be certain")
        binary = None
    debug = binary if binary and has_debug_info(binary) else None
    if debug is None:
        debug = _find_debug_file(path, at, binary, build_id, options, warn)
    if debug is None and servers is not None:
        downloaded = servers.find(build_id)
        debug = _open_matching(downloaded, build_id, warn) if downloaded else None
    supplement = _find_supplement(debug, options, warn) if debug else None
    return ModuleFiles(binary, debug, supplement)


def _find_debug_file(
    path: str, at: Path | None, binary: ElfFile | None, build_id: bytes, options: SymbolOptions, warn: Warn
) -> ElfFile | None:
    name, checksum = (_read_link(binary) if binary else None) or (None, None)
    for candidate in list_debug_paths(path, at, build_id, name, options):
        debug = _open_matching(candidate, build_id, warn, checksum=checksum)
        if debug is not None and has_debug_info(debug):
            return debug
    # Builds for other machines may lie there too: that a file of the name is another build is no news.
    for candidate in list_built_paths(path, name, options) if build_id else ():
        debug = _open_matching(candidate, build_id, lambda _: None)
        if debug is not None and has_debug_info(debug):
            return debug
    return None


def _read_link(binary: ElfFile) -> tuple[str, int] | None:
    try:
        return binary.read_debug_link()
    except ElfFileError:
        return None


def _open_matching(path: Path, build_id: bytes, warn: Warn, *, checksum: int | None = None) -> ElfFile | None:
    """Returns the file if it is there and of this build; without a build-id by the checksum in the debug link."""
    if not is_file(path):
        return None
    try:
        elf = ElfFile(path)
    except ElfFileError as error:
        warn(f"{path}: gives no names: {error}")
        return None
    if elf.build_id != build_id:
        wanted = f"build-id {build_id.hex()}" if build_id else "no build-id"
        warn(
            f"{path}: is another build than the recorded one, so it gives no names; it has {_describe(elf)}, "
            f"the recorded one {wanted}"
        )
        return None
    if not build_id and checksum is not None and zlib.crc32(path.read_bytes()) != checksum:
        warn(f"{path}: is of another build than the file that refers to it, so it gives no names")
        return None
    return elf


def _describe(elf: ElfFile) -> str:
    return f"build-id {elf.build_id.hex()}" if elf.build_id else "no build-id"


def _find_supplement(debug: ElfFile, options: SymbolOptions, warn: Warn) -> ElfFile | None:
    """Returns the file that a debug file shares with others (.gnu_debugaltlink, made by dwz)."""
    try:
        link = debug.read_supplement_link()
    except ElfFileError:
        link = None
    if link is None:
        return None
    name, build_id = link
    folders = list_debug_dirs(options)
    candidates = [debug.path.resolve().parent / name, *(folder / ".dwz" / Path(name).name for folder in folders)]
    for candidate in (*candidates, *list_by_build_id(folders, build_id)):
        supplement = _open_matching(candidate, build_id, warn)
        if supplement is not None:
            return supplement
    warn(f"{debug.path}: some names are missing: its supplementary file {name} is not there")
    return None
