"""Frames of one module, by llvm-symbolizer where that is better and there, else by the own reader of DWARF.

llvm-symbolizer is better on large files, where it is several times faster, and on split DWARF, of which the own reader
knows only the lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from vizreport.symbols.dwarf.constants import Attribute
from vizreport.symbols.dwarf.debug_info import DebugInfo
from vizreport.symbols.dwarf.lookup import DAMAGE, DebugFrames, FrameFinder
from vizreport.symbols.dwarf.sections import load_sections
from vizreport.symbols.elf_file import ElfFile, ElfFileError
from vizreport.symbols.llvm_symbolizer import LlvmFinder, LlvmSymbolizerError, find_llvm_symbolizer

LARGE_BYTES = 64 << 20
"""Debug files from here on, as they lie on disk, are given to llvm-symbolizer."""

_DWO_NAMES = (Attribute.DWO_NAME, Attribute.GNU_DWO_NAME)


class DebugFinder:
    """Finds the frames of addresses in one file with debug information."""

    def __init__(self, debug: ElfFile, supplement: ElfFile | None, warn: Callable[[str], None]) -> None:
        """Reads headers only.

        Args:
            debug: The file.
            supplement: What it shares with other files.
            warn: Is told what can't be read.
        """
        self._debug = debug
        self._supplement = supplement
        self._warn = warn
        self._info: DebugInfo | None = None
        self._own: FrameFinder | None = None
        try:
            self._info = self._open()
            self._llvm = self._choose_llvm(self._info)
        except (ElfFileError, *DAMAGE) as error:
            self._llvm = None
            self._warn_of_damage(str(error))

    @property
    def is_readable(self) -> bool:
        """Whether debug information tells anything."""
        return self._info is not None

    def find(self, addresses: Iterable[int]) -> dict[int, DebugFrames]:
        """Returns frames, innermost first, of those addresses that have some."""
        if self._llvm is not None:
            try:
                return self._llvm.find(addresses)
            except LlvmSymbolizerError as error:
                self._llvm = None
                self._warn(f"llvm-symbolizer: not used: {error}; vizreport reads {self._debug.path} itself")
        return self._find_by_own(addresses)

    def _find_by_own(self, addresses: Iterable[int]) -> dict[int, DebugFrames]:
        if self._info is None:
            return {}
        try:
            if self._own is None:
                self._own = FrameFinder(self._info)
            frames = self._own.find(addresses)
        except DAMAGE as error:
            self._info = None
            self._warn_of_damage(str(error))
            return {}
        if self._own.n_damaged:
            self._warn_of_damage(f"{self._own.n_damaged} compile units")
        return frames

    def _open(self) -> DebugInfo:
        shared = None
        if self._supplement is not None:
            shared = DebugInfo(load_sections(self._supplement.read_section), self._supplement.order)
        return DebugInfo(load_sections(self._debug.read_section), self._debug.order, shared)

    def _choose_llvm(self, info: DebugInfo) -> LlvmFinder | None:
        is_large = self._debug.path.stat().st_size >= LARGE_BYTES and self._supplement is None
        is_split = _is_split(info)
        command = find_llvm_symbolizer() if is_large or is_split else None
        if is_split and command is None:
            self._warn(f"{self._debug.path}: inlined functions are missing: split DWARF needs llvm-symbolizer in PATH")
        return LlvmFinder(command, self._debug.path) if command else None

    def _warn_of_damage(self, what: str) -> None:
        self._warn(f"{self._debug.path}: gives no lines, or not all: its debug information is damaged ({what})")


def _is_split(info: DebugInfo) -> bool:
    """Tells whether most of the debug information lies in .dwo files; compilers do that for whole programs."""
    return any(name in unit.root.values for unit in info.units[:1] for name in _DWO_NAMES)
