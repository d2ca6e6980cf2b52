"""Which function of a compile unit holds an address.

Walking a unit's DIEs is most of the work of symbolising, so what can be jumped over is: first whole subtrees, by
DW_AT_sibling. Only if a function is not found among a unit's outermost DIEs everything is walked through (functions in
namespaces and, in some languages, in other functions).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vizreport.symbols.dwarf.abbrevs import skip_attributes
from vizreport.symbols.dwarf.constants import Tag
from vizreport.symbols.dwarf.encoding import read_uleb
from vizreport.symbols.dwarf.ranges import read_ranges
from vizreport.symbols.dwarf.unit import Die, Unit


@dataclass(frozen=True, slots=True)
class _FunctionMap:
    """What a unit's functions cover, in the order of their DIEs.

    Attributes:
        lows: uint64[n], first addresses.
        highs: uint64[n], addresses behind the last.
        dies: The function of each range.
    """

    lows: NDArray[np.uint64]
    highs: NDArray[np.uint64]
    dies: list[Die]

    def find(self, address: int) -> Die | None:
        """Returns the innermost function: its DIE comes after those around it."""
        holders = np.flatnonzero((self.lows <= np.uint64(address)) & (self.highs > np.uint64(address)))
        return self.dies[int(holders[-1])] if len(holders) else None


def find_functions(unit: Unit, addresses: Sequence[int]) -> dict[int, Die]:
    """Returns the function that holds each address, for those that one does."""
    found: dict[int, Die] = {}
    missing = list(addresses)
    for thorough in (False, True):
        functions = _map_functions(unit, thorough=thorough) if missing else None
        if functions is None:
            break
        found.update((address, die) for address in missing if (die := functions.find(address)) is not None)
        missing = [address for address in missing if address not in found]
    return found


def _map_functions(unit: Unit, *, thorough: bool) -> _FunctionMap:
    lows: list[int] = []
    highs: list[int] = []
    dies: list[Die] = []
    for offset in _walk_functions(unit, thorough=thorough):
        die = unit.read_die(offset)
        for low, high in read_ranges(unit, die):
            lows.append(low)
            highs.append(high)
            dies.append(die)
    return _FunctionMap(np.array(lows, dtype=np.uint64), np.array(highs, dtype=np.uint64), dies)


def _walk_functions(unit: Unit, *, thorough: bool) -> list[int]:
    """Returns the offsets of the functions that have code. Offsets in the loop count from the unit's start."""
    data = bytes(unit.sections.info[unit.offset : unit.end])
    order, widths, abbrevs, origin = unit.order, unit.widths, unit.abbrevs, unit.offset
    found = []
    at, end = unit.root.end - origin, len(data)
    while at < end:
        start = at
        code = data[at]
        at += 1
        if code >= 128:
            code, at = read_uleb(data, start)
        if code == 0:
            continue  # how deep it goes does not matter: all DIEs up to the unit's end are children of its root
        abbrev = abbrevs[code]
        if abbrev.has_code and abbrev.tag == Tag.SUBPROGRAM:
            found.append(origin + start)
        if abbrev.sibling_at >= 0 and not thorough:
            sibling = order.read(data, at + abbrev.sibling_at, abbrev.sibling_size)
            if sibling > at:
                at = sibling
                continue
        at = at + abbrev.size if abbrev.size >= 0 else skip_attributes(data, at, abbrev.steps, order, widths)
    return found
