"""Puts names into a trace file, in place of those that are in it. All else stays as it is, damage included."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from vizreport.errors import VizzyError
from vizreport.model.places import ModuleNames
from vizreport.output_file import write_output
from vizreport.trace import format as fmt
from vizreport.trace.blocks import Block, find_blocks, read_header
from vizreport.trace.columns import compress
from vizreport.trace.csv_trace import is_csv
from vizreport.trace.names import encode_names
from vizreport.trace.reader import Trace

_CRC_BYTES = 4
_MOVED = (fmt.BlockType.NAMES, fmt.BlockType.END, fmt.BlockType.INDEX)


def write_names(trace: Trace, output: Path, names: Iterable[ModuleNames]) -> None:
    """Writes a trace with other names to a file, which is either replaced or left as it is.

    Args:
        trace: What is written.
        output: Where it goes; may be the trace itself.
        names: All that shall be in it.

    Raises:
        VizzyError: The trace has no place for names, or the file can't be written.
    """
    if is_csv(trace.data):
        raise VizzyError(
            f"{trace.path}: only trace files have a place for names, CSV has none: record without --format csv"
        )
    try:
        write_output(output, _rewrite(trace.data, names))
    except OSError as error:
        raise VizzyError(f"{output}: names can't be written: {error.strerror}; give another place with -o") from error


def _rewrite(data: memoryview, names: Iterable[ModuleNames]) -> Iterator[bytes | memoryview]:
    """Yields the bytes of the new file, in order.

    Blocks keep their sequence numbers, so that those that are missing are still missed.
    """
    header = read_header(data)
    start = int(header["header_bytes"])
    blocks = find_blocks(data, start).blocks
    kept = [block for block in blocks if block.type not in _MOVED]
    sequence = len({block.sequence for block in kept}) + _count_missing(blocks)
    yield _raise_minor(data[:start])
    entries, offset = [], start
    for block in kept:
        entries.append(_make_entry(bytes(data[block.offset : block.offset + fmt.BLOCK_HEADER.itemsize]), offset))
        yield data[block.offset : block.end]
        offset += block.end - block.offset
    ends = [bytes(data[block.offset : block.end]) for block in blocks if block.type == fmt.BlockType.END]
    for added in [*_make_names(names), *ends]:
        numbered = _renumber(added, sequence)
        entries.append(_make_entry(numbered, offset))
        yield numbered
        sequence, offset = sequence + 1, offset + len(numbered)
    if ends and len(entries) == sequence:  # an index says that nothing is missing
        yield _renumber(_make_block(fmt.BlockType.INDEX, b"".join(entries), len(entries)), sequence)
        yield _seal(np.array((offset, fmt.TRAILER_MAGIC, 0, 0), fmt.TRAILER).tobytes())


def _count_missing(blocks: Iterable[Block]) -> int:
    """Returns how many blocks the sequence numbers show to be missing."""
    sequences = {block.sequence for block in blocks}
    return max(sequences, default=-1) + 1 - len(sequences)


def _make_names(names: Iterable[ModuleNames]) -> Iterator[bytes]:
    for module in names:
        for count, payload in encode_names(module):
            yield _make_block(fmt.BlockType.NAMES, payload, count, is_compressed=True)


def _make_block(kind: fmt.BlockType, payload: bytes, count: int, *, is_compressed: bool = False) -> bytes:
    """Returns a block of the whole session, still without a number."""
    stored = compress(payload) if is_compressed else payload
    header = np.zeros((), fmt.BLOCK_HEADER)
    header["sync"], header["type"], header["image"] = fmt.BLOCK_SYNC, kind, fmt.NO_IMAGE
    header["flags"] = fmt.BlockFlag.ZSTD if is_compressed else 0
    header["count"], header["stored_bytes"], header["raw_bytes"] = count, len(stored), len(payload)
    header["payload_crc"] = zlib.crc32(stored)
    return header.tobytes() + stored + bytes(-len(stored) % fmt.ALIGNMENT)


def _renumber(block: bytes, sequence: int) -> bytes:
    """Returns the block with another sequence number, its header sealed."""
    header = np.frombuffer(block, fmt.BLOCK_HEADER, 1).copy()
    header["sequence"] = sequence
    return _seal(header.tobytes()) + block[fmt.BLOCK_HEADER.itemsize :]


def _raise_minor(file_header: memoryview) -> bytes:
    """Returns the file header with at least the minor version, and the capability, that NAMES blocks need."""
    size = fmt.FILE_HEADER.itemsize
    header = np.frombuffer(file_header, fmt.FILE_HEADER, 1).copy()
    header["minor"] = np.maximum(header["minor"], fmt.FORMAT_MINOR)
    header["capabilities"] |= np.uint64(fmt.Capability.ZSTD)
    return _seal(header.tobytes()) + bytes(file_header[size:])


def _make_entry(block: bytes, offset: int) -> bytes:
    """Returns the index entry of the block that starts with these bytes."""
    header = np.frombuffer(block, fmt.BLOCK_HEADER, 1)[0]
    entry = np.zeros((), fmt.INDEX_ENTRY)
    for field in ("type", "flags", "image", "count", "stored_bytes", "first_time", "last_time"):
        entry[field] = header[field]
    entry["offset"] = offset
    return entry.tobytes()


def _seal(record: bytes) -> bytes:
    """Returns the record with the CRC that its last field is."""
    body = record[:-_CRC_BYTES]
    return body + zlib.crc32(body).to_bytes(_CRC_BYTES, "little")
