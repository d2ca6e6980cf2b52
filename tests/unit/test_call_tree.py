"""The tree of functions, against stacks that are walked one by one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vizreport.analysis.allocator_frames import fold_stack
from vizreport.analysis.call_paths import find_paths, invert_paths, prune_paths
from vizreport.analysis.call_sites import find_call_sites
from vizreport.analysis.call_tree import CallTree, build_tree
from vizreport.model.frames import Frame
from vizreport.model.names import Names
from vizreport.model.stacks import Stacks
from vizreport.trace.format import NODE_FIRST_ID

# What each pc is called, innermost first: inlined functions, allocators, one function at two pcs, one without a name.
FRAMES = [
    (Frame("f", "m", 0),),
    (Frame("f", "m", 1, line=7),),
    (Frame("g", "m", 2, inlined=True), Frame("f", "m", 2)),
    (Frame("malloc", "libc", 3),),
    (Frame("std::allocator<int>::allocate(unsigned long)", "m", 4, inlined=True), Frame("h", "m", 4)),
    (Frame(None, "m", 5),),
    (Frame(None, None, 6),),
]
MALLOC = 3

Node = tuple[int, int]  # parent's id, pc


def name_rows(stacks: Stacks) -> Any:
    def name(rows: Any) -> Names:
        rows = np.unique(rows)
        table = [frame for chain in FRAMES for frame in chain]
        chains = [FRAMES[pc] for pc in stacks.pcs[rows].tolist()]
        starts = np.cumsum([0, *map(len, chains)])
        ids = np.array([table.index(frame) for chain in chains for frame in chain], np.int64)
        return Names(rows, starts, ids, tuple(table))

    return name


def make_stacks(nodes: Sequence[Node]) -> Stacks:
    ids = np.arange(NODE_FIRST_ID, NODE_FIRST_ID + len(nodes), dtype=np.uint32)
    return Stacks(
        ids=ids,
        parents=np.array([parent for parent, _ in nodes], np.uint32),
        pcs=np.array([pc for _, pc in nodes], np.uint64),
        generations=np.zeros(len(nodes), np.uint32),
        interrupted=np.zeros(len(nodes), np.bool_),
    )


@st.composite
def node_lists(draw: st.DrawFn) -> list[Node]:
    n = draw(st.integers(0, 12))
    roots = st.integers(0, NODE_FIRST_ID - 1)
    return [
        (draw(roots | st.integers(NODE_FIRST_ID, NODE_FIRST_ID + k - 1) if k else roots), draw(st.integers(0, 6)))
        for k in range(n)
    ]


StackValues = list[tuple[int, int, int]]  # leaf's row or -1, two figures


def climb(nodes: Sequence[Node], row: int) -> list[int]:
    """Returns the rows of a stack, leaf first."""
    rows = []
    while row >= 0:
        rows.append(row)
        row = max(nodes[row][0] - NODE_FIRST_ID, -1)
    return rows


def slow_tree(
    nodes: Sequence[Node], stacks: StackValues, minimum: int, *, inverted: bool
) -> dict[Any, list[list[int]]]:
    """Returns self, other and total of each path of functions."""

    def keys_of(row: int) -> tuple[Any, ...]:
        """What the path of a stack is known by, in the direction of the tree."""
        rows = climb(nodes, row)
        keys = [nodes[at][1] for at in rows]
        if inverted:
            return tuple(keys)
        return ((keys[-1], nodes[rows[-1]][0]), *reversed(keys[:-1])) if rows else ()

    sites = []
    for row, *figures in stacks:
        while row >= 0 and nodes[row][1] == MALLOC and nodes[row][0] >= NODE_FIRST_ID:
            row = nodes[row][0] - NODE_FIRST_ID
        sites.append((row, figures))
    prefix_totals: dict[Any, list[int]] = {}
    for row, figures in sites:
        keys = keys_of(row)
        for length in range(1, len(keys) + 1):
            sums = prefix_totals.setdefault(keys[:length], [0, 0])
            sums[0] += figures[0]
            sums[1] += figures[1]
    tree: dict[Any, list[list[int]]] = {(): [[0, 0], [0, 0], [0, 0]]}
    for row, figures in sites:
        keys = keys_of(row)
        n_kept = sum(max(prefix_totals[keys[:length]]) >= max(minimum, 1) for length in range(1, len(keys) + 1))
        rows = climb(nodes, row)
        rows = rows[:n_kept] if inverted else rows[len(rows) - n_kept :]
        folded = fold_stack([frame for at in rows for frame in FRAMES[nodes[at][1]]])
        functions = [(frame.function or frame.address, frame.module) for frame in folded]
        path = tuple(functions if inverted else reversed(functions))
        for length in range(len(path) + 1):
            entry = tree.setdefault(path[:length], [[0, 0], [0, 0], [0, 0]])
            for k, figure in enumerate(figures):
                entry[2][k] += figure
                if length == len(path):
                    entry[1 if n_kept < len(keys) else 0][k] += figure
    return {path: entry for path, entry in tree.items() if max(entry[2]) > 0 or not path}


def as_dict(tree: CallTree) -> dict[Any, list[list[int]]]:
    paths: list[tuple[Any, ...]] = [()]
    for parent, frame in zip(tree.parents[1:].tolist(), tree.frames[1:].tolist(), strict=True):
        found = tree.table[frame]
        paths.append((*paths[parent], (found.function or found.address, found.module)))
    assert len(set(paths)) == len(paths)
    columns = (tree.self_values, tree.other_values, tree.total_values)
    return {path: [column[k].tolist() for column in columns] for k, path in enumerate(paths)}


def fast_tree(nodes: Sequence[Node], stack_values: StackValues, minimum: int, *, inverted: bool) -> CallTree:
    stacks = make_stacks(nodes)
    name = name_rows(stacks)
    values = np.array([figures for _, *figures in stack_values], np.uint64).reshape(-1, 2)
    leaves = np.array([row for row, *_ in stack_values], np.int64)
    paths = find_paths(stacks, find_call_sites(stacks, leaves, name))
    cut = invert_paths if inverted else prune_paths
    paths = cut(paths, values, np.array([minimum, minimum], np.uint64))
    return build_tree(paths, name(paths.rows), values, inverted=inverted)


@pytest.mark.parametrize("inverted", [False, True])
@given(data=st.data())
def test_trees_equal_their_slow_twin(data: st.DataObject, inverted: bool) -> None:
    nodes = data.draw(node_lists())
    figure = st.integers(0, 5)
    stacks = data.draw(st.lists(st.tuples(st.integers(-1, len(nodes) - 1), figure, figure), max_size=8))
    minimum = data.draw(st.sampled_from([0, 0, 3, 8]))
    tree = fast_tree(nodes, stacks, minimum, inverted=inverted)
    assert as_dict(tree) == slow_tree(nodes, stacks, minimum, inverted=inverted)
    below = np.zeros_like(tree.total_values)
    np.add.at(below, tree.parents[1:], tree.total_values[1:])
    assert (tree.self_values + tree.other_values + below == tree.total_values).all()


def test_a_function_shows_the_line_of_its_largest_part() -> None:
    nodes = [(0, 0), (0, 1)]
    assert [fast_tree(nodes, [(0, a, 0), (1, b, 0)], 0, inverted=False).frames[1] for a, b in ((3, 2), (2, 3))] == [
        0,
        1,
    ]


def test_children_come_largest_first() -> None:
    tree = fast_tree([(0, 0), (0, 5), (3, 6), (3, 5)], [(0, 1, 0), (1, 9, 3), (2, 2, 0), (3, 4, 0)], 0, inverted=False)
    starts, children = tree.find_children(0)
    totals = [tree.total_values[children[a:b], 0].tolist() for a, b in itertools.pairwise(starts)]
    assert sorted(totals) == [[], [], [], [4, 2], [9, 7]]
    assert totals[0] == [9, 7]
