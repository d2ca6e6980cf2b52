"""Integers and texts as DWARF stores them. Reading beyond the end is an IndexError, a ValueError or a struct.error."""

from __future__ import annotations

import struct
from dataclasses import dataclass

Buffer = bytes | memoryview


def read_uleb(data: Buffer, at: int) -> tuple[int, int]:
    """Returns an unsigned LEB128 and the offset behind it (DWARF 5, section 7.6)."""
    byte = data[at]
    at += 1
    if byte < 128:
        return byte, at
    value, shift = byte & 127, 7
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def read_sleb(data: Buffer, at: int) -> tuple[int, int]:
    """Returns a signed LEB128 and the offset behind it."""
    start = at
    value, at = read_uleb(data, at)
    bits = 7 * (at - start)
    return (value - (1 << bits) if value >> (bits - 1) else value), at


def find_text_end(data: Buffer, at: int) -> int:
    """Returns the offset of the zero byte that ends a text; IndexError: there is none."""
    step = 256
    while True:
        chunk = bytes(data[at : at + step])
        found = chunk.find(0)
        if found >= 0:
            return at + found
        if len(chunk) < step:
            raise IndexError("a text without an end")
        at += step


def read_text(data: Buffer, at: int) -> str:
    """Returns a zero-terminated text."""
    return bytes(data[at : find_text_end(data, at)]).decode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True)
class ByteOrder:
    """Fixed-width integers of one byte order.

    Attributes:
        little: Whether the lowest byte comes first.
    """

    little: bool
    u16: struct.Struct
    u32: struct.Struct
    u64: struct.Struct

    def read(self, data: Buffer, at: int, size: int) -> int:
        """Returns the unsigned integer of ``size`` bytes."""
        if size == 4:
            value: int = self.u32.unpack_from(data, at)[0]
            return value
        if size == 1:
            return data[at]
        chunk = data[at : at + size]
        if len(chunk) < size:
            raise IndexError("an integer beyond the end")
        return int.from_bytes(chunk, "little" if self.little else "big")

    def read_length(self, data: Buffer, at: int) -> tuple[int, int, int]:
        """Returns an initial length, the size of offsets that it announces (4 or 8), and the offset behind it."""
        length = self.read(data, at, 4)
        if length == 0xFFFFFFFF:
            return self.read(data, at + 4, 8), 8, at + 12
        return length, 4, at + 4


def make_order(little: bool) -> ByteOrder:
    """Returns the byte order."""
    mark = "<" if little else ">"
    return ByteOrder(little, struct.Struct(mark + "H"), struct.Struct(mark + "I"), struct.Struct(mark + "Q"))
