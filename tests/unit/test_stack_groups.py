"""Call stacks grouped by path, against paths that are walked one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
from builders import TraceBuilder, malloc
from hypothesis import given
from hypothesis import strategies as st

from vizreport.analysis.forest import climb
from vizreport.analysis.gaps import count_gaps
from vizreport.analysis.replay import replay_images
from vizreport.analysis.stack_groups import find_ends, group_stacks
from vizreport.trace import format as fmt
from vizreport.trace.reader import parse_trace


@given(st.data())
def test_groups_equal_their_slow_twin(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 12))
    nodes = [(k, data.draw(st.integers(0, k - 1)), data.draw(st.integers(1, 3))) for k in range(3, 3 + n)]
    stacks = data.draw(st.lists(st.integers(0, 3 + n), max_size=12))  # the last id is of no node
    events = [malloc(16 * k, k + 1, stack=stack) for k, stack in enumerate(stacks)]
    builder = TraceBuilder().image().nodes(nodes)
    trace = parse_trace("-", memoryview((builder.events(events) if events else builder).build()))

    rows = {node: (parent, pc) for node, parent, pc in nodes}
    expected: dict[Any, list[int]] = {}
    gaps = 0
    for event in events:
        path, node = [], event.stack
        while node in rows:
            path.append(rows[node][1])
            node = rows[node][0]
        root = node if node < 3 else fmt.NODE_UNWIND_GAP
        gaps += root == fmt.NODE_UNWIND_GAP
        total = expected.setdefault((root, tuple(path)), [0, 0])
        total[0] += event.size
        total[1] += 1

    columns, (replay,) = trace.read_stacks(0), replay_images(trace)
    table = replay.stacks
    groups = group_stacks(columns, *find_ends(columns, table.stacks))
    sums = groups.sum_values(np.column_stack([table.live_bytes, table.live_blocks])).tolist()
    roots = groups.roots.tolist()
    above = columns.find_above()
    found = {
        (roots[group], tuple(columns.pcs[climb(above, leaf)].tolist())): sums[group]
        for group, leaf in enumerate(groups.leaves.tolist())
    }
    assert found == expected
    assert count_gaps(table, columns) == gaps
