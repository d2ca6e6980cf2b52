"""The payloads of EVENTS and NODES blocks: from columns of bytes to numpy arrays."""

from __future__ import annotations

import sys
from collections.abc import Container

import numpy as np
from numpy.typing import NDArray

from vizreport.errors import TraceFormatError
from vizreport.trace import format as fmt

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Array = NDArray[np.uint64]


_LEVEL = 3


def decompress(data: bytes | memoryview, raw_bytes: int) -> bytes:
    """Returns the content of one Zstandard frame, which must have exactly raw_bytes.

    Raises:
        TraceFormatError: It is no frame, or has another length.
    """
    try:
        raw: bytes = zstd.ZstdDecompressor().decompress(bytes(data), max_length=raw_bytes + 1)
    except zstd.ZstdError as error:
        raise TraceFormatError(f"a compressed payload can't be read: {error}") from error
    if len(raw) != raw_bytes:
        raise TraceFormatError("a compressed payload has another length than announced")
    return raw


def compress(data: bytes) -> bytes:
    """Returns one Zstandard frame."""
    frame: bytes = zstd.compress(data, _LEVEL)
    return frame


def decode_columns(payload: memoryview, wanted: Container[int]) -> tuple[dict[int, Array], int]:
    """Returns the wanted columns that are there by their ids, and the unit of times in ns.

    Raises:
        TraceFormatError: The payload contradicts itself.
    """
    head_bytes = fmt.COLUMNS_HEAD.itemsize
    if len(payload) < head_bytes:
        raise TraceFormatError("a block of columns ends in its head")
    head = np.frombuffer(payload, fmt.COLUMNS_HEAD, 1)[0]
    at = head_bytes + int(head["n_columns"]) * fmt.COLUMN.itemsize
    if at > len(payload):
        raise TraceFormatError("a block of columns ends in its head")
    columns: dict[int, Array] = {}
    for column in np.frombuffer(payload, fmt.COLUMN, int(head["n_columns"]), head_bytes):
        stored = int(column["stored_bytes"])
        if at + stored > len(payload):
            raise TraceFormatError("a column ends beyond its block")
        if column["column"] in wanted:
            columns[int(column["column"])] = _decode_column(column, payload[at : at + stored])
        at += stored
    return columns, int(head["time_resolution_ns"])


def _decode_column(column: np.void, stored: memoryview) -> Array:
    """Returns one column's values."""
    n, width, encoding = int(column["n_values"]), int(column["width"]), int(column["encoding"])
    base = np.uint64(column["base"])
    if n > fmt.MAX_EVENTS or width > 8:
        raise TraceFormatError("a column is larger than any block")
    if width == 0 or n == 0:
        return np.full(n, base, dtype=np.uint64)
    raw = decompress(stored, n * width) if int(column["flags"]) & fmt.ColumnFlag.ZSTD else stored
    if len(raw) != n * width:
        raise TraceFormatError("a column has another length than announced")
    wide = np.zeros((n, 8), dtype=np.uint8)
    wide[:, :width] = np.frombuffer(raw, np.uint8).reshape(width, n).T
    values: Array = wide.view("<u8").reshape(n)
    if encoding == fmt.Encoding.ZIGZAG:
        values = (values >> np.uint64(1)) ^ (np.uint64(0) - (values & np.uint64(1)))
    if encoding in (fmt.Encoding.DELTA, fmt.Encoding.ZIGZAG):
        values = np.cumsum(values, dtype=np.uint64)
    elif encoding != fmt.Encoding.PLAIN:
        raise TraceFormatError(f"a column has the unknown encoding {encoding}")
    values += base
    return values


def resolve_back(back: NDArray[np.uint32], n_literals: int) -> NDArray[np.uint32]:
    """Returns which literal each row of a column of back references stands for: uint32[n].

    It is the one of the row that lies ``back`` rows before, or where that is 0 the next one.

    Raises:
        TraceFormatError: A reference leads out of the block, or the literals are too few or too many.
    """
    n = len(back)
    rows = np.arange(n, dtype=np.int64)
    if (back > rows).any():
        raise TraceFormatError("a back reference leads out of its block")
    first = back == 0
    ordinals: NDArray[np.uint32] = np.cumsum(first, dtype=np.uint32) - np.uint32(1)
    if int(np.count_nonzero(first)) != n_literals:
        raise TraceFormatError("back references and literals disagree")
    source = rows - back.astype(np.int64)
    # Pointer jumping: each round doubles how far a row looks, until all look at literals.
    while True:
        further = source[source]
        if np.array_equal(further, source):
            resolved: NDArray[np.uint32] = ordinals[source]
            return resolved
        source = further
