"""Where a module's file and the file with its debug information lie.

A file counts only if it has the module's build-id: names from another build would be wrong.
Source: GDB manual, "Debugging Information in Separate Files".
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from vizreport.symbols.debug_file import has_debug_info
from vizreport.symbols.debuginfod import Debuginfod
from vizreport.symbols.elf_file import ElfFile, ElfFileError
from vizreport.symbols.options import SymbolOptions

_SYSTEM_DEBUG_DIR = "/usr/lib/debug"
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


def find_binary_path(path: str, options: SymbolOptions, *, is_command: bool) -> Path | None:
    """Returns where a recorded path lies now, or None: it names no file."""
    if is_command and options.exe is not None:
        return Path(options.exe)
    if not path.startswith("/"):
        return None  # the kernel's own, or a file that was never on disk
    return Path(options.sysroot, path.lstrip("/")) if options.sysroot is not None else Path(path)


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
    folders = _list_debug_dirs(options)
    yield from _list_by_build_id(folders, build_id)
    where, name = (
        PurePosixPath(path).parent.relative_to("/") if path.startswith("/") else None,
        PurePosixPath(path).name,
    )
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


def _list_debug_dirs(options: SymbolOptions) -> list[Path]:
    system = Path(_SYSTEM_DEBUG_DIR)
    if options.sysroot is not None:
        system = Path(options.sysroot, _SYSTEM_DEBUG_DIR.lstrip("/"))
    return [*map(Path, options.debug_dirs), system]


def _list_by_build_id(folders: list[Path], build_id: bytes) -> Iterator[Path]:
    name = build_id.hex()
    if len(name) > 2:
        for folder in folders:
            yield folder / ".build-id" / name[:2] / f"{name[2:]}.debug"


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
    link = _read_link(binary) if binary else None
    for candidate in list_debug_paths(path, at, build_id, link[0] if link else None, options):
        debug = _open_matching(candidate, build_id, warn, checksum=link[1] if link else None)
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
    if not path.is_file():
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
    folders = _list_debug_dirs(options)
    candidates = [debug.path.resolve().parent / name, *(folder / ".dwz" / Path(name).name for folder in folders)]
    for candidate in (*candidates, *_list_by_build_id(folders, build_id)):
        supplement = _open_matching(candidate, build_id, warn)
        if supplement is not None:
            return supplement
    warn(f"{debug.path}: some names are missing: its supplementary file {name} is not there")
    return None
