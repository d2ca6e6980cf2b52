"""Under which function most of a figure lies: what a person would name if asked who it was."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from vizreport.analysis.call_tree import SMALLER, CallTree
from vizreport.analysis.figures import COUNT
from vizreport.analysis.forest import Values
from vizreport.model.frames import Frame

SHARES = (0.75, 0.5)
"""A function under which more than three quarters lie, else one under which more than half does."""

ALL = 0.99
"""A function is no answer if more than this share of all allocations are made under it, and less than half by it."""

# Under these everything lies, whatever the program.
_ENTRIES = re.compile(
    r"(?:_start|main|_?_?libc_start_main\w*|__libc_start_call_main|start_thread|__?clone3?|_?_?rust_begin_short_backtrace"
    r"|std::(?:rt::|panick|sys::).*|.*__rust_begin_short_backtrace.*)(?:@.*)?",
    re.DOTALL,
)
# These run for whoever called them.
_LIBRARIES = re.compile(r"(?:[\w:<>,&* ]+ )?<?(?:std|__gnu_cxx|core|alloc)::.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Owner:
    """A function under which most of a figure lies.

    Attributes:
        node: Of the call tree.
        frame: The node's.
        value: How much lies under it.
        share: Of all, more than half.
    """

    node: int
    frame: Frame
    value: int
    share: float


def find_dominator(totals: Values, *, share: float) -> int:
    """Returns the deepest node with more than a share, at least half, of node 0's total; node 0 where there is none.

    Args:
        totals: uint64[n], of each node of a call tree, all below it included.
        share: Of node 0's, which is all.
    """
    # No two nodes apart have more than half each: these are on one path, on which numbers increase.
    above = np.flatnonzero(totals > share * float(totals[0]))
    return int(above[-1]) if len(above) else 0


def find_owner(tree: CallTree, totals: Values) -> Owner | None:
    """Finds the deepest function with most of a figure; None where it is spread, or has no name that tells anything.

    Functions of the standard libraries stand for their callers. Under main, and under a main of a program's own, lies
    everything, which is no answer.

    Args:
        tree: From the root down, with the figures of figures.py.
        totals: uint64[n], the figure of each of its nodes, all below it included.
    """
    for share in SHARES:
        node = find_dominator(totals, share=share)
        while node > 0 and _is_library(tree.table[tree.frames[node]]):
            node = int(tree.parents[node])
        if node > 0 and not _is_entry(tree, node):
            frame = tree.table[tree.frames[node]]
            return Owner(node, frame, int(totals[node]), int(totals[node]) / int(totals[0]))
    return None


def _is_entry(tree: CallTree, node: int) -> bool:
    """Tells whether all of the program runs under a function, or it has no name."""
    function = tree.table[tree.frames[node]].function
    if function is None or _ENTRIES.fullmatch(function):
        return True
    allocs, own = int(tree.total_values[node, COUNT]), int(tree.self_values[node, COUNT])
    return allocs > ALL * float(tree.total_values[0, COUNT]) and own < allocs / 2


def _is_library(frame: Frame) -> bool:
    return frame == SMALLER or (frame.function is not None and _LIBRARIES.fullmatch(frame.function) is not None)
