"""The hot loops over events: decoding and replay.

In C where libvizread was built, else in numpy: results are the same, and take longer. VIZZY_KERNELS=numpy in the
environment asks for numpy in any case, VIZZY_KERNELS=native refuses to go without C.
"""

from __future__ import annotations

import os
from functools import cache, partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vizreport.errors import VizzyError
from vizreport.kernels.occupancy import OccupancyCells
from vizreport.kernels.paths import PathNodes, Paths, Rows, find_paths, group_stacks, number_frames
from vizreport.model.block_batch import BlockBatch
from vizreport.model.live_set import LiveSet
from vizreport.model.replay import CoreResults
from vizreport.trace.decode import decode_events, decode_nodes
from vizreport.trace.event_block import EventBlock


class Replay(Protocol):
    """The replay of one image, fed with its events in their order."""

    def feed(self, block: EventBlock, *, ended: bool = False) -> BlockBatch | None:
        """Replays the next events; returns the blocks that end with them, in that order, if they are asked for."""

    def take_live_set(self, time_ns: int) -> LiveSet:
        """Returns what is live now; the time is what the caller calls this moment.

        A block whose reallocation is under way is live, even if its address is another's by now.
        """

    def take_live_places(self) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """Returns addresses and sizes of what is live now, in any order: cheaper than a live set, which is in order."""

    def take_live_batch(self) -> BlockBatch:
        """Returns what is live now, by address, as blocks that never end."""

    def take_results(self) -> CoreResults:
        """Returns the results of what was fed so far. More may be fed afterwards."""

    def copy(self) -> Replay:
        """Returns another one that goes on from the same state."""

    @property
    def n_bytes(self) -> int:
        """About how much memory it has: what a copy costs."""


class Occupancy(Protocol):
    """A grid of rows of addresses by columns of time: where bytes were live, and when.

    Rows are equal, aligned, and a power of two of bytes: 64, doubled as often as the bound on their number needs.
    """

    def add(
        self,
        addresses: NDArray[np.uint64],
        sizes: NDArray[np.uint64],
        start_times: NDArray[np.uint64],
        end_times: NDArray[np.uint64],
    ) -> None:
        """Adds blocks. Each is live from its start to its end, at least one tick, at most to the last column's end."""

    def read(self) -> OccupancyCells:
        """Returns what the grid holds now."""


class Kernels(Protocol):
    """One implementation of everything here.

    Attributes:
        name: "native" or "numpy".
        why: Why it is not native, or None: it is, or numpy was asked for.
        frees_interpreter: Other threads get on while it works.
    """

    name: str
    why: str | None
    frees_interpreter: bool

    def decode_events(self, payload: memoryview, n: int, flags: int) -> EventBlock:
        """See trace.decode.decode_events."""

    def decode_nodes(self, payload: memoryview, n: int) -> tuple[NDArray[np.uint64], ...]:
        """See trace.decode.decode_nodes."""

    def make_replay(self, edges: NDArray[np.uint64], inherited: LiveSet | None = None) -> Replay:
        """Begins a replay.

        Args:
            edges: uint64[n_bins + 1], of the Timeline; at least one bin.
            inherited: The blocks that a forked image starts with, no two at one address.
        """

    def make_occupancy(self, *, start_ns: int, end_ns: int, width_ns: int, n_columns: int, max_rows: int) -> Occupancy:
        """Begins a grid: n_columns of width_ns, at least 1, cover [start, end]; max_rows is at least 2."""

    def number_frames(self, pcs: NDArray[np.uint64], codes: NDArray[np.uint64]) -> tuple[Rows, Rows]:
        """See kernels.paths.number_frames."""

    def find_paths(self, nodes: PathNodes, leaves: Rows) -> Paths:
        """See kernels.paths.find_paths."""

    def group_stacks(self, nodes: PathNodes, leaves: Rows, roots: Rows) -> tuple[Rows, Rows]:
        """See kernels.paths.group_stacks."""


class _NumpyKernels:
    """What is always there."""

    name = "numpy"
    frees_interpreter = False

    def __init__(self, why: str | None = None) -> None:
        self.why = why

    def decode_events(self, payload: memoryview, n: int, flags: int) -> EventBlock:
        return decode_events(payload, n, flags)

    def decode_nodes(self, payload: memoryview, n: int) -> tuple[NDArray[np.uint64], ...]:
        return decode_nodes(payload, n)

    def make_replay(self, edges: NDArray[np.uint64], inherited: LiveSet | None = None) -> Replay:
        from vizreport.kernels.reference import ReferenceReplay

        return ReferenceReplay(edges, inherited)

    def make_occupancy(self, *, start_ns: int, end_ns: int, width_ns: int, n_columns: int, max_rows: int) -> Occupancy:
        from vizreport.kernels.occupancy import ReferenceOccupancy

        return ReferenceOccupancy(
            start_ns=start_ns, end_ns=end_ns, width_ns=width_ns, n_columns=n_columns, max_rows=max_rows
        )

    def number_frames(self, pcs: NDArray[np.uint64], codes: NDArray[np.uint64]) -> tuple[Rows, Rows]:
        return number_frames(pcs, codes)

    def find_paths(self, nodes: PathNodes, leaves: Rows) -> Paths:
        return find_paths(nodes, leaves)

    def group_stacks(self, nodes: PathNodes, leaves: Rows, roots: Rows) -> tuple[Rows, Rows]:
        return group_stacks(nodes, leaves, roots)


class _NativeKernels:
    """What is in libvizread."""

    name = "native"
    frees_interpreter = True
    why: str | None = None

    def __init__(self) -> None:
        from vizreport.kernels.native import Decoder, NativeReplay, load_library
        from vizreport.kernels.native_occupancy import NativeOccupancy
        from vizreport.kernels.native_paths import NativePaths

        library = load_library()
        decoder = Decoder(library)
        self.decode_events, self.decode_nodes = decoder.decode, decoder.decode_nodes
        self.make_replay = partial(NativeReplay, library)
        self.make_occupancy = partial(NativeOccupancy, library)
        paths = NativePaths(library)
        self.number_frames, self.find_paths = paths.number_frames, paths.find_paths
        self.group_stacks = paths.group_stacks


@cache
def get_kernels() -> Kernels:
    """Returns the best there is, once and for all.

    Raises:
        VizzyError: VIZZY_KERNELS asks for what is not there.
    """
    asked = os.environ.get("VIZZY_KERNELS", "")
    if asked not in ("", "native", "numpy"):
        raise VizzyError(f"VIZZY_KERNELS={asked}: there are native and numpy")
    if asked == "numpy":
        return _NumpyKernels()
    from vizreport.kernels.native import KernelError

    try:
        return _NativeKernels()
    except KernelError as error:
        if asked:
            raise VizzyError(f"VIZZY_KERNELS=native: {error}; `./dev build` or pip builds it") from error
        return _NumpyKernels(str(error))


def describe_kernels() -> str:
    """Returns what replays traces here, in words."""
    kernels = get_kernels()
    if kernels.name == "native":
        return "native"
    return f"numpy, many times slower than native: {kernels.why or 'VIZZY_KERNELS=numpy asks for it'}"
