"""Timelines with fewer bins hold what the finer ones held."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vizreport.analysis.merged_bins import merge_bins
from vizreport.model.replay import Timeline


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    widths = draw(st.lists(st.sampled_from([1, 10, 100, 1000]), min_size=1, max_size=40))
    n = len(widths)
    edges = np.cumsum([draw(st.integers(0, 10**9)), *widths]).astype(np.uint64)
    columns = [draw(st.lists(st.integers(0, 1000), min_size=n, max_size=n)) for _ in range(9)]
    return Timeline(edges, *(np.array(column, np.uint64) for column in columns))


@given(timeline=timelines(), n_max=st.integers(1, 50))
def test_merged_bins(timeline: Timeline, n_max: int) -> None:
    merged = merge_bins(timeline, n_max)
    assert len(merged.edges) - 1 <= 2 * n_max + 1
    assert (merged.edges[0], merged.edges[-1]) == (timeline.edges[0], timeline.edges[-1])
    of_bin = np.searchsorted(merged.edges, timeline.edges[:-1], side="right") - 1
    for k in range(len(merged.edges) - 1):
        part = np.flatnonzero(of_bin == k)
        assert len(part)
        for name in ("bytes", "blocks"):
            assert getattr(merged, f"min_{name}")[k] == getattr(timeline, f"min_{name}")[part].min()
            assert getattr(merged, f"max_{name}")[k] == getattr(timeline, f"max_{name}")[part].max()
            assert getattr(merged, f"last_{name}")[k] == getattr(timeline, f"last_{name}")[part[-1]]
        for name in ("allocs", "frees", "bytes_allocated"):
            assert getattr(merged, name)[k] == getattr(timeline, name)[part].sum()
