"""From addresses of a file to functions, source files and lines, inlined functions included."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from vizreport.symbols.dwarf.constants import Attribute
from vizreport.symbols.dwarf.debug_info import DebugInfo
from vizreport.symbols.dwarf.functions import find_functions
from vizreport.symbols.dwarf.inlining import Chain, find_chains
from vizreport.symbols.dwarf.line_table import LineTable, read_line_table
from vizreport.symbols.dwarf.unit import Unit
from vizreport.symbols.dwarf.unit_map import UnitMap

DAMAGE = (IndexError, KeyError, ValueError, OverflowError, RecursionError, struct.error)
"""What reading debug information that contradicts itself raises."""


@dataclass(frozen=True, slots=True)
class DebugFrame:
    """One function at an address.

    Attributes:
        name: Mangled if it has such a name, else as in the source, or None.
        file: Path as the compiler saw it, or None.
        line: Or None.
    """

    name: str | None
    file: str | None
    line: int | None


DebugFrames = tuple[DebugFrame, ...]


class FrameFinder:
    """Finds frames in one file. Reads of it what holds the addresses that are asked for.

    Attributes:
        n_damaged: Units that contradict themselves, which were left out.
    """

    def __init__(self, info: DebugInfo) -> None:
        """Reads what the units cover.

        Raises:
            One of DAMAGE: The debug information contradicts itself.
        """
        self._info = info
        self._units = UnitMap(info)
        self.n_damaged = 0

    def find(self, addresses: Iterable[int]) -> dict[int, DebugFrames]:
        """Returns the frames of each address that a sound unit covers, innermost first."""
        by_unit: dict[int, tuple[Unit, list[int]]] = {}
        for address in sorted(set(addresses)):
            unit = self._units.find(address)
            if unit is not None:
                by_unit.setdefault(unit.offset, (unit, []))[1].append(address)
        frames: dict[int, DebugFrames] = {}
        for unit, held in by_unit.values():
            try:
                frames.update(_find_in_unit(self._info, unit, held))
            except DAMAGE:
                self.n_damaged += 1
        return frames


def _find_in_unit(info: DebugInfo, unit: Unit, addresses: list[int]) -> dict[int, DebugFrames]:
    table = read_line_table(unit, info.supplement.sections if info.supplement else None)
    chains: dict[int, Chain] = {}
    by_function: dict[int, list[int]] = {}
    functions = find_functions(unit, addresses)
    for address, die in functions.items():
        by_function.setdefault(die.offset, []).append(address)
    for held in by_function.values():
        chains.update(find_chains(unit, functions[held[0]], held))
    return {address: _make_frames(info, unit, table, chains.get(address, ()), address) for address in addresses}


def _make_frames(info: DebugInfo, unit: Unit, table: LineTable | None, chain: Chain, address: int) -> DebugFrames:
    """Returns a chain's frames: the innermost one's line is the address's, the others' are those of the calls."""
    file, line = (table.find(address) if table else None) or (None, None)
    if not chain:
        return (DebugFrame(None, file, line),) if file else ()
    frames = []
    for die in chain:
        frames.append(DebugFrame(info.find_name(unit, die), file, line))
        call_file, call_line = die.values.get(Attribute.CALL_FILE), die.values.get(Attribute.CALL_LINE)
        file = table.find_file(call_file[1]) if table and call_file else None
        line = (call_line[1] or None) if call_line else None
    return tuple(frames)
