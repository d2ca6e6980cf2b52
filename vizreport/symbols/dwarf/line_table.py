"""Source files and lines of a compile unit's addresses (DWARF 5, section 6.2)."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace

from vizreport.symbols.dwarf.abbrevs import Widths
from vizreport.symbols.dwarf.constants import Attribute, Form
from vizreport.symbols.dwarf.encoding import Buffer, find_text_end, read_text, read_uleb
from vizreport.symbols.dwarf.line_program import LineRows, Program, run_program
from vizreport.symbols.dwarf.sections import DebugSections
from vizreport.symbols.dwarf.unit import Unit, Value

_PATH, _DIRECTORY = 1, 2  # content types of version 5's tables

Entry = dict[int, Value]


@dataclass(slots=True)
class LineTable:
    """The line table of one unit.

    Attributes:
        unit: Whose it is; its root names the compilation's directory.
        version: Of the table, which need not be the unit's.
        directories: As the table has them: from 0 in version 5, from 1 before.
        files: Likewise.
        rows: What the program made.
    """

    unit: Unit
    supplement: DebugSections | None
    version: int
    directories: list[Entry]
    files: list[Entry]
    rows: LineRows
    _paths: dict[int, str | None] = field(default_factory=dict)

    def find(self, address: int) -> tuple[str | None, int | None] | None:
        """Returns the file and the line of an address, or None: the table does not hold it."""
        rows = self.rows
        at = bisect_right(rows.highs, address)
        if at == len(rows.highs) or address < rows.lows[at]:
            return None
        # The last row of a sequence only ends it; of several at one address the last one counts.
        row = bisect_right(rows.addresses, address, rows.firsts[at] + 1, rows.lasts[at]) - 1
        return self.find_file(rows.files[row]), rows.lines[row] or None

    def find_file(self, index: int) -> str | None:
        """Returns the path of a file, or None: the table has none of this number."""
        if index not in self._paths:
            self._paths[index] = self._make_path(index)
        return self._paths[index]

    def _make_path(self, index: int) -> str | None:
        first = 0 if self.version >= 5 else 1
        if not first <= index < len(self.files) + first:
            return None
        entry = self.files[index - first]
        name = self._text(entry.get(_PATH))
        if name is None or _is_absolute(name):
            return name
        number = entry.get(_DIRECTORY, (0, 0))[1]
        directory = None
        if first <= number < len(self.directories) + first:
            directory = self._text(self.directories[number - first].get(_PATH))
        path = f"{directory}/{name}" if directory else name
        if _is_absolute(path) or (self.version >= 5 and number == 0):
            return path
        compiled_in = self.unit.root.values.get(Attribute.COMP_DIR)
        base = self._text(compiled_in)
        return f"{base}/{path}" if base else path

    def _text(self, value: Value | None) -> str | None:
        if value is None:
            return None
        if value[0] == _IN_TABLE:
            return read_text(self.unit.sections.line, value[1])
        return self.unit.as_text(value, self.supplement)


_IN_TABLE = -1  # in place of a form: the text lies in .debug_line


def _is_absolute(path: str) -> bool:
    return path.startswith(("/", "\\")) or path[1:3] in (":\\", ":/")


def read_line_table(unit: Unit, supplement: DebugSections | None) -> LineTable | None:
    """Returns a unit's line table, or None: it has none."""
    statements = unit.root.values.get(Attribute.STMT_LIST)
    if statements is None:
        return None
    data, order = unit.sections.line, unit.order
    length, offset_bytes, at = order.read_length(data, statements[1])
    end = at + length
    version = order.read(data, at, 2)
    at += 2
    if not 2 <= version <= 5 or end > len(data):
        raise ValueError(f"the line table at {statements[1]:#x} is none")
    address_bytes = unit.widths.address
    if version >= 5:
        address_bytes = data[at]
        at += 2
    header_length = order.read(data, at, offset_bytes)
    at += offset_bytes
    start = at + header_length
    program = _read_parameters(data, at, version, start, end)
    at += (5 if version < 4 else 6) + len(program.operands)
    if version >= 5:
        widths = Widths(version, address_bytes, offset_bytes)
        directories, at = _read_entries(unit, data, at, widths)
        files, at = _read_entries(unit, data, at, widths)
    else:
        directories, files = _read_old_entries(data, at)
    return LineTable(unit, supplement, version, directories, files, run_program(data, program, order))


def _read_parameters(data: Buffer, at: int, version: int, start: int, end: int) -> Program:
    """Returns the fixed part of the header that starts with minimum_instruction_length."""
    unit_length = data[at]
    at += 2 if version < 4 else 3  # maximum_operations_per_instruction; default_is_stmt
    line_base, line_range, opcode_base = data[at], data[at + 1], data[at + 2]
    if line_base >= 128:
        line_base -= 256
    if line_range == 0 or opcode_base == 0:
        raise ValueError("a line table's header is damaged")
    return Program(start, end, unit_length, line_base, line_range, bytes(data[at + 3 : at + 2 + opcode_base]))


def _read_entries(unit: Unit, data: Buffer, at: int, widths: Widths) -> tuple[list[Entry], int]:
    """Returns directories or files of version 5, and the offset behind them (section 6.2.4.1)."""
    reader = replace(unit, widths=widths)
    n_formats = data[at]
    at += 1
    formats = []
    for _ in range(n_formats):
        content, at = read_uleb(data, at)
        form, at = read_uleb(data, at)
        formats.append((content, form))
    n_entries, at = read_uleb(data, at)
    if n_entries > len(data):  # entries may take no bytes: then nothing else would stop us
        raise ValueError("a line table with more files than bytes")
    entries: list[Entry] = []
    for _ in range(n_entries):
        entry: Entry = {}
        for content, form in formats:
            actual, value, at = reader.read_form(data, at, form)
            entry[content] = (_IN_TABLE if actual == Form.STRING else actual, value)
        entries.append(entry)
    return entries, at


def _read_old_entries(data: Buffer, at: int) -> tuple[list[Entry], list[Entry]]:
    """Returns directories and files of versions 2 to 4."""
    directories: list[Entry] = []
    files: list[Entry] = []
    while data[at]:
        directories.append({_PATH: (_IN_TABLE, at)})
        at = find_text_end(data, at) + 1
    at += 1
    while data[at]:
        name = at
        directory, at = read_uleb(data, find_text_end(data, at) + 1)
        _, at = read_uleb(data, at)
        _, at = read_uleb(data, at)
        files.append({_PATH: (_IN_TABLE, name), _DIRECTORY: (Form.UDATA, directory)})
    return directories, files
