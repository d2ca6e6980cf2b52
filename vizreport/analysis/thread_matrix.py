"""Who allocates, and who frees what others allocated: threads by threads, few enough to draw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vizreport.model.replay import ThreadTable
from vizreport.model.trace import Thread

MAX_THREADS = 24


@dataclass(frozen=True, slots=True)
class ThreadMatrix:
    """Threads, those that allocated or freed most first; where there are too many, the last row is all others together.

    Attributes:
        labels: n names.
        n_others: Threads in the last row; 0: it is one thread as the others are.
        allocs: uint64[n].
        bytes_allocated: uint64[n].
        frees: uint64[n].
        foreign_frees: uint64[n], those of them that ended a block which another thread had allocated.
        blocks: uint64[n, n], own blocks, by allocating and by freeing thread.
        bytes: uint64[n, n], of those.
    """

    labels: tuple[str, ...]
    n_others: int
    allocs: NDArray[np.uint64]
    bytes_allocated: NDArray[np.uint64]
    frees: NDArray[np.uint64]
    foreign_frees: NDArray[np.uint64]
    blocks: NDArray[np.uint64]
    bytes: NDArray[np.uint64]


def make_thread_matrix(
    table: ThreadTable, threads: Sequence[Thread], *, max_threads: int = MAX_THREADS
) -> ThreadMatrix:
    """Arranges an image's threads."""
    n_all = len(table.threads)
    n = min(n_all, max_threads)
    order = np.lexsort((table.threads, ~(table.allocs + table.frees)))
    rows = np.empty(n_all, dtype=np.int64)
    rows[order] = np.minimum(np.arange(n_all), n - 1)
    n_others = n_all - n + 1 if n_all > n else 0
    labels = label_threads(threads)
    names = [labels.get(int(thread), f"thread {int(thread)}") for thread in table.threads[order[:n]]]
    if n_others:
        names[-1] = f"{n_others} other threads"
    starts, ends = (rows[np.searchsorted(table.threads, pair)] for pair in (table.pair_starts, table.pair_ends))
    columns = (table.allocs, table.bytes_allocated, table.frees, table.foreign_frees)
    return ThreadMatrix(
        tuple(names),
        n_others,
        *(_sum_by((rows,), column, (n,)) for column in columns),
        *(_sum_by((starts, ends), column, (n, n)) for column in (table.pair_blocks, table.pair_bytes)),
    )


def label_threads(threads: Sequence[Thread]) -> dict[int, str]:
    """Returns what to call each thread, by its index: its name, with its id where that does not tell."""
    n_of_name = Counter(thread.name for thread in threads)
    return {
        thread.index: thread.name
        if thread.name and n_of_name[thread.name] == 1
        else f"{thread.name or 'thread'} ({thread.tid})"
        for thread in threads
    }


def _sum_by(
    rows: tuple[NDArray[np.int64], ...], values: NDArray[np.uint64], shape: tuple[int, ...]
) -> NDArray[np.uint64]:
    """Adds values up by row."""
    sums = np.zeros(shape, dtype=np.uint64)
    np.add.at(sums, rows, values)
    return sums
