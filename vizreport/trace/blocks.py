"""Framing: finds the sound blocks of a trace file, and counts the others.

Knows nothing of what payloads mean. Sources: docs/trace-format.md, "Framing" and "Damage".
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np

from vizreport.errors import TraceFormatError
from vizreport.trace import format as fmt
from vizreport.trace.columns import decompress

_HEADER = struct.Struct("<QHHIIIIIQQII")
BLOCK_HEADER_BYTES = _HEADER.size
_SYNC = fmt.BLOCK_SYNC.to_bytes(8, "little")
_CRC_BYTES = 4


@dataclass(frozen=True, slots=True)
class Block:
    """A block whose header is sound. Its payload may be damaged."""

    offset: int
    type: int
    flags: int
    image: int
    sequence: int
    count: int
    stored_bytes: int
    raw_bytes: int
    first_time_ns: int
    last_time_ns: int
    payload_crc: int

    @property
    def end(self) -> int:
        """Offset of the next block."""
        return self.offset + _HEADER.size + -(-self.stored_bytes // fmt.ALIGNMENT) * fmt.ALIGNMENT


@dataclass(frozen=True, slots=True)
class Framing:
    """The blocks of a file, in its order.

    Attributes:
        blocks: Those with sound headers that lie in the file as a whole.
        n_lost: Blocks missing among them: their headers are damaged.
        indexed: The index at the end is sound.
        cut_bytes: Bytes at the end that are no whole block.
    """

    blocks: tuple[Block, ...]
    n_lost: int
    indexed: bool
    cut_bytes: int


def read_header(data: memoryview) -> np.void:
    """Returns the file header, a record of format.FILE_HEADER.

    Raises:
        TraceFormatError: It is no trace, of another major version, or its header is damaged.
    """
    size = fmt.FILE_HEADER.itemsize
    start = bytes(data[:64])
    if not start:
        raise TraceFormatError("the file is empty: nothing was recorded")
    if start[:8] != fmt.FILE_MAGIC.to_bytes(8, "little"):
        raise TraceFormatError("this is no vizzy trace")
    if len(data) < size:
        raise TraceFormatError("the trace is cut in its header", offset=len(data))
    header: np.void = np.frombuffer(data, fmt.FILE_HEADER, 1)[0]
    if header["major"] != fmt.FORMAT_MAJOR:
        raise TraceFormatError(
            f"the trace has format {header['major']}.{header['minor']}, this vizreport reads format "
            f"{fmt.FORMAT_MAJOR}.{fmt.FORMAT_MINOR}: use the vizreport that came with the recorder",
            offset=8,
        )
    if zlib.crc32(data[: size - _CRC_BYTES]) != header["header_crc"]:
        raise TraceFormatError("the trace's header is damaged", offset=size - _CRC_BYTES)
    if header["header_bytes"] < size or header["header_bytes"] % fmt.ALIGNMENT:
        raise TraceFormatError("the trace's header has an impossible length", offset=12)
    return header


def find_blocks(data: memoryview, start: int) -> Framing:
    """Returns what blocks there are: by the index where it is sound, else by going from one to the next."""
    index = _read_index(data)
    if index is not None:
        return index
    blocks: list[Block] = []
    at, cut_bytes = start, 0
    while at < len(data):
        block = _read_block(data, at)
        if block is None:
            found = find_sync(data, at + fmt.ALIGNMENT)
            if found is None:
                cut_bytes = len(data) - at
                break
            at = found
            continue
        blocks.append(block)
        at = block.end
    sequences = sorted({block.sequence for block in blocks})
    n_lost = (sequences[-1] + 1 if sequences else 0) - len(sequences)
    if blocks and blocks[-1].type == fmt.BlockType.INDEX:
        cut_bytes = 0  # what follows is the trailer, or was
    elif cut_bytes > 0 and _has_trailer(data):
        n_lost, cut_bytes = n_lost + 1, 0  # the index itself
    return Framing(tuple(blocks), n_lost, False, cut_bytes)


def read_payload(data: memoryview, block: Block, *, verified: bool = False) -> memoryview:
    """Returns a block's payload, decompressed; verified: its checksum was found right before.

    Raises:
        TraceFormatError: It is damaged.
    """
    at = block.offset + _HEADER.size
    stored = data[at : at + block.stored_bytes]
    if not verified and zlib.crc32(stored) != block.payload_crc:
        raise TraceFormatError("a block's payload is damaged", offset=at)
    if block.flags & fmt.BlockFlag.ZSTD:
        return memoryview(decompress(stored, block.raw_bytes))
    return stored


def read_block_header(raw: memoryview, offset: int) -> Block | None:
    """Returns the block that a header's bytes, at an offset in the file, announce, or None: they are not sound."""
    sync, *fields, header_crc = _HEADER.unpack(raw)
    if sync != fmt.BLOCK_SYNC or zlib.crc32(raw[:-_CRC_BYTES]) != header_crc:
        return None
    block = Block(offset, *fields)
    return block if max(block.raw_bytes, block.stored_bytes) <= fmt.MAX_PAYLOAD else None


