"""Forests as columns, against dicts and loops."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vizreport.analysis.forest import find_marked, number_depth_first, sum_subtrees
from vizreport.kernels.paths import find_depths, merge_nodes

N_MAX = 14


@st.composite
def forests(draw: st.DrawFn) -> list[int]:
    n = draw(st.integers(0, N_MAX))
    return [draw(st.integers(-1, k - 1)) for k in range(n)]


def climb(parents: Sequence[int], node: int) -> list[int]:
    path = []
    while node >= 0:
        path.append(node)
        node = parents[node]
    return path


@given(forests())
def test_depths(parents: list[int]) -> None:
    expected = [len(climb(parents, node)) - 1 for node in range(len(parents))]
    assert find_depths(np.array(parents, np.int64)).tolist() == expected


@given(forests(), st.lists(st.booleans(), min_size=N_MAX, max_size=N_MAX))
def test_marked(parents: list[int], marks: list[bool]) -> None:
    expected = [next((at for at in climb(parents, node) if marks[at]), -1) for node in range(len(parents))]
    marked = np.array(marks[: len(parents)], np.bool_)
    assert find_marked(np.array(parents, np.int64), marked).tolist() == expected


@given(forests())
def test_depth_first(parents: list[int]) -> None:
    def walk(node: int) -> list[int]:
        below = [child for child, parent in enumerate(parents) if parent == node]
        return [each for child in below for each in (child, *walk(child))]

    places = number_depth_first(np.array(parents, np.int64)).tolist()
    # Trees follow each other as their tops do.
    assert [places[node] for node in walk(-1)] == list(range(len(parents)))


@given(forests(), st.lists(st.integers(0, 1 << 62), min_size=N_MAX, max_size=N_MAX))
def test_sums(parents: list[int], values: list[int]) -> None:
    values = values[: len(parents)]
    expected = [[0, 0] for _ in parents]
    for node, value in enumerate(values):
        for above in climb(parents, node):
            expected[above][0] += value % (1 << 32)
            expected[above][1] += 1
    columns = np.array([[value % (1 << 32), 1] for value in values], np.uint64).reshape(-1, 2)
    assert sum_subtrees(np.array(parents, np.int64), columns).tolist() == expected


@given(forests(), st.lists(st.integers(0, 2), min_size=N_MAX, max_size=N_MAX))
def test_merging(parents: list[int], keys: list[int]) -> None:
    keys = keys[: len(parents)]
    merged, above = merge_nodes(np.array(parents, np.int64), np.array(keys, np.int64))
    paths = [tuple(keys[at] for at in climb(parents, node)) for node in range(len(parents))]
    node_of: dict[tuple[int, ...], int] = {}
    for node, path in enumerate(paths):
        assert node_of.setdefault(path, int(merged[node])) == merged[node]
        assert above[merged[node]] == (merged[parents[node]] if parents[node] >= 0 else -1)
    assert sorted(node_of.values()) == list(range(len(above)))
    assert all(parent < node for node, parent in enumerate(above.tolist()))
