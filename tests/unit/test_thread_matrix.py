"""The matrix of threads equals its slow twin."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vizreport.analysis.thread_matrix import label_threads, make_thread_matrix
from vizreport.model.replay import ThreadTable
from vizreport.model.trace import Thread

Pairs = dict[tuple[int, int], tuple[int, int]]  # (allocating, freeing thread): blocks, bytes
COUNTS = st.integers(0, 99)


def make_table(threads: dict[int, tuple[int, int, int, int]], pairs: Pairs) -> ThreadTable:
    indexes, keys = sorted(threads), sorted(pairs)
    allocs, n_bytes, frees, foreign = (np.array([threads[k][f] for k in indexes], np.uint64) for f in range(4))
    return ThreadTable(
        threads=np.array(indexes, np.uint32),
        allocs=allocs,
        bytes_allocated=n_bytes,
        frees=frees,
        foreign_frees=foreign,
        pair_starts=np.array([start for start, _ in keys], np.uint32),
        pair_ends=np.array([end for _, end in keys], np.uint32),
        pair_blocks=np.array([pairs[key][0] for key in keys], np.uint64),
        pair_bytes=np.array([pairs[key][1] for key in keys], np.uint64),
    )


def name(index: int) -> Thread:
    return Thread(index, 100 + index, f"worker-{index}", 0)


@given(
    st.dictionaries(st.sampled_from([0, 1, 5, 9]), st.tuples(COUNTS, COUNTS, COUNTS, COUNTS), min_size=1),
    st.integers(1, 4),
    st.data(),
)
def test_matrix_equals_its_slow_twin(
    threads: dict[int, tuple[int, int, int, int]], max_threads: int, data: st.DataObject
) -> None:
    indexes = st.sampled_from(sorted(threads))
    pairs = data.draw(st.dictionaries(st.tuples(indexes, indexes), st.tuples(COUNTS, COUNTS)))
    matrix = make_thread_matrix(make_table(threads, pairs), [name(k) for k in threads], max_threads=max_threads)

    order = sorted(threads, key=lambda k: (-threads[k][0] - threads[k][2], k))
    shown = order if len(order) <= max_threads else order[: max_threads - 1]
    labels = [f"worker-{k}" for k in shown]
    if len(shown) < len(order):
        labels.append(f"{len(order) - len(shown)} other threads")
    row_of = {k: min(row, len(labels) - 1) for row, k in enumerate(order)}
    assert list(matrix.labels) == labels
    columns = (matrix.allocs, matrix.bytes_allocated, matrix.frees, matrix.foreign_frees)
    for figure, column in enumerate(columns):
        assert column.tolist() == [
            sum(threads[k][figure] for k in order if row_of[k] == row) for row in range(len(labels))
        ]
    for figure, square in enumerate((matrix.blocks, matrix.bytes)):
        expected: Counter[tuple[int, int]] = Counter()
        for (start, end), values in pairs.items():
            expected[row_of[start], row_of[end]] += values[figure]
        assert {key: int(square[key]) for key in np.ndindex(square.shape) if square[key]} == +expected


def test_labels_tell_threads_apart() -> None:
    threads = [Thread(0, 7, "main", 0), Thread(1, 8, "pool", 0), Thread(2, 9, "pool", 0), Thread(3, 10, "", 0)]
    assert label_threads(threads) == {0: "main", 1: "pool (8)", 2: "pool (9)", 3: "thread (10)"}


def test_no_threads() -> None:
    assert make_thread_matrix(make_table({}, {}), []).labels == ()
