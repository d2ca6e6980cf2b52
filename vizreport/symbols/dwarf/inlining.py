"""Which functions were inlined at an address of a function (DWARF 5, section 3.3.8)."""

from __future__ import annotations

from collections.abc import Sequence

from vizreport.symbols.dwarf.abbrevs import Abbrev
from vizreport.symbols.dwarf.constants import Tag
from vizreport.symbols.dwarf.encoding import read_uleb
from vizreport.symbols.dwarf.ranges import read_ranges
from vizreport.symbols.dwarf.unit import Die, Unit

_SCOPES = {Tag.LEXICAL_BLOCK, Tag.INLINED_SUBROUTINE, Tag.WITH_STMT, Tag.CATCH_BLOCK, Tag.TRY_BLOCK}

Chain = tuple[Die, ...]
"""Inlined functions, innermost first, and the function that holds them all."""


def find_chains(unit: Unit, function: Die, addresses: Sequence[int]) -> dict[int, Chain]:
    """Returns the chain of each address in the function."""
    chains: dict[int, Chain] = dict.fromkeys(addresses, (function,))
    if function.abbrev.has_children:
        _descend(unit, function.end, (function,), addresses, chains)
    return chains


def _descend(unit: Unit, at: int, chain: Chain, addresses: Sequence[int], chains: dict[int, Chain]) -> int:
    """Walks the siblings from this offset on, into those scopes that hold some of the addresses.

    Where several siblings claim an address the last one counts.

    Returns:
        The offset behind the last sibling.
    """
    data = unit.sections.info
    while True:
        offset = at
        code, at = read_uleb(data, offset)
        if code == 0:
            return at
        abbrev = unit.abbrevs[code]
        if abbrev.tag not in _SCOPES or not (abbrev.has_children or abbrev.has_code):
            at = _pass_by(unit, abbrev, at)
            continue
        die = unit.read_die(offset)
        ranges = read_ranges(unit, die)
        held = [address for address in addresses if any(low <= address < high for low, high in ranges)]
        inner = chain
        if abbrev.tag == Tag.INLINED_SUBROUTINE:
            inner = (die, *chain)
            chains.update((address, inner) for address in held)
        if not ranges:
            # It only groups what is in it, or gcc began its list with an empty range at 0, which reads as the end.
            held = list(addresses)
        if abbrev.has_children and held:
            at = _descend(unit, die.end, inner, held, chains)
        else:
            at = _pass_by(unit, abbrev, at)


def _pass_by(unit: Unit, abbrev: Abbrev, at: int) -> int:
    """Returns the offset of the next sibling of the DIE whose attributes start here."""
    sibling = unit.read_sibling(abbrev, at)
    if sibling is not None:
        return sibling
    at = unit.skip(abbrev, at)
    return unit.skip_children(at) if abbrev.has_children else at
