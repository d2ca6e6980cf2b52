"""The addresses that a DIE covers (DWARF 5, sections 2.17 and 7.25; DWARF 4, section 2.17.3)."""

from __future__ import annotations

from collections.abc import Iterator

from vizreport.symbols.dwarf.constants import Attribute, Form, RangeEntry
from vizreport.symbols.dwarf.encoding import read_uleb
from vizreport.symbols.dwarf.unit import Die, Unit, Value

Range = tuple[int, int]
"""First address, and the one behind the last."""


def read_ranges(unit: Unit, die: Die) -> list[Range]:
    """Returns what a DIE covers; empty and discarded ranges are left out."""
    ranges = die.values.get(Attribute.RANGES)
    if ranges is not None:
        found = _read_rnglist(unit, ranges) if unit.widths.version >= 5 else _read_range_list(unit, ranges)
        return [(low, high) for low, high in found if low < high and not _is_tombstone(unit, low)]
    low_value, high_value = die.values.get(Attribute.LOW_PC), die.values.get(Attribute.HIGH_PC)
    low = unit.as_address(low_value) if low_value else None
    if low is None or high_value is None or _is_tombstone(unit, low):
        return []
    high = unit.as_address(high_value)
    if high is None:
        high = low + unit.as_number(high_value)
    return [(low, high)] if low < high else []


def _is_tombstone(unit: Unit, address: int) -> bool:
    """Tells whether the linker marked the code as discarded: the largest address, or the one before it (lld)."""
    return address >= (1 << 8 * unit.widths.address) - 2


def _base_address(unit: Unit) -> int:
    value = unit.root.values.get(Attribute.LOW_PC)
    return (unit.as_address(value) or 0) if value else 0


def _read_range_list(unit: Unit, value: Value) -> Iterator[Range]:
    """Yields the entries of a list in .debug_ranges."""
    data, size = unit.sections.ranges, unit.widths.address
    largest = (1 << 8 * size) - 1
    at = value[1]
    if value[0] != Form.SEC_OFFSET or unit.root.values.get(Attribute.GNU_DWO_NAME) is not None:
        at += unit.base(Attribute.GNU_RANGES_BASE, None, 0)
    base = _base_address(unit)
    while True:
        low, high = unit.order.read(data, at, size), unit.order.read(data, at + size, size)
        at += 2 * size
        if low == largest:
            base = high
        elif low == 0 and high == 0:
            return
        else:
            yield base + low, base + high


def _read_rnglist(unit: Unit, value: Value) -> Iterator[Range]:
    """Yields the entries of a list in .debug_rnglists."""
    data, size = unit.sections.rnglists, unit.widths.address
    at = value[1]
    if value[0] == Form.RNGLISTX:
        # The header before the table of offsets has 12 or 20 bytes.
        start = unit.base(Attribute.RNGLISTS_BASE, None, 12 if unit.widths.offset == 4 else 20)
        at = start + unit.order.read(data, start + value[1] * unit.widths.offset, unit.widths.offset)
    base = _base_address(unit)
    while True:
        kind = data[at]
        at += 1
        if kind == RangeEntry.END_OF_LIST:
            return
        if kind in (RangeEntry.BASE_ADDRESS, RangeEntry.START_END, RangeEntry.START_LENGTH):
            first = unit.order.read(data, at, size)
            at += size
        else:
            first, at = read_uleb(data, at)
        if kind == RangeEntry.BASE_ADDRESS:
            base = first
            continue
        if kind == RangeEntry.BASE_ADDRESSX:
            base = unit.indexed_address(first)
            continue
        if kind == RangeEntry.START_END:
            second = unit.order.read(data, at, size)
            at += size
        else:
            second, at = read_uleb(data, at)
        yield _make_range(unit, kind, base, first, second)


def _make_range(unit: Unit, kind: int, base: int, first: int, second: int) -> Range:
    """Returns the range that an entry with two operands describes.

    Raises:
        ValueError: There is no such kind of entry.
    """
    if kind == RangeEntry.OFFSET_PAIR:
        return base + first, base + second
    if kind == RangeEntry.START_END:
        return first, second
    if kind == RangeEntry.START_LENGTH:
        return first, first + second
    if kind == RangeEntry.STARTX_LENGTH:
        low = unit.indexed_address(first)
        return low, low + second
    if kind == RangeEntry.STARTX_ENDX:
        return unit.indexed_address(first), unit.indexed_address(second)
    raise ValueError(f"unknown range list entry {kind}")
