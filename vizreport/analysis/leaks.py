"""What was live at the end, by call stack."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vizreport.model.blocks import Blocks
from vizreport.model.stacks import Stacks
from vizreport.model.trace import Events
from vizreport.trace.format import NODE_COMPLETE


@dataclass(frozen=True, slots=True)
class Leak:
    """Blocks of one call stack that were never freed.

    Attributes:
        rows: Rows of Stacks, leaf first.
        root: format.NODE_COMPLETE, NODE_DEPTH_CUT or NODE_UNWIND_GAP: where the stack ends.
    """

    bytes: int
    blocks: int
    rows: tuple[int, ...]
    root: int


def find_leaks(events: Events, blocks: Blocks, stacks: Stacks) -> tuple[Leak, ...]:
    """Groups the image's own live blocks by call stack, those with most bytes first.

    Ids are names of paths, and a path may have two names, so paths are compared.
    """
    rows = np.flatnonzero(blocks.own & blocks.live)
    ids, group = np.unique(events.stacks[blocks.starts[rows]], return_inverse=True)
    n_blocks = np.bincount(group, minlength=len(ids))
    n_bytes = np.zeros(len(ids), dtype=np.uint64)
    np.add.at(n_bytes, group, blocks.sizes[rows])

    merged: dict[tuple[object, ...], Leak] = {}
    for leaf, size, count in zip(ids.tolist(), n_bytes.tolist(), n_blocks.tolist(), strict=True):
        path, root = stacks.walk(leaf)
        key = (root, *_name_path(stacks, path)) if path else (NODE_COMPLETE if leaf == 0 else root,)
        before = merged.get(key)
        if before is not None:
            size, count, path = size + before.bytes, count + before.blocks, list(before.rows)
        merged[key] = Leak(size, count, tuple(path), root)
    return tuple(sorted(merged.values(), key=lambda leak: (-leak.bytes, -leak.blocks, leak.rows)))


def _name_path(stacks: Stacks, path: list[int]) -> list[tuple[int, int, bool]]:
    """Returns what identifies each frame."""
    at = np.array(path, dtype=np.int64)
    columns = (stacks.pcs[at].tolist(), stacks.generations[at].tolist(), stacks.interrupted[at].tolist())
    return list(zip(*columns, strict=True))