def _read_block(data: memoryview, at: int) -> Block | None:
    """Returns the block whose header is at this offset, or None if there is no sound and whole one."""
    if at < 0 or at % fmt.ALIGNMENT or at + _HEADER.size > len(data):
        return None
    block = read_block_header(data[at : at + _HEADER.size], at)
    return block if block is not None and at + _HEADER.size + block.stored_bytes <= len(data) else None


def find_sync(data: memoryview, start: int) -> int | None:
    """Returns the offset of the next sound block from an aligned start on, or None."""
    window = 1 << 20
    for base in range(start, len(data), window):
        chunk = bytes(data[base : base + window + len(_SYNC)])
        at = chunk.find(_SYNC)
        while at >= 0:
            if _read_block(data, base + at) is not None:
                return base + at
            at = chunk.find(_SYNC, at + 1)
    return None


def find_header(data: memoryview, start: int) -> int | None:
    """Returns the offset of the next sound header from an aligned start on, or None: none of data's places has one.

    Its payload may lie beyond the data.
    """
    raw = bytes(data)
    at = raw.find(_SYNC, start)
    while at >= 0 and at + BLOCK_HEADER_BYTES <= len(raw):
        if at % fmt.ALIGNMENT == 0 and read_block_header(data[at : at + BLOCK_HEADER_BYTES], at) is not None:
            return at
        at = raw.find(_SYNC, at + 1)
    return None


def _has_trailer(data: memoryview) -> bool:
    """Tells whether the file ends in a sound trailer."""
    raw = data[-fmt.TRAILER.itemsize :]
    if len(raw) < fmt.TRAILER.itemsize:
        return False
    trailer = np.frombuffer(raw, fmt.TRAILER, 1)[0]
    return bool(trailer["magic"] == fmt.TRAILER_MAGIC and zlib.crc32(raw[:-_CRC_BYTES]) == trailer["crc"])


def _read_index(data: memoryview) -> Framing | None:
    """Returns the blocks that the index names, or None if it is not sound."""
    if not _has_trailer(data):
        return None
    trailer = np.frombuffer(data[-fmt.TRAILER.itemsize :], fmt.TRAILER, 1)[0]
    block = _read_block(data, int(trailer["index_offset"]))
    if block is None or block.type != fmt.BlockType.INDEX:
        return None
    try:
        payload = read_payload(data, block)
    except TraceFormatError:
        return None
    if len(payload) != block.count * fmt.INDEX_ENTRY.itemsize or block.sequence != block.count:
        return None
    entries = np.frombuffer(payload, fmt.INDEX_ENTRY)
    found = [_read_block(data, int(offset)) for offset in entries["offset"]]
    sound = tuple(entry for entry in found if entry is not None)
    return Framing((*sound, block), len(found) - len(sound), True, 0)
