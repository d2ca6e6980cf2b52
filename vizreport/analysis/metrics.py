"""By what call stacks are measured in trees and flame graphs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vizreport.analysis.forest import Values
from vizreport.model.replay import StackTable


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of call stacks.

    Attributes:
        column: Of StackTable.
        is_bytes: Bytes, else a count.
        title: What it is, in words.
    """

    column: str
    is_bytes: bool
    title: str


METRICS = {
    "peak": Metric("peak_bytes", True, "bytes live at the peak"),
    "leaked": Metric("live_bytes", True, "bytes in use at exit"),
    "allocated": Metric("bytes_allocated", True, "bytes allocated"),
    "count": Metric("allocs", False, "allocations"),
    "temporary": Metric("temporary", False, "temporary allocations"),
}


def take_values(table: StackTable, names: Sequence[str]) -> Values:
    """Returns the figures of each stack by these metrics: uint64[n_stacks, len(names)]."""
    return np.column_stack([getattr(table, METRICS[name].column) for name in names]).astype(np.uint64)
