"""Units of .debug_info and the DIEs in them (DWARF 5, sections 7.5.1 to 7.5.6)."""

from __future__ import annotations

from dataclasses import dataclass, field

from vizreport.symbols.dwarf.abbrevs import Abbrev, AbbrevTables, Widths, skip_attributes
from vizreport.symbols.dwarf.constants import Attribute, Form, UnitType
from vizreport.symbols.dwarf.encoding import Buffer, ByteOrder, find_text_end, read_sleb, read_text, read_uleb
from vizreport.symbols.dwarf.sections import DebugSections

_ADDRESS_INDEXES = {
    Form.ADDRX,
    Form.ADDRX1,
    Form.ADDRX2,
    Form.ADDRX3,
    Form.ADDRX4,
    Form.GNU_ADDR_INDEX,
}
_TEXT_INDEXES = {Form.STRX, Form.STRX1, Form.STRX2, Form.STRX3, Form.STRX4, Form.GNU_STR_INDEX}
_UNIT_REFERENCES = {Form.REF1, Form.REF2, Form.REF4, Form.REF8, Form.REF_UDATA}
_SUPPLEMENT_REFERENCES = {Form.GNU_REF_ALT, Form.REF_SUP4, Form.REF_SUP8}

Value = tuple[int, int]
"""A form and what is stored: a number, an offset, or for a text or a block in place where that starts."""


@dataclass(frozen=True, slots=True)
class Die:
    """A debugging information entry.

    Attributes:
        offset: In .debug_info.
        values: Its attributes.
        end: Offset behind its attributes: of its first child, or of its sibling.
    """

    offset: int
    abbrev: Abbrev
    values: dict[int, Value]
    end: int


