"""The payloads of EVENTS and NODES blocks, from their columns to the model, in plain numpy.

kernels/native.py does the same to EVENTS in C.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vizreport.errors import TraceFormatError
from vizreport.model.stacks import Stacks
from vizreport.trace import format as fmt
from vizreport.trace.columns import decode_columns, resolve_back
from vizreport.trace.event_block import EventBlock, find_sized, find_stacked

_EVENT_COLUMNS = range(fmt.Column.KIND, fmt.Column.TIME_END + 1)
_NODE_COLUMNS = range(fmt.Column.NODE, fmt.Column.PC_BACK + 1)
_MAX_ID = np.uint64(0xFFFFFFFF)


def _pick(columns: dict[int, NDArray[np.uint64]], column: fmt.Column, n: int) -> NDArray[np.uint64]:
    """Returns a column that must be there with n values."""
    values = columns.get(column)
    if values is None or len(values) != n:
        raise TraceFormatError(f"the column {column.name} is missing or has another length than it must")
    return values


def decode_events(payload: memoryview, n: int, flags: int) -> EventBlock:
    """Returns the events of one EVENTS block.

    Args:
        payload: Decompressed as a block; its columns may still be compressed.
        n: Events that the block's header announces.
        flags: format.BlockFlag.

    Raises:
        TraceFormatError: The payload contradicts itself or the header.
    """
    columns, resolution_ns = decode_columns(payload, _EVENT_COLUMNS)
    nothing = np.zeros(0, dtype=np.uint64)
    kinds = _pick(columns, fmt.Column.KIND, n).astype(np.uint8)
    free_stacks = bool(flags & fmt.BlockFlag.FREE_STACKS)
    n_sized = int(np.count_nonzero(find_sized(kinds)))
    n_stacked = int(np.count_nonzero(find_stacked(kinds, free_stacks=free_stacks)))
    addresses = columns.get(fmt.Column.ADDRESS, nothing)
    run_ends = columns.get(fmt.Column.TIME_END, nothing).astype(np.uint32)
    _check_runs(run_ends, n)
    return EventBlock(
        kinds=kinds,
        threads=_pick(columns, fmt.Column.THREAD, n).astype(np.uint32),
        run_times=_pick(columns, fmt.Column.TIME, len(run_ends)) * np.uint64(resolution_ns),
        run_ends=run_ends,
        addresses=addresses,
        ordinals=resolve_back(_pick(columns, fmt.Column.BACK, n).astype(np.uint32), len(addresses)),
        sizes=_pick(columns, fmt.Column.SIZE, n_sized),
        stacks=_pick(columns, fmt.Column.STACK, n_stacked).astype(np.uint32),
        free_stacks=free_stacks,
    )


def _check_runs(ends: NDArray[np.uint32], n: int) -> None:
    """Raises TraceFormatError unless the ends increase to n."""
    if not len(ends) or ends[0] == 0 or ends[-1] != n or (ends[1:] <= ends[:-1]).any():
        raise TraceFormatError("runs of equal times do not fill their block")


def decode_nodes(payload: memoryview, n: int) -> tuple[NDArray[np.uint64], ...]:
    """Returns ids, parents, pcs, codes of one NODES block.

    Raises:
        TraceFormatError: The payload contradicts itself or the header.
    """
    columns, _ = decode_columns(payload, _NODE_COLUMNS)
    ids, parents = _pick(columns, fmt.Column.NODE, n), _pick(columns, fmt.Column.PARENT, n)
    if (ids < fmt.NODE_FIRST_ID).any() or (parents >= ids).any() or (ids > _MAX_ID).any():
        raise TraceFormatError("a stack node does not come after its parent")
    literals = columns.get(fmt.Column.PC, ids[:0])
    pcs = literals[resolve_back(_pick(columns, fmt.Column.PC_BACK, n).astype(np.uint32), len(literals))]
    return ids, parents, pcs, _pick(columns, fmt.Column.CODE, n)


def join_nodes(parts: Sequence[tuple[NDArray[np.uint64], ...]]) -> Stacks:
    """Returns the call stacks of an image from all its NODES blocks, each as decode_nodes returns it."""
    empty = np.zeros(0, dtype=np.uint64)
    columns = [np.concatenate([part[k] for part in parts]) if parts else empty for k in range(4)]
    if (columns[0][1:] <= columns[0][:-1]).any():  # they are in order where one thread wrote them
        _, order = np.unique(columns[0], return_index=True)
        columns = [column[order] for column in columns]
    ids, parents, pcs, codes = columns
    return Stacks(
        ids=ids.astype(np.uint32),
        parents=parents.astype(np.uint32),
        pcs=pcs,
        generations=(codes >> np.uint64(1)).astype(np.uint32),
        interrupted=(codes & np.uint64(1)).astype(np.bool_),
    )
