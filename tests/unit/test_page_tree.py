"""The call tree of a page: whole where that fits, else no larger than it may be, with every figure in its sums."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_elided_paths import make_paths

from vizreport.analysis.call_tree import CallTree
from vizreport.analysis.forest import Rows, Values
from vizreport.model.frames import Frame
from vizreport.model.names import Names
from vizreport.reports.call_trees import build_page_tree, estimate_bytes
from vizreport.views.calltree import METRICS, FrameColumns, make_tree_columns


def name(rows: Rows) -> Names:
    """Names each row after itself, with text as little alike as that of C++ functions."""
    rows = np.unique(rows)
    rng = np.random.default_rng(1)
    table = tuple(Frame(f"function_{row}_{rng.integers(1 << 60)}", "/a", int(row)) for row in rows.tolist())
    return Names(rows, np.arange(len(rows) + 1), np.arange(len(rows)), table)


def make_values(values: list[int]) -> Values:
    return np.outer(np.array(values, np.uint64), np.arange(1, len(METRICS) + 1, dtype=np.uint64))


def build(stacks: list[tuple[int, ...]], values: list[int], most_bytes: int) -> CallTree:
    paths, _ = make_paths(stacks)
    return build_page_tree(paths, make_values(values), name, most_bytes=most_bytes)


@given(
    st.lists(st.lists(st.integers(0, 4), max_size=6).map(tuple), min_size=1, max_size=30),
    st.sampled_from([1, 150, 1 << 20]),
    st.data(),
)
def test_every_figure_is_in_the_sums(stacks: list[tuple[int, ...]], most_bytes: int, data: st.DataObject) -> None:
    values = [data.draw(st.integers(0, 1000)) for _ in stacks]
    tree = build(stacks, values, most_bytes)
    assert tree.total_values[0].tolist() == make_values(values).sum(axis=0).tolist()
    assert not tree.other_values.any()
    assert all(tree.parents[node] < node for node in range(len(tree)))
    if most_bytes == 1 << 20:
        assert len(tree) == 1 + len(
            {s[: k + 1] for s, v in zip(stacks, values, strict=True) if v for k in range(len(s))}
        )


@pytest.mark.parametrize("n_stacks", [30, 3000])
def test_a_tree_takes_no_more_of_a_page_than_it_may(n_stacks: int) -> None:
    rng = np.random.default_rng(n_stacks)
    stacks = [tuple(rng.integers(0, 2000, rng.integers(1, 40)).tolist()) for _ in range(n_stacks)]
    values = rng.integers(1, 1 << 20, n_stacks).tolist()
    for most_bytes in (1000, 30_000, 100_000):
        tree = build(stacks, values, most_bytes)
        frames = FrameColumns()
        columns = {"tree": make_tree_columns(tree, METRICS, frames, None), "frames": frames.make_columns()}
        size = len(gzip.compress(json.dumps(columns, separators=(",", ":")).encode())) * 4 / 3
        assert estimate_bytes(tree) <= most_bytes or len(tree) == 1
        assert size <= most_bytes + 1000
