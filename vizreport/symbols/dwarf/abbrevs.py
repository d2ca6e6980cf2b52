"""Abbreviations: what attributes a DIE has, and how to get past them fast (DWARF 5, section 7.5.3)."""

from __future__ import annotations

from dataclasses import dataclass

from vizreport.symbols.dwarf.constants import Attribute, Form
from vizreport.symbols.dwarf.encoding import Buffer, ByteOrder, read_sleb, read_uleb

# Steps that are no fixed number of bytes.
STEP_LEB, STEP_TEXT, STEP_BLOCK1, STEP_BLOCK2, STEP_BLOCK4, STEP_BLOCK, STEP_INDIRECT = -1, -2, -3, -4, -5, -6, -7

_FIXED: dict[int, int] = {
    Form.DATA1: 1,
    Form.FLAG: 1,
    Form.REF1: 1,
    Form.STRX1: 1,
    Form.ADDRX1: 1,
    Form.DATA2: 2,
    Form.REF2: 2,
    Form.STRX2: 2,
    Form.ADDRX2: 2,
    Form.STRX3: 3,
    Form.ADDRX3: 3,
    Form.DATA4: 4,
    Form.REF4: 4,
    Form.STRX4: 4,
    Form.ADDRX4: 4,
    Form.REF_SUP4: 4,
    Form.DATA8: 8,
    Form.REF8: 8,
    Form.REF_SIG8: 8,
    Form.REF_SUP8: 8,
    Form.DATA16: 16,
    Form.FLAG_PRESENT: 0,
    Form.IMPLICIT_CONST: 0,
    Form.SDATA: STEP_LEB,
    Form.UDATA: STEP_LEB,
    Form.REF_UDATA: STEP_LEB,
    Form.STRX: STEP_LEB,
    Form.ADDRX: STEP_LEB,
    Form.LOCLISTX: STEP_LEB,
    Form.RNGLISTX: STEP_LEB,
    Form.GNU_ADDR_INDEX: STEP_LEB,
    Form.GNU_STR_INDEX: STEP_LEB,
    Form.STRING: STEP_TEXT,
    Form.BLOCK1: STEP_BLOCK1,
    Form.BLOCK2: STEP_BLOCK2,
    Form.BLOCK4: STEP_BLOCK4,
    Form.BLOCK: STEP_BLOCK,
    Form.EXPRLOC: STEP_BLOCK,
    Form.INDIRECT: STEP_INDIRECT,
}
_OFFSET_FORMS = {Form.STRP, Form.LINE_STRP, Form.SEC_OFFSET, Form.STRP_SUP, Form.GNU_REF_ALT, Form.GNU_STRP_ALT}


@dataclass(frozen=True, slots=True)
class Widths:
    """What the sizes of forms depend on: a unit's version, and its bytes in an address and in an offset."""

    version: int
    address: int
    offset: int

    def step(self, form: int) -> int:
        """Returns the bytes that a form takes, or one of the STEP constants.

        Raises:
            ValueError: The standard knows no such form.
        """
        step = _FIXED.get(form)
        if step is not None:
            return step
        if form in _OFFSET_FORMS:
            return self.offset
        if form == Form.ADDR or (form == Form.REF_ADDR and self.version < 3):
            return self.address
        if form == Form.REF_ADDR:
            return self.offset
        raise ValueError(f"unknown form {form:#x}")


@dataclass(frozen=True, slots=True)
class Abbrev:
    """What DIEs with one abbreviation code have in common.

    Attributes:
        attributes: (attribute, form, value of an implicit constant) of each.
        steps: How to get past all of them: numbers of bytes, and STEP constants.
        size: Bytes of all of them, or -1: that varies.
        sibling_at: Offset of DW_AT_sibling from the DIE's first attribute, or -1: none, or that varies.
        sibling_size: Bytes of it.
        has_code: Whether it says which addresses it covers.
    """

    tag: int
    has_children: bool
    attributes: tuple[tuple[int, int, int], ...]
    steps: tuple[int, ...]
    size: int
    sibling_at: int
    sibling_size: int
    has_code: bool


def read_abbrevs(data: Buffer, at: int, widths: Widths) -> dict[int, Abbrev]:
    """Returns the abbreviations that start at this offset of .debug_abbrev, by their code."""
    abbrevs: dict[int, Abbrev] = {}
    while True:
        code, at = read_uleb(data, at)
        if code == 0:
            return abbrevs
        tag, at = read_uleb(data, at)
        has_children = data[at] != 0
        at += 1
        attributes = []
        while True:
            attribute, at = read_uleb(data, at)
            form, at = read_uleb(data, at)
            implicit = 0
            if form == Form.IMPLICIT_CONST:
                implicit, at = read_sleb(data, at)
            if attribute == 0 and form == 0:
                break
            attributes.append((attribute, form, implicit))
        abbrevs[code] = _make_abbrev(tag, has_children, tuple(attributes), widths)


class AbbrevTables:
    """The tables of .debug_abbrev, each read when a unit is looked into that uses it."""

    def __init__(self, data: Buffer) -> None:
        """Reads nothing yet."""
        self._data = data
        self._tables: dict[tuple[int, Widths], dict[int, Abbrev]] = {}

    def read(self, offset: int, widths: Widths) -> dict[int, Abbrev]:
        """Returns the table at this offset."""
        key = (offset, widths)
        if key not in self._tables:
            self._tables[key] = read_abbrevs(self._data, offset, widths)
        return self._tables[key]


def _make_abbrev(tag: int, has_children: bool, attributes: tuple[tuple[int, int, int], ...], widths: Widths) -> Abbrev:
    steps: list[int] = []
    sibling_at, sibling_size, is_fixed, size = -1, 0, True, 0
    for attribute, form, _ in attributes:
        step = widths.step(form)
        if attribute == Attribute.SIBLING and is_fixed and step > 0:
            sibling_at, sibling_size = size, step
        is_fixed = is_fixed and step >= 0
        if steps and steps[-1] >= 0 and step >= 0:
            steps[-1] += step
        else:
            steps.append(step)
        size += max(step, 0)
    names = {attribute for attribute, _, _ in attributes}
    return Abbrev(
        tag,
        has_children,
        attributes,
        tuple(steps),
        size if is_fixed else -1,
        sibling_at,
        sibling_size,
        Attribute.LOW_PC in names or Attribute.RANGES in names,
    )


def skip_attributes(data: Buffer, at: int, steps: tuple[int, ...], order: ByteOrder, widths: Widths) -> int:
    """Returns the offset behind the attributes that start at this one."""
    for step in steps:
        if step >= 0:
            at += step
        elif step == STEP_LEB:
            while data[at] >= 128:
                at += 1
            at += 1
        elif step == STEP_BLOCK:
            n, at = read_uleb(data, at)
            at += n
        elif step == STEP_TEXT:
            while data[at]:
                at += 1
            at += 1
        elif step == STEP_INDIRECT:
            form, at = read_uleb(data, at)
            at = skip_attributes(data, at, (widths.step(form),), order, widths)
        else:
            size = {STEP_BLOCK1: 1, STEP_BLOCK2: 2, STEP_BLOCK4: 4}[step]
            at += size + order.read(data, at, size)
    return at
