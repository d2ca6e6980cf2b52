"""The sections of debug information that are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

from vizreport.symbols.dwarf.encoding import Buffer


@dataclass(frozen=True, slots=True)
class DebugSections:
    """Bytes of the sections .debug_NAME, empty where there is none."""

    info: Buffer
    abbrev: Buffer
    line: Buffer
    str: Buffer
    line_str: Buffer
    str_offsets: Buffer
    addr: Buffer
    ranges: Buffer
    rnglists: Buffer
    aranges: Buffer


def load_sections(read: Callable[[str], Buffer]) -> DebugSections:
    """Returns the sections that ``read`` gives for .debug_info and so on."""
    return DebugSections(*(read(f".debug_{field.name}") for field in fields(DebugSections)))
