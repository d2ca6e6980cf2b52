"""All units of one file's debug information, and of the supplementary file that it shares with others."""

from __future__ import annotations

from bisect import bisect_right

from vizreport.symbols.dwarf.abbrevs import AbbrevTables
from vizreport.symbols.dwarf.constants import Attribute
from vizreport.symbols.dwarf.encoding import ByteOrder
from vizreport.symbols.dwarf.sections import DebugSections
from vizreport.symbols.dwarf.unit import Die, Unit, Value, read_unit_header

_LONGEST_CHAIN = 16  # of references from one function's DIE to another; the standard needs two
MANGLED = ("_Z", "_R")
"""What linkage names of C++ and Rust start with. Others tell no more than the name in the source."""

_NAMES = (Attribute.LINKAGE_NAME, Attribute.MIPS_LINKAGE_NAME, Attribute.NAME)


class DebugInfo:
    """The units of one file."""

    def __init__(self, sections: DebugSections, order: ByteOrder, supplement: DebugInfo | None = None) -> None:
        """Reads all unit headers, and nothing else yet."""
        self.sections = sections
        self.order = order
        self.supplement = supplement
        self._tables = AbbrevTables(sections.abbrev)
        self._names: dict[int, str | None] = {}
        self.units: list[Unit] = []
        at = 0
        while at < len(sections.info):
            unit = self._read_unit(at)
            self.units.append(unit)
            at = unit.end
        self._offsets = [unit.offset for unit in self.units]

    def _read_unit(self, offset: int) -> Unit:
        dies, end, kind, widths, abbrev_offset = read_unit_header(self.sections, self.order, offset)
        return Unit(self.sections, self.order, offset, dies, end, kind, widths, abbrev_offset, self._tables)

    def find_unit(self, offset: int) -> Unit:
        """Returns the unit that holds this offset.

        Raises:
            IndexError: None does.
        """
        at = bisect_right(self._offsets, offset) - 1
        if at < 0 or offset >= self.units[at].end:
            raise IndexError(f"no unit holds {offset:#x}")
        return self.units[at]

    def find_name(self, unit: Unit, die: Die) -> str | None:
        """Returns a function's name: mangled, if it has such a name, else as in the source.

        What its declaration and its abstract instance say counts too.
        """
        if die.offset not in self._names:
            self._names[die.offset] = self._find_name(unit, die)
        return self._names[die.offset]

    def _find_name(self, unit: Unit, die: Die) -> str | None:
        plain = None
        info = self
        for _ in range(_LONGEST_CHAIN):
            supplement = info.supplement.sections if info.supplement else None
            for attribute in _NAMES:
                value = die.values.get(attribute)
                text = unit.as_text(value, supplement) if value else None
                if text and attribute != Attribute.NAME and text.startswith(MANGLED):
                    return text
                if text and attribute == Attribute.NAME:
                    plain = plain or text
            origin = die.values.get(Attribute.ABSTRACT_ORIGIN) or die.values.get(Attribute.SPECIFICATION)
            found = info._follow(unit, origin) if origin else None
            if found is None:
                break
            info, unit, die = found
        return plain

    def _follow(self, unit: Unit, value: Value) -> tuple[DebugInfo, Unit, Die] | None:
        """Returns the DIE that an attribute refers to, with the file and the unit that hold it."""
        reference = unit.as_reference(value)
        if reference is None:
            return None
        offset, in_supplement = reference
        info = self.supplement if in_supplement else self
        if info is None:
            return None
        holder = unit if not in_supplement and unit.offset <= offset < unit.end else info.find_unit(offset)
        return info, holder, holder.read_die(offset)
