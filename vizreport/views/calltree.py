"""Call trees as columns for the page's scripts, which draw the flame graph and the table from them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vizreport.analysis.call_tree import SMALLER, CallTree
from vizreport.analysis.forest import Rows
from vizreport.analysis.ranges import RangeTable
from vizreport.model.frames import Frame
from vizreport.names import shorten_name

_SHORT = 72


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of the call tree.

    Attributes:
        name: As on the command line.
        label: On buttons and in tables.
        unit: How the page writes it: ``bytes``, ``growth`` (bytes per minute) or ``count``.
        help: What it means.
    """

    name: str
    label: str
    unit: str
    help: str


METRICS = (
    Metric("peak", "At peak", "bytes", "Bytes that were live at the moment of the peak"),
    Metric("leaked", "Leaked", "bytes", "Bytes that were still live at the end"),
    Metric("allocated", "Allocated", "bytes", "All bytes that were ever allocated"),
    Metric("count", "Allocations", "count", "How many allocations were made"),
    Metric("temporary", "Temporary", "count", "Allocations freed before their thread allocated again"),
)

RANGE_METRICS = (
    Metric("range-allocated", "Allocated in range", "bytes", "Bytes allocated in the chosen range of time"),
    Metric("range-live", "Live at its end", "bytes", "Bytes live at the end of the chosen range, whenever allocated"),
    Metric("range-kept", "Allocated in it, live at its end", "bytes", "Allocated in the range and live at its end"),
)

LIVE_METRICS = (
    Metric("live", "Live bytes", "bytes", "Bytes that are live now: asked for and not yet freed"),
    Metric("blocks", "Live blocks", "count", "Blocks that are live now"),
    Metric("growing", "Growing", "growth", "Live bytes gained in the last minute, by call stacks that gained any"),
    Metric("allocated", "Allocated", "bytes", "All bytes that were ever allocated"),
    Metric("count", "Allocations", "count", "How many allocations were made"),
    Metric("temporary", "Temporary", "count", "Allocations freed before their thread allocated again"),
)


def describe_metrics(metrics: tuple[Metric, ...]) -> list[dict[str, str]]:
    """Returns what the page's scripts know of metrics."""
    return [{"name": m.name, "label": m.label, "unit": m.unit} for m in metrics]


def find_other_nodes(tree: CallTree) -> Rows:
    """Returns for each node the one that the page gives to its smaller parts, or its own number: int64[n]."""
    more = tree.other_values.any(axis=1)
    return np.where(more, len(tree) + np.cumsum(more) - 1, np.arange(len(tree)))


def find_tree_nodes(tree: CallTree) -> Rows:
    """Returns for each node of the page the tree's own, or the caller of what is smaller: int64[n_page_nodes]."""
    return np.concatenate([np.arange(len(tree)), np.flatnonzero(tree.other_values.any(axis=1))])


def find_slots(tree: CallTree, cut: NDArray[np.bool_]) -> Rows:
    """Returns the page's node for each stack: int64[n_stacks]."""
    return np.where(cut, find_other_nodes(tree)[tree.ends], tree.ends)


def make_tree_columns(
    tree: CallTree, frames: FrameColumns, ranges: RangeTable | None = None, metrics: tuple[Metric, ...] = METRICS
) -> dict[str, Any]:
    """Turns a tree into columns.

    Args:
        tree: Its figures are those of the metrics. What is too small to be shown in it becomes a node below its caller.
        frames: Collects the frames.
        ranges: Its slots are nodes as find_slots gives them; or None.
        metrics: In their order.
    """
    more = np.flatnonzero(tree.other_values.any(axis=1))
    rows, used = np.unique(tree.frames, return_inverse=True)
    ids = np.array([frames.add(tree.table[row]) if row >= 0 else -1 for row in rows.tolist()])
    other = [frames.add(SMALLER)] * len(more)
    selves = np.concatenate([tree.self_values, tree.other_values[more]])
    return {
        "parent": np.concatenate([tree.parents, more]).tolist(),
        "frame": [*ids[used.ravel()].tolist(), *other],
        "self": {metric.name: selves[:, figure].tolist() for figure, metric in enumerate(metrics)},
        "range": None if ranges is None else _make_range_columns(ranges),
    }


def regroup_ranges(table: RangeTable, slots: Rows) -> RangeTable:
    """Returns the table with slot s counted for slots[s]; the last slot of the table, which has no stack, goes to 0."""
    n_slots = int(slots.max(initial=0)) + 1
    n_bins = table.bins.n + 1
    own = np.append(slots, 0)[table.slots]
    keys, rows = np.unique((own * n_bins + table.alloc_bins) * n_bins + table.free_bins, return_inverse=True)
    sums = np.zeros((2, len(keys)), dtype=np.uint64)
    np.add.at(sums[0], rows, table.bytes)
    np.add.at(sums[1], rows, table.blocks)
    cells, free_bins = np.divmod(keys, n_bins)
    own, alloc_bins = np.divmod(cells, n_bins)
    return RangeTable(table.bins, n_slots + 1, own, alloc_bins, free_bins, sums[0], sums[1])


def _make_range_columns(table: RangeTable) -> dict[str, Any]:
    """Returns the rows of a table; nodes as differences, which pack well."""
    return {
        "startNs": table.bins.start_ns,
        "widthNs": table.bins.width_ns,
        "bins": table.bins.n,
        "nodeSteps": np.diff(table.slots, prepend=0).tolist(),
        "alloc": table.alloc_bins.tolist(),
        "free": table.free_bins.tolist(),
        "bytes": table.bytes.tolist(),
    }


class FrameColumns:
    """Frames by number, each once, with their texts each once."""

    def __init__(self) -> None:
        """Starts with no frame."""
        self._numbers: dict[Frame, int] = {}

    def add(self, frame: Frame) -> int:
        """Returns the number of a frame."""
        return self._numbers.setdefault(frame, len(self._numbers))

    def make_columns(self) -> dict[str, Any]:
        """Returns the frames as columns, and their texts."""
        names, modules, files = _Texts(), _Texts(), _Texts()
        columns: dict[str, list[int]] = {"name": [], "module": [], "file": [], "line": [], "inlined": []}
        for frame in self._numbers:
            columns["name"].append(names.add(describe_function(frame)))
            columns["module"].append(modules.add(PurePath(frame.module).name if frame.module else None))
            columns["file"].append(files.add(frame.file))
            columns["line"].append(frame.line or 0)
            columns["inlined"].append(int(frame.inlined))
        shorts = {at: short for at, name in enumerate(names.texts) if (short := shorten_name(name, _SHORT)) != name}
        return {**columns, "names": names.texts, "shorts": shorts, "modules": modules.texts, "files": files.texts}


def describe_function(frame: Frame) -> str:
    """Returns a frame's function, or where it is if it has no name."""
    if frame.function:
        return frame.function
    return f"{PurePath(frame.module).name}+{frame.address:#x}" if frame.module else f"{frame.address:#x}"


def describe_place(frame: Frame) -> str:
    """Returns a frame's file and line, or its module and address."""
    if frame.file:
        return f"{frame.file}:{frame.line}" if frame.line else frame.file
    return f"{PurePath(frame.module).name}+{frame.address:#x}" if frame.module else ""


class _Texts:
    """Texts by number, each once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def add(self, text: str | None) -> int:
        return -1 if text is None else self._numbers.setdefault(text, len(self._numbers))

    @property
    def texts(self) -> list[str]:
        return list(self._numbers)
