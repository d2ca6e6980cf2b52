"""Paths and frames of call stacks, in C and in numpy, against paths that are walked one by one."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vizreport.kernels import paths as numpy_paths
from vizreport.kernels.native import KernelError, load_library
from vizreport.kernels.native_paths import NativePaths
from vizreport.kernels.paths import PathNodes, Rows

IMPLEMENTATIONS: list[Any] = [numpy_paths]
with suppress(KernelError):
    IMPLEMENTATIONS.append(NativePaths(load_library()))
each = pytest.mark.parametrize("paths", IMPLEMENTATIONS, ids=lambda each: type(each).__name__)

FRAMES = [(0, 0), (1, 0), (0, 1), ((1 << 64) - 1, 0), (1 << 32, (1 << 33) - 1), (1, (1 << 33) - 1)]


def make_nodes(above: list[int], roots: list[int], frames: list[int]) -> PathNodes:
    pcs, codes = zip(*(FRAMES[frame] for frame in frames), strict=True) if frames else ((), ())
    columns = np.array(pcs, np.uint64), np.array(codes, np.uint64)
    return PathNodes(np.array(above, np.int64), np.array(roots, np.uint32), *columns)


@st.composite
def asked(draw: st.DrawFn) -> tuple[PathNodes, Rows]:
    n = draw(st.integers(0, 20))
    above = [draw(st.integers(-1, k - 1)) for k in range(n)]
    roots = draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
    frames = draw(st.lists(st.integers(0, len(FRAMES) - 1), min_size=n, max_size=n))
    leaves = draw(st.lists(st.integers(-1, n - 1), max_size=12))
    return make_nodes(above, roots, frames), np.array(leaves, np.int64)


def walk(nodes: PathNodes, row: int) -> tuple[Any, ...]:
    """Returns the path to a row: how it ends, then frames."""
    if row < 0:
        return ()
    above = int(nodes.above[row])
    frame = (int(nodes.pcs[row]), int(nodes.codes[row]))
    return (*(walk(nodes, above) if above >= 0 else (int(nodes.roots[row]),)), frame)


@each
@given(drawn=asked())
def test_paths_equal_their_slow_twin(paths: Any, drawn: tuple[PathNodes, Rows]) -> None:
    nodes, leaves = drawn
    used: set[int] = set()
    for leaf in leaves.tolist():
        while leaf >= 0:
            used.add(leaf)
            leaf = int(nodes.above[leaf])
    row_of: dict[tuple[Any, ...], int] = {}
    for row in sorted(used):
        row_of.setdefault(walk(nodes, row), row)
    node_of = {path: node for node, path in enumerate(row_of)}
    found = paths.find_paths(nodes, leaves)
    assert found.rows.tolist() == list(row_of.values())
    assert found.parents.tolist() == [node_of.get(path[:-1], -1) for path in node_of]
    assert found.ends.tolist() == [node_of.get(walk(nodes, leaf), -1) for leaf in leaves.tolist()]
    frames = [path[-1] for path in node_of]
    first: dict[Any, int] = {}
    for frame, number in zip(frames, found.frames.tolist(), strict=True):
        assert first.setdefault(frame, number) == number
    assert len(set(first.values())) == len(first)


@each
@given(drawn=asked(), data=st.data())
def test_groups_equal_their_slow_twin(paths: Any, drawn: tuple[PathNodes, Rows], data: st.DataObject) -> None:
    nodes, leaves = drawn
    roots = data.draw(st.lists(st.integers(0, 2), min_size=len(leaves), max_size=len(leaves)))
    stacks = [walk(nodes, leaf) or (root,) for leaf, root in zip(leaves.tolist(), roots, strict=True)]
    groups, first = paths.group_stacks(nodes, leaves, np.array(roots, np.int64))
    known: dict[tuple[Any, ...], int] = {}
    assert groups.tolist() == [known.setdefault(stack, len(known)) for stack in stacks]
    assert first.tolist() == [stacks.index(stack) for stack in known]


@each
@given(frames=st.lists(st.sampled_from(FRAMES), max_size=30))
def test_frames_are_numbered_as_they_come(paths: Any, frames: list[tuple[int, int]]) -> None:
    pcs, codes = (np.array([frame[k] for frame in frames], np.uint64) for k in range(2))
    numbers, first = paths.number_frames(pcs, codes)
    known: dict[tuple[int, int], int] = {}
    assert numbers.tolist() == [known.setdefault(frame, len(known)) for frame in frames]
    assert first.tolist() == [frames.index(frame) for frame in known]


@each
def test_many_paths(paths: Any) -> None:
    random, n = np.random.default_rng(1), 50_000
    above = np.maximum(np.arange(n) - random.integers(1, 40, n), -1)
    frames = random.integers(0, 3, n)
    nodes = PathNodes(above, np.zeros(n, np.uint32), frames.astype(np.uint64) << np.uint64(40), np.zeros(n, np.uint64))
    leaves = random.integers(-1, n, 2000)
    expected, found = numpy_paths.find_paths(nodes, leaves), paths.find_paths(nodes, leaves)
    assert (found.parents < np.arange(len(found.parents))).all()
    for name in ("parents", "rows", "ends"):
        assert np.array_equal(getattr(found, name), getattr(expected, name))
    roots = random.integers(0, 3, len(leaves))
    pairs = zip(numpy_paths.group_stacks(nodes, leaves, roots), paths.group_stacks(nodes, leaves, roots), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize(("above", "leaves"), [([-1, 1], [1]), ([-2], [0]), ([-1], [1]), ([-1], [-2])])
def test_rows_that_are_none_are_refused_by_c(above: list[int], leaves: list[int]) -> None:
    if len(IMPLEMENTATIONS) == 1:
        pytest.skip("libvizread was not built")
    nodes, rows = make_nodes(above, [0] * len(above), [0] * len(above)), np.array(leaves, np.int64)
    with pytest.raises(ValueError, match="refuses its input"):
        IMPLEMENTATIONS[1].find_paths(nodes, rows)
