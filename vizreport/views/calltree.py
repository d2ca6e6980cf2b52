"""Call trees as columns for the page's scripts, which draw the flame graph and the table from them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np

from vizreport.analysis.call_tree import CallTree
from vizreport.analysis.forest import Rows
from vizreport.analysis.ranges import RangeTable
from vizreport.kernels.paths import find_depths
from vizreport.model.frames import Frame
from vizreport.names import quote, shorten_name

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
    Metric(
        "growing",
        "Growing",
        "growth",
        "Bytes per minute by which live bytes grew, over the last minute or since the start, by stacks that grew",
    ),
    Metric("allocated", "Allocated", "bytes", "All bytes that were ever allocated"),
    Metric("count", "Allocations", "count", "How many allocations were made"),
    Metric("temporary", "Temporary", "count", "Allocations freed before their thread allocated again"),
)


def describe_tree(tree: CallTree, metrics: tuple[Metric, ...], ranges: RangeTable | None = None) -> dict[str, Any]:
    """Returns what the page's scripts know of call stacks: the tree, its frames, its figures.

    Args:
        tree: As in make_tree_columns.
        metrics: The tree's figures, in their order.
        ranges: As in make_tree_columns.
    """
    frames = FrameColumns()
    columns = make_tree_columns(tree, metrics, frames, ranges)
    shown = metrics + (RANGE_METRICS if ranges is not None else ())
    described = [{"name": metric.name, "label": metric.label, "unit": metric.unit} for metric in shown]
    return {"tree": columns, "metrics": described, "frames": frames.make_columns()}


def find_ends(tree: CallTree) -> Rows:
    """Returns the nodes at which call stacks end, increasing: int64[n_ends]. Page and ranges know stacks by these."""
    return np.unique(tree.ends)


def make_tree_columns(
    tree: CallTree, metrics: tuple[Metric, ...], frames: FrameColumns, ranges: RangeTable | None
) -> dict[str, Any]:
    """Turns a tree into columns.

    Numbers are small where they can be, which packs well: 427,763 nodes and their 80,209 ends take 0.6 MB of a page.

    Args:
        tree: Numbered depth first, with nothing cut off.
        metrics: The tree's figures, in their order.
        frames: Collects the frames, those that occur most first.
        ranges: Its slots are places in find_ends; or None.
    """
    rows, used, counts = np.unique(tree.frames[1:], return_inverse=True, return_counts=True)
    ids = np.zeros(len(rows), dtype=np.int64)
    for at in np.argsort(-counts, kind="stable").tolist():
        ids[at] = frames.add(tree.table[rows[at]])
    depths = find_depths(tree.parents)
    ends = find_ends(tree)
    return {
        "up": (depths[:-1] - depths[1:] + 1).tolist(),
        "frame": ids[used.ravel()].tolist(),
        "endSteps": np.diff(ends, prepend=0).tolist(),
        "self": {metric.name: tree.self_values[ends, figure].tolist() for figure, metric in enumerate(metrics)},
        "range": None if ranges is None else _make_range_columns(ranges),
    }


def _make_range_columns(table: RangeTable) -> dict[str, Any]:
    """Returns the rows of a table; places as differences, which pack well."""
    return {
        "startNs": table.bins.start_ns,
        "widthNs": table.bins.width_ns,
        "bins": table.bins.n,
        "endSteps": np.diff(table.slots, prepend=0).tolist(),
        "alloc": table.alloc_bins.tolist(),
        "free": (table.free_bins - table.alloc_bins).tolist(),
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
            columns["module"].append(modules.add(_name_module(frame.module) if frame.module else None))
            columns["file"].append(files.add(quote(frame.file) if frame.file else None))
            columns["line"].append(frame.line or 0)
            columns["inlined"].append(int(frame.inlined))
        shorts = {at: short for at, name in enumerate(names.texts) if (short := shorten_name(name, _SHORT)) != name}
        return {**columns, "names": names.texts, "shorts": shorts, "modules": modules.texts, "files": files.texts}


def describe_function(frame: Frame) -> str:
    """Returns a frame's function, or where it is if it has no name."""
    if frame.function:
        return quote(frame.function)
    return f"{_name_module(frame.module)}+{frame.address:#x}" if frame.module else f"{frame.address:#x}"


def describe_place(frame: Frame) -> str:
    """Returns a frame's file and line, or its module and address."""
    if frame.file:
        return f"{quote(frame.file)}:{frame.line}" if frame.line else quote(frame.file)
    return f"{_name_module(frame.module)}+{frame.address:#x}" if frame.module else ""


def _name_module(path: str) -> str:
    return quote(PurePath(path).name)


class _Texts:
    """Texts by number, each once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def add(self, text: str | None) -> int:
        return -1 if text is None else self._numbers.setdefault(text, len(self._numbers))

    @property
    def texts(self) -> list[str]:
        return list(self._numbers)