@dataclass(slots=True)
class Unit:
    """A unit of .debug_info. All offsets are in that section.

    Attributes:
        offset: Of the header.
        dies: Of the first DIE.
        end: Of the next unit.
        kind: One of UnitType; those before version 5 count as COMPILE.
    """

    sections: DebugSections
    order: ByteOrder
    offset: int
    dies: int
    end: int
    kind: int
    widths: Widths
    abbrev_offset: int
    tables: AbbrevTables
    _abbrevs: dict[int, Abbrev] | None = field(default=None)
    _root: Die | None = field(default=None)

    @property
    def abbrevs(self) -> dict[int, Abbrev]:
        """The abbreviations of its DIEs, by their code."""
        if self._abbrevs is None:
            self._abbrevs = self.tables.read(self.abbrev_offset, self.widths)
        return self._abbrevs

    @property
    def root(self) -> Die:
        """The unit's own DIE."""
        if self._root is None:
            self._root = self.read_die(self.dies)
        return self._root

    def read_die(self, offset: int) -> Die:
        """Returns the DIE at this offset.

        Raises:
            ValueError: There is none.
        """
        data = self.sections.info
        code, at = read_uleb(data, offset)
        abbrev = self.abbrevs.get(code)
        if abbrev is None:
            raise ValueError(f"no DIE at {offset:#x}")
        values: dict[int, Value] = {}
        for attribute, form, implicit in abbrev.attributes:
            form, value, at = self.read_form(data, at, form, implicit)
            values[attribute] = (form, value)
        return Die(offset, abbrev, values, at)

    def read_form(self, data: Buffer, at: int, form: int, implicit: int = 0) -> tuple[int, int, int]:
        """Returns the form, which DW_FORM_indirect changes, what is stored there, and the offset behind it."""
        if form == Form.INDIRECT:
            form, at = read_uleb(data, at)
        if form == Form.IMPLICIT_CONST:
            return form, implicit, at
        if form == Form.FLAG_PRESENT:
            return form, 1, at
        if form == Form.SDATA:
            return (form, *read_sleb(data, at))
        step = self.widths.step(form)
        if step > 0:
            return form, self.order.read(data, at, step), at + step
        if form == Form.STRING:
            return form, at, find_text_end(data, at) + 1
        if form in (Form.BLOCK1, Form.BLOCK2, Form.BLOCK4, Form.BLOCK, Form.EXPRLOC):
            return form, at, skip_attributes(data, at, (step,), self.order, self.widths)
        return (form, *read_uleb(data, at))

    def base(self, attribute: Attribute, gnu: Attribute | None, default: int) -> int:
        """Returns the base of an index: what the root says, or the default."""
        values = self.root.values
        value = values.get(attribute) or (values.get(gnu) if gnu is not None else None)
        return value[1] if value is not None else default

    def as_number(self, value: Value) -> int:
        """Returns a constant."""
        return value[1]

    def as_address(self, value: Value) -> int | None:
        """Returns an address, or None: the value is no address."""
        form, raw = value
        if form == Form.ADDR:
            return raw
        if form in _ADDRESS_INDEXES:
            return self.indexed_address(raw)
        return None

    def indexed_address(self, index: int) -> int:
        """Returns an entry of .debug_addr."""
        base = self.base(Attribute.ADDR_BASE, Attribute.GNU_ADDR_BASE, 0)
        return self.order.read(self.sections.addr, base + index * self.widths.address, self.widths.address)

    def as_reference(self, value: Value) -> tuple[int, bool] | None:
        """Returns a DIE's offset, and whether it lies in the supplementary file; None: another kind of reference."""
        form, raw = value
        if form in _UNIT_REFERENCES:
            return self.offset + raw, False
        if form == Form.REF_ADDR:
            return raw, False
        if form in _SUPPLEMENT_REFERENCES:
            return raw, True
        return None

    def as_text(self, value: Value, supplement: DebugSections | None = None) -> str | None:
        """Returns a text, or None where it lies in a supplementary file that is not there."""
        form, raw = value
        sections = self.sections
        if form == Form.STRP:
            return read_text(sections.str, raw)
        if form == Form.LINE_STRP:
            return read_text(sections.line_str, raw)
        if form == Form.STRING:
            return read_text(sections.info, raw)
        if form in _TEXT_INDEXES:
            # Before version 5, and in units that name no base, the entries start at once; later there is a header.
            size = self.widths.offset
            base = self.base(Attribute.STR_OFFSETS_BASE, None, 0 if self.widths.version < 5 else 2 * size)
            return read_text(sections.str, self.order.read(sections.str_offsets, base + raw * size, size))
        if form in (Form.GNU_STRP_ALT, Form.STRP_SUP):
            return read_text(supplement.str, raw) if supplement else None
        return None

    def skip_children(self, at: int) -> int:
        """Returns the offset behind the children that start at this one."""
        data, depth = self.sections.info, 1
        while depth:
            code, at = read_uleb(data, at)
            if code == 0:
                depth -= 1
                continue
            abbrev = self.abbrevs[code]
            sibling = self.read_sibling(abbrev, at)
            if sibling is not None:
                at = sibling
                continue
            at = self.skip(abbrev, at)
            depth += abbrev.has_children
        return at

    def read_sibling(self, abbrev: Abbrev, at: int) -> int | None:
        """Returns the offset of the next sibling, if the DIE whose attributes start here says it and it lies ahead."""
        if abbrev.sibling_at < 0:
            return None
        sibling = self.offset + self.order.read(self.sections.info, at + abbrev.sibling_at, abbrev.sibling_size)
        return sibling if sibling > at else None

    def skip(self, abbrev: Abbrev, at: int) -> int:
        """Returns the offset behind a DIE's attributes."""
        if abbrev.size >= 0:
            return at + abbrev.size
        return skip_attributes(self.sections.info, at, abbrev.steps, self.order, self.widths)


def read_unit_header(sections: DebugSections, order: ByteOrder, offset: int) -> tuple[int, int, int, Widths, int]:
    """Returns offset of the first DIE, end, kind, widths and offset of the abbreviations (section 7.5.1)."""
    info = sections.info
    length, offset_bytes, at = order.read_length(info, offset)
    end = at + length
    version = order.read(info, at, 2)
    at += 2
    kind: int = UnitType.COMPILE
    if version >= 5:
        kind, address_bytes = info[at], info[at + 1]
        abbrev_offset = order.read(info, at + 2, offset_bytes)
        at += 2 + offset_bytes
        if kind in (UnitType.SKELETON, UnitType.SPLIT_COMPILE):
            at += 8
        elif kind in (UnitType.TYPE, UnitType.SPLIT_TYPE):
            at += 8 + offset_bytes
    else:
        abbrev_offset = order.read(info, at, offset_bytes)
        address_bytes = info[at + offset_bytes]
        at += offset_bytes + 1
    if not 2 <= version <= 5 or address_bytes not in (4, 8) or end > len(info):
        raise ValueError(f"the unit at {offset:#x} is none")
    return at, end, kind, Widths(version, address_bytes, offset_bytes), abbrev_offset
