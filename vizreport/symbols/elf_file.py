"""ELF files: sections, build-id, links to debug files. Reads by pyelftools, of which nothing else is used.

Sources: System V ABI, chapter 4; GDB manual, "Debugging Information in Separate Files".
"""

from __future__ import annotations

import mmap
import zlib
from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.construct import ConstructError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import NoteSection
from elftools.elf.segments import NoteSegment

from vizreport.errors import TraceFormatError
from vizreport.symbols.dwarf.encoding import Buffer, ByteOrder, make_order
from vizreport.trace.columns import decompress

_SHF_COMPRESSED = 0x800
_ZLIB, _ZSTD = 1, 2
_EM_ARM = "EM_ARM"
_FAULTS = (ELFError, ConstructError, ValueError, IndexError, KeyError, AttributeError, TypeError, OverflowError)


class ElfFileError(Exception):
    """The file is no ELF file, can't be read, or is damaged. Its text says which."""


@dataclass(frozen=True, slots=True)
class Section:
    """A section as the file has it.

    Attributes:
        address: ELF virtual address, where it is part of the program.
        link: Number of the section that it refers to.
    """

    name: str
    address: int
    offset: int
    size: int
    link: int
    is_compressed: bool
    is_stored: bool


class ElfFile:
    """An open ELF file. Uncompressed sections are mapped, not copied."""

    def __init__(self, path: Path) -> None:
        """Opens the file and reads its headers.

        Raises:
            ElfFileError: That can't be done.
        """
        self.path = path
        try:
            with path.open("rb") as file:
                self._mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            elf = ELFFile(self._mapped)  # type: ignore[arg-type]  # reads and seeks like a file
            self._data = memoryview(self._mapped)
            self.order: ByteOrder = make_order(elf.little_endian)
            self.address_bytes: int = elf.elfclass // 8
            self.has_thumb_addresses: bool = elf["e_machine"] == _EM_ARM
            self.sections = tuple(
                Section(
                    section.name,
                    section["sh_addr"],
                    section["sh_offset"],
                    section["sh_size"],
                    section["sh_link"],
                    bool(section["sh_flags"] & _SHF_COMPRESSED),
                    section["sh_type"] != "SHT_NOBITS",
                )
                for section in elf.iter_sections()
            )
            self.build_id: bytes = _read_build_id(elf)
        except OSError as error:
            raise ElfFileError(error.strerror or str(error)) from error
        except _FAULTS as error:
            raise ElfFileError("no ELF file, or a damaged one") from error
        self._by_name = {section.name: section for section in self.sections}

    def has_section(self, name: str) -> bool:
        """Tells whether there is such a section with something in it; .debug_x may be called .zdebug_x."""
        section = self._by_name.get(name) or self._by_name.get(_old_name(name))
        return section is not None and section.is_stored and section.size > 0

    def read_section(self, name: str) -> Buffer:
        """Returns a section's bytes, decompressed; empty: there is none.

        Raises:
            ElfFileError: It is damaged.
        """
        section = self._by_name.get(name)
        if section is None:
            section = self._by_name.get(_old_name(name))
            return self._inflate(section, 12) if section else b""
        return self.read_bytes(section)

    def read_bytes(self, section: Section) -> Buffer:
        """Returns the bytes of one of ``sections``, decompressed.

        Raises:
            ElfFileError: It is damaged.
        """
        if not section.is_stored:
            return b""
        stored = self._data[section.offset : section.offset + section.size]
        if len(stored) < section.size:
            raise ElfFileError(f"the section {section.name} is cut")
        if not section.is_compressed:
            return stored
        return self._decompress(section, stored)

    def _decompress(self, section: Section, stored: Buffer) -> bytes:
        header_bytes, size_at = (24, 8) if self.address_bytes == 8 else (12, 4)
        if len(stored) < header_bytes:
            raise ElfFileError(f"the section {section.name} is cut")
        kind = self.order.read(stored, 0, 4)
        if kind == _ZLIB:
            return self._inflate(section, header_bytes)
        if kind != _ZSTD:
            raise ElfFileError(f"the section {section.name} is compressed in an unknown way")
        try:
            return decompress(memoryview(stored)[header_bytes:], self.order.read(stored, size_at, self.address_bytes))
        except TraceFormatError as error:
            raise ElfFileError(f"the section {section.name} is damaged") from error

    def _inflate(self, section: Section, header_bytes: int) -> bytes:
        try:
            return zlib.decompress(self._data[section.offset + header_bytes : section.offset + section.size])
        except zlib.error as error:
            raise ElfFileError(f"the section {section.name} is damaged") from error

    def read_debug_link(self) -> tuple[str, int] | None:
        """Returns name and CRC-32 of the file with this one's debug information, or None."""
        stored = bytes(self.read_section(".gnu_debuglink"))
        name = stored.partition(b"\0")[0]
        if not name or len(stored) < 4:
            return None
        return name.decode("utf-8", "surrogateescape"), self.order.read(stored, len(stored) - 4, 4)

    def read_supplement_link(self) -> tuple[str, bytes] | None:
        """Returns path and build-id of the file that shares debug information with others (dwz), or None."""
        name, _, build_id = bytes(self.read_section(".gnu_debugaltlink")).partition(b"\0")
        return (name.decode("utf-8", "surrogateescape"), build_id) if name else None


def _old_name(name: str) -> str:
    return name.replace(".debug_", ".zdebug_")


def _read_build_id(elf: ELFFile) -> bytes:
    """Returns the build-id, or nothing; debug files keep the sections, sstripped files the segments."""
    for holders, kind in ((elf.iter_sections(), NoteSection), (elf.iter_segments(), NoteSegment)):
        for holder in holders:
            if not isinstance(holder, kind):
                continue
            for note in holder.iter_notes():
                if note["n_type"] == "NT_GNU_BUILD_ID":
                    return bytes.fromhex(note["n_desc"])
    return b""
