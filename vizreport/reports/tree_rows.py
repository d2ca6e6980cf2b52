"""The rows of an allocation tree in the order in which they are read: a node, then what is below it, largest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from vizreport.analysis.call_tree import CallTree


@dataclass(frozen=True, slots=True)
class TreeRow:
    """A node, or what of a node's stacks is too small to be shown.

    Attributes:
        node: Of the tree.
        is_other: It is what is too small, and stands below the node.
        depth: 1 at the top.
        lead: For each level of indentation, whether more follows at it.
        branches: It is the first row at its level of indentation, not one further down a single path.
        hidden: There is more below it than was asked for.
    """

    node: int
    is_other: bool
    depth: int
    lead: tuple[bool, ...]
    branches: bool
    hidden: bool = False


def list_rows(tree: CallTree, *, max_depth: int | None = None, min_other: int = 1) -> Iterator[TreeRow]:
    """Yields the rows of all nodes but node 0.

    What stands alone below a node that has nothing of its own is not indented, as in a call stack.

    Args:
        tree: With one figure or more; the first decides the order.
        max_depth: How many levels; None: all.
        min_other: The least of what is too small to be shown that has a row.
    """
    starts, children = (column.tolist() for column in tree.find_children(0))
    own, other = tree.self_values[:, 0].tolist(), tree.other_values[:, 0].tolist()

    def list_below(node: int, depth: int, lead: tuple[bool, ...]) -> list[TreeRow]:
        """Returns the rows right below a node."""
        entries = [(child, False) for child in children[starts[node] : starts[node + 1]]]
        entries += [(node, True)] if other[node] >= min_other else []
        if len(entries) == 1 and not own[node]:
            return [TreeRow(*entries[0], depth, lead, branches=False)]
        return [
            TreeRow(entry, is_other, depth, (*lead, at < len(entries) - 1), branches=True)
            for at, (entry, is_other) in enumerate(entries)
        ]

    # What is still to be shown, the next at the end: call stacks may be deeper than Python's own.
    pending = list_below(0, 1, ())[::-1]
    while pending:
        row = pending.pop()
        if row.is_other:
            yield row
            continue
        below = list_below(row.node, row.depth + 1, row.lead)
        only_other = all(entry.is_other for entry in below)
        hidden = row.depth == max_depth or only_other
        yield replace(row, hidden=hidden and bool(below or other[row.node]))
        pending.extend([] if hidden else below[::-1])
