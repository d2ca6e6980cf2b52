"""The call tree as columns for the page's scripts, which draw the flame graph and the table from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vizreport.analysis.call_tree import CallTree
from vizreport.model.frames import Frame
from vizreport.names import shorten_name

_SHORT = 72
_OTHER = "(smaller call paths)"


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of the call tree.

    Attributes:
        name: As on the command line.
        label: On buttons and in tables.
        unit: How the page writes it: ``bytes`` or ``count``.
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
    Metric(
        "range-kept", "Allocated in it, live at its end", "bytes", "Bytes of both: allocated in it and live at its end"
    ),
)


@dataclass(frozen=True, slots=True)
class TreeColumns:
    """What the page gets: a node for what is too small to be shown stands below its caller, as any other.

    Attributes:
        data: Columns, ready for JSON.
        other_nodes: int64[n_nodes of the tree], the node of each node's smaller parts; its own number if it has none.
    """

    data: dict[str, Any]
    other_nodes: NDArray[np.int64]


def make_tree_columns(tree: CallTree, metrics: tuple[Metric, ...] = METRICS) -> TreeColumns:
    """Turns a call tree, whose figures are those of ``metrics``, into the page's columns."""
    n = len(tree)
    more = np.flatnonzero(tree.other_values.any(axis=1))
    other_nodes = np.arange(n)
    other_nodes[more] = n + np.arange(len(more))
    frames, used = _make_frames(tree)
    selves = np.concatenate([tree.self_values, tree.other_values[more]])
    data = {
        "metrics": [{"name": m.name, "label": m.label, "unit": m.unit, "help": m.help} for m in metrics],
        "parent": np.concatenate([tree.parents, more]).tolist(),
        "frame": np.concatenate([used, np.full(len(more), len(frames["name"]) - 1)]).tolist(),
        "self": {metric.name: selves[:, figure].tolist() for figure, metric in enumerate(metrics)},
        "frames": frames,
        "range": None,
    }
    return TreeColumns(data, other_nodes)


def _make_frames(tree: CallTree) -> tuple[dict[str, Any], NDArray[np.int64]]:
    """Returns the frames that the tree uses, with texts kept once, a last one for smaller parts; and each node's."""
    rows, used = np.unique(tree.frames, return_inverse=True)
    names, modules, files = _Texts(), _Texts(), _Texts()
    frames = [tree.table[row] if row >= 0 else None for row in rows.tolist()]
    columns: dict[str, list[int]] = {"name": [], "module": [], "file": [], "line": [], "inlined": []}
    for frame in [*frames, None]:
        columns["name"].append(names.add(describe_function(frame) if frame else _OTHER))
        columns["module"].append(modules.add(PurePath(frame.module).name if frame and frame.module else None))
        columns["file"].append(files.add(frame.file if frame else None))
        columns["line"].append((frame.line or 0) if frame else 0)
        columns["inlined"].append(int(frame.inlined) if frame else 0)
    shorts = {at: short for at, name in enumerate(names.texts) if (short := shorten_name(name, _SHORT)) != name}
    texts = {"names": names.texts, "shorts": shorts, "modules": modules.texts, "files": files.texts}
    return {**columns, **texts}, used.ravel()


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
