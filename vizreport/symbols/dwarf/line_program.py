"""The line number program: bytes that make rows (address, file, line) (DWARF 5, section 6.2.5)."""

from __future__ import annotations

from dataclasses import dataclass

from vizreport.symbols.dwarf.encoding import Buffer, ByteOrder, read_sleb, read_uleb

_EXTENDED, _COPY, _ADVANCE_PC, _ADVANCE_LINE, _SET_FILE, _CONST_ADD_PC, _FIXED_ADVANCE_PC = 0, 1, 2, 3, 4, 8, 9
_END_SEQUENCE, _SET_ADDRESS = 1, 2


@dataclass(frozen=True, slots=True)
class Program:
    """A program, and what its opcodes depend on.

    Attributes:
        start: Offset of its first byte.
        end: Offset behind its last.
        unit: Bytes of the shortest instruction.
        operands: How many each standard opcode has, from opcode 1 on.
    """

    start: int
    end: int
    unit: int
    line_base: int
    line_range: int
    operands: bytes


@dataclass(frozen=True, slots=True)
class LineRows:
    """Rows, and the sequences of them: runs of code whose addresses increase.

    Attributes:
        addresses: Of each row.
        files: Number of the file, in the table's own numbering.
        lines: 0: no line.
        lows: First address of each sequence; they are in the order of ``highs``.
        highs: Address behind its last.
        firsts: Its first row.
        lasts: Its last row, which only says where it ends.
    """

    addresses: list[int]
    files: list[int]
    lines: list[int]
    lows: list[int]
    highs: list[int]
    firsts: list[int]
    lasts: list[int]


def run_program(section: Buffer, program: Program, order: ByteOrder) -> LineRows:
    """Runs a program; one loop without calls, since this is where time goes."""
    data = bytes(section[program.start : program.end])
    addresses: list[int] = []
    files: list[int] = []
    lines: list[int] = []
    sequences: list[tuple[int, int, int, int]] = []  # end, number, first row, last row
    base = len(program.operands) + 1
    advances = [(opcode - base) // program.line_range * program.unit for opcode in range(256)]
    steps = [program.line_base + (opcode - base) % program.line_range for opcode in range(256)]
    address, file, line, first, at, end = 0, 1, 1, 0, 0, len(data)
    while at < end:
        opcode = data[at]
        at += 1
        if opcode >= base:
            address += advances[opcode]
            line += steps[opcode]
            addresses.append(address)
            files.append(file)
            lines.append(line)
        elif opcode == _EXTENDED:
            length, at = read_uleb(data, at)
            if data[at] == _END_SEQUENCE:
                addresses.append(address)
                files.append(file)
                lines.append(line)
                sequences.append((address, len(sequences), first, len(addresses) - 1))
                address, file, line, first = 0, 1, 1, len(addresses)
            elif data[at] == _SET_ADDRESS:
                address = order.read(data, at + 1, length - 1)
            at += length
        elif opcode == _COPY:
            addresses.append(address)
            files.append(file)
            lines.append(line)
        elif opcode == _ADVANCE_PC:
            operand, at = read_uleb(data, at)
            address += operand * program.unit
        elif opcode == _ADVANCE_LINE:
            operand, at = read_sleb(data, at)
            line += operand
        elif opcode == _SET_FILE:
            file, at = read_uleb(data, at)
        elif opcode == _CONST_ADD_PC:
            address += advances[255]
        elif opcode == _FIXED_ADVANCE_PC:
            address += order.read(data, at, 2)
            at += 2
        else:
            for _ in range(program.operands[opcode - 1]):
                _, at = read_uleb(data, at)
    return _sort_sequences(addresses, files, lines, sequences)


def _sort_sequences(
    addresses: list[int], files: list[int], lines: list[int], sequences: list[tuple[int, int, int, int]]
) -> LineRows:
    """Returns the rows with those sequences that hold any address, by where they end and then as they came."""
    whole = sorted(row for row in sequences if row[3] > row[2] and addresses[row[2]] < row[0])
    return LineRows(
        addresses,
        files,
        lines,
        [addresses[first] for _, _, first, _ in whole],
        [high for high, _, _, _ in whole],
        [first for _, _, first, _ in whole],
        [last for _, _, _, last in whole],
    )
