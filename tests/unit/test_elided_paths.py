"""Paths with their middle left out, against stacks that are cut one by one."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vizreport.analysis.call_paths import LEFT_OUT, CallPaths, elide_paths
from vizreport.analysis.call_tree import SMALLER, build_tree
from vizreport.model.frames import Frame
from vizreport.model.names import Names

Stack = tuple[int, ...]


def make_paths(stacks: list[Stack]) -> tuple[CallPaths, dict[Stack, int]]:
    """Returns the paths of stacks, and the number of each. A node's row is 100 more than its code."""
    numbers: dict[Stack, int] = {}
    for stack in sorted(stacks, key=len):
        for length in range(1, len(stack) + 1):
            numbers.setdefault(stack[:length], len(numbers))
    codes = np.array([path[-1] for path in numbers], np.int64)
    parents = np.array([numbers.get(path[:-1], -1) for path in numbers], np.int64)
    ends = np.array([numbers.get(stack, -1) for stack in stacks], np.int64)
    return CallPaths(parents, codes + 100, codes, ends, np.zeros(len(stacks), np.bool_)), numbers


def elide(stacks: list[Stack], weights: list[int], kept: set[Stack], most: int) -> list[Stack]:
    """The slow twin."""
    shown = [max((path for path in kept if stack[: len(path)] == path), key=len, default=()) for stack in stacks]
    cut = [above != stack for above, stack in zip(shown, stacks, strict=True)]
    leaves: Counter[Stack] = Counter()
    for stack, above, weight, is_cut in zip(stacks, shown, weights, cut, strict=True):
        if is_cut:
            leaf = (*above, LEFT_OUT, stack[-1])
            leaves[leaf] += weight
    chosen = {leaf for leaf, _ in leaves.most_common(most)}
    ends: list[Stack] = []
    for stack, above, is_cut in zip(stacks, shown, cut, strict=True):
        leaf = (*above, LEFT_OUT, *stack[-1:])
        ends.append((leaf if leaf in chosen else leaf[:-1]) if is_cut else stack)
    return ends


def walk(paths: CallPaths, node: int) -> Stack:
    """Returns the rows down to a node."""
    rows: list[int] = []
    while node >= 0:
        row = int(paths.rows[node])
        rows.append(row if row == LEFT_OUT else row - 100)
        node = int(paths.parents[node])
    return tuple(reversed(rows))


@given(data=st.data())
def test_elided_paths_equal_their_slow_twin(data: st.DataObject) -> None:
    stacks = data.draw(st.lists(st.lists(st.integers(0, 2), max_size=5).map(tuple), max_size=12))
    paths, numbers = make_paths(stacks)
    kept = {path for path in numbers if data.draw(st.booleans())}
    kept = {path for path in kept if all(path[:length] in kept for length in range(1, len(path)))}
    # Powers of two: no two sums are equal, so that nothing has to be decided by order.
    weights = [1 << at for at in data.draw(st.permutations(range(len(stacks))))]
    most = data.draw(st.integers(0, 6))
    marks = np.array([path in kept for path in numbers], np.bool_)
    found = elide_paths(paths, marks, np.array(weights, np.float64), most)
    assert [walk(found, end) for end in found.ends.tolist()] == elide(stacks, weights, kept, most)
    assert not found.cut.any()
    assert (found.parents < np.arange(len(found))).all()
    assert len({walk(found, node) for node in range(len(found))}) == len(found)


def test_what_was_left_out_has_a_name_and_leaves_below_it() -> None:
    paths, _ = make_paths([(0, 1, 1, 2), (0,)])
    elided = elide_paths(paths, np.array([True, False, False, False]), np.ones(2), 5)
    frames = tuple(Frame(name, "/a", at) for at, name in enumerate(("main", "walk", "grow")))
    names = Names(np.array([100, 102]), np.arange(3), np.array([0, 2]), frames)
    tree = build_tree(elided, names, np.array([[7], [1]], np.uint64), inverted=False)
    assert [tree.table[frame].function for frame in tree.frames[1:]] == ["main", SMALLER.function, "grow"]
    assert tree.parents.tolist() == [-1, 0, 1, 2]
    assert tree.self_values[:, 0].tolist() == [0, 1, 0, 7]
