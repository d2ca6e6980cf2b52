"""Lines of CSV as numpy columns: finds the fields of many lines at once, and reads numbers and names from them.

Knows nothing of what the columns mean. Fields may be quoted, as RFC 4180 has it; there is no loop over lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vizreport.errors import TraceFormatError

CHUNK_BYTES = 8 << 20
_COMMA, _NEWLINE, _QUOTE = ord(","), ord("\n"), ord('"')
_NO_DIGIT = 255


@dataclass(frozen=True, slots=True)
class Alphabet:
    """How the bytes of a field add up to a number.

    Attributes:
        values: uint8[256], what each byte counts; 255: it may not occur.
        base: Factor between neighbouring bytes.
        max_bytes: Longest field.
        prefix: What each field starts with, uncounted.
    """

    values: NDArray[np.uint8]
    base: int
    max_bytes: int
    prefix: bytes = b""


def _make_alphabet(digits: str, base: int, max_bytes: int, prefix: bytes = b"") -> Alphabet:
    values = np.full(256, _NO_DIGIT, dtype=np.uint8)
    for char in digits:
        values[ord(char)] = int(char, base)
    return Alphabet(values, base, max_bytes, prefix)


DECIMAL: Final = _make_alphabet("0123456789", 10, 20)
ADDRESS: Final = _make_alphabet("0123456789abcdef", 16, 16, b"0x")
# Names are told apart by a 64-bit polynomial of their bytes: those that are known differ, see the tests.
NAME: Final = Alphabet(np.arange(256, dtype=np.uint8), 131, 32)


def fold_name(name: str) -> int:
    """Returns the number that NAME makes of a name."""
    number = 0
    for byte in name.encode():
        number = (number * NAME.base + byte) % 2**64
    return number


@dataclass(frozen=True, slots=True)
class Table:
    """The fields of some whole lines.

    Attributes:
        text: uint8[n_bytes].
        starts: int64[n_lines, n_columns], offset of each field's first byte.
        ends: int64[n_lines, n_columns], offset behind its last.
        first_line: Number of the first line in the file, from 1.
    """

    text: NDArray[np.uint8]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    first_line: int

    def __len__(self) -> int:
        """Returns the number of lines."""
        return len(self.starts)

    def take_rows(self, rows: NDArray[np.bool_]) -> Table:
        """Returns the table of some of the lines; it no longer knows their numbers."""
        return Table(self.text, self.starts[rows], self.ends[rows], self.first_line)

    def read_text(self, row: int, column: int) -> str:
        """Returns one field without its quotes."""
        raw = self.text[self.starts[row, column] : self.ends[row, column]].tobytes()
        if raw[:1] == b'"':
            raw = raw[1:-1].replace(b'""', b'"')
        return raw.decode("utf-8", "backslashreplace")

    def read_numbers(self, column: int, alphabet: Alphabet, *, may_be_empty: bool = False) -> NDArray[np.uint64]:
        """Returns a column's numbers: uint64[n_lines].

        Raises:
            TraceFormatError: A field is no number of this alphabet.
        """
        starts = self.starts[:, column] + len(alphabet.prefix)
        widths = self.ends[:, column] - starts
        total = np.zeros(len(starts), dtype=np.uint64)
        if len(starts) == 0:
            return total
        bad = (widths > alphabet.max_bytes) | (widths < (0 if may_be_empty else 1))
        for k, byte in enumerate(reversed(alphabet.prefix), 1):
            bad |= self.text[starts - k] != byte
        narrowest = int(widths.min())
        base = np.uint64(alphabet.base)
        for k in range(int(min(widths.max(), alphabet.max_bytes))):
            digits = alphabet.values[np.take(self.text, starts + k, mode="clip")]
            following = total * base + digits
            if k < narrowest:
                total, wrong = following, digits == _NO_DIGIT
            else:
                has = widths > k
                total, wrong = np.where(has, following, total), has & (digits == _NO_DIGIT)
            if alphabet is not NAME:
                bad |= wrong
        if bad.any():
            row = int(bad.argmax())
            raise TraceFormatError(
                f"line {self.first_line + row}: {self.read_text(row, column)[:40]!r} stands where a number belongs"
            )
        return total


def split_lines(data: memoryview, n_columns: int, *, first_line: int, at: int) -> Iterator[Table]:
    """Yields the whole lines from an offset on, some at a time. A last line without an end is left out.

    Raises:
        TraceFormatError: A line has another number of fields.
    """
    while at < len(data):
        window = bytes(data[at : at + CHUNK_BYTES])
        n_bytes = window.rfind(b"\n") + 1
        if n_bytes == 0:
            return
        table = split_table(window[:n_bytes], n_columns, first_line=first_line)
        yield table
        at += n_bytes
        first_line += len(table)


def split_table(data: bytes, n_columns: int, *, first_line: int) -> Table:
    """Returns the fields of whole lines.

    Raises:
        TraceFormatError: A line has another number of fields.
    """
    text = np.frombuffer(data, np.uint8)
    is_separator = (text == _COMMA) | (text == _NEWLINE)
    if b'"' in data:
        is_separator &= np.cumsum(text == _QUOTE) % 2 == 0
    separators = np.flatnonzero(is_separator)
    line_ends = np.flatnonzero(text[separators] == _NEWLINE)
    wrong = line_ends != np.arange(1, len(line_ends) + 1) * n_columns - 1
    if wrong.any():
        line = first_line + int(wrong.argmax())
        raise TraceFormatError(f"line {line} has not the {n_columns} fields that it must have")
    separators = separators[: len(line_ends) * n_columns]
    starts = np.zeros(len(separators), dtype=np.int64)
    starts[1:] = separators[:-1] + 1
    shape = (len(line_ends), n_columns)
    return Table(text, starts.reshape(shape), separators.reshape(shape), first_line)
