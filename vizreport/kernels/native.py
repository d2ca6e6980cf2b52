"""libvizread through ctypes: decoding and replay in C, over numpy's arrays, without copies.

The structs and functions are those of libtrace/replay/{decode,replay,occupancy,paths,stack_groups}.h. ctypes gives
the interpreter to other threads while C runs, so one thread may decode what another replays next.
"""

from __future__ import annotations

import ctypes
import errno
import os
import threading
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vizreport.errors import TraceFormatError
from vizreport.kernels.order import sort_live
from vizreport.model.block_batch import NEVER, BlockBatch
from vizreport.model.live_set import LiveSet
from vizreport.model.replay import CoreResults, Peak, StackTable, ThreadTable, Timeline, Totals
from vizreport.trace import format as fmt
from vizreport.trace.event_block import EventBlock

_FILE = "libvizread.so"
_PACKAGE = Path(__file__).resolve().parent.parent
PLACES = (_PACKAGE / "lib" / _FILE, _PACKAGE.parent / "build" / "release" / "libtrace" / "replay" / _FILE)
"""Where the library is: beside the installed package, or where SCons leaves it in a checkout."""

_U8, _U32, _U64 = np.dtype(np.uint8), np.dtype(np.uint32), np.dtype(np.uint64)


class KernelError(Exception):
    """The library can't be used; the text says why."""


class _EventBlock(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_uint32) for name in ("n", "free_stacks", "n_runs", "n_addresses", "n_sized", "n_stacked")),
        *(
            (name, ctypes.c_void_p)
            for name in ("kinds", "threads", "run_times", "run_ends", "addresses", "ordinals", "sizes", "stacks")
        ),
    ]


_ENDED_COLUMNS = (
    ("addresses", _U64), ("sizes", _U64), ("start_times", _U64), ("end_times", _U64), ("start_stacks", _U32),
    ("end_stacks", _U32), ("start_threads", _U32), ("end_threads", _U32), ("temporary", _U8), ("inherited", _U8),
)  # fmt: skip
_LIVE_COLUMNS = (
    ("addresses", _U64), ("sizes", _U64), ("start_times", _U64), ("stacks", _U32), ("threads", _U32), ("pending", _U8),
    ("inherited", _U8),
)  # fmt: skip
_TOTALS = (
    "n_events", "allocs", "frees", "bytes_allocated", "live_bytes", "live_blocks", "inherited_bytes",
    "inherited_blocks", "n_unmatched_frees", "n_duplicates", "n_temporary", "mapped_bytes", "peak_mapped_bytes",
)  # fmt: skip


class _Ended(ctypes.Structure):
    _fields_ = [("n", ctypes.c_uint64), *((name, ctypes.c_void_p) for name, _ in _ENDED_COLUMNS)]


class _NodeBlock(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("ids", "parents", "pcs", "codes")]


class _Counts(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("n_live", "n_stacks", "n_threads", "n_pairs")]


class _LiveColumns(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name, _ in _LIVE_COLUMNS]


class _Results(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_uint64) for name in _TOTALS),
        *((name, ctypes.c_uint64) for name in ("peak_bytes", "peak_blocks", "peak_time", "peak_row")),
        *((name, ctypes.c_void_p) for name in ("stacks", "threads", "pairs", "bins")),
    ]


_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "vz_decoder_new": (ctypes.c_void_p, []),
    "vz_decoder_free": (None, [ctypes.c_void_p]),
    "vz_decode_events": (ctypes.c_int, [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]),
    "vz_decode_nodes": (ctypes.c_int, [*[ctypes.c_void_p] * 2, ctypes.c_size_t, ctypes.c_uint32, ctypes.c_void_p]),
    "vz_replay_new": (ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_uint32]),
    "vz_replay_free": (None, [ctypes.c_void_p]),
    "vz_replay_copy": (ctypes.c_void_p, [ctypes.c_void_p]),
    "vz_replay_bytes": (ctypes.c_uint64, [ctypes.c_void_p]),
    "vz_replay_inherit": (ctypes.c_int, [ctypes.c_void_p, ctypes.c_uint32, *[ctypes.c_void_p] * 3]),
    "vz_replay_feed": (ctypes.c_int, [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]),
    "vz_replay_count": (None, [ctypes.c_void_p, ctypes.c_void_p]),
    "vz_replay_copy_live": (None, [ctypes.c_void_p, ctypes.c_void_p]),
    "vz_replay_copy_results": (None, [ctypes.c_void_p, ctypes.c_void_p]),
    "vz_occupancy_new": (ctypes.c_void_p, [*[ctypes.c_uint64] * 3, ctypes.c_uint32, ctypes.c_uint32]),
    "vz_occupancy_free": (None, [ctypes.c_void_p]),
    "vz_occupancy_add": (None, [ctypes.c_void_p, ctypes.c_uint64, *[ctypes.c_void_p] * 4]),
    "vz_occupancy_rows": (ctypes.c_uint32, [ctypes.c_void_p]),
    "vz_occupancy_shift": (ctypes.c_uint32, [ctypes.c_void_p]),
    "vz_occupancy_read": (None, [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]),
    "vz_frames_number": (ctypes.c_int64, [ctypes.c_uint64, *[ctypes.c_void_p] * 4]),
    "vz_stacks_group": (ctypes.c_int64, [ctypes.c_void_p] * 4),
    "vz_paths_find": (ctypes.c_int64, [ctypes.c_void_p, ctypes.c_uint64, *[ctypes.c_void_p] * 3]),
}


def load_library() -> ctypes.CDLL:
    """Loads libvizread.

    Raises:
        KernelError: It is not there, or is another version's.
    """
    path = next((place for place in PLACES if place.exists()), None)
    if path is None:
        raise KernelError(f"{_FILE} was not built")
    try:
        library = ctypes.CDLL(str(path))
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise KernelError(f"{path} can't be loaded: {error}") from error
    return library


def pointer(array: NDArray[Any]) -> int:
    """Returns where an array's values are."""
    return int(array.ctypes.data)


def check_result(result: int) -> int:
    """Returns what a kernel returned, unless that is an error number."""
    _check(min(result, 0))
    return result


def _check(error: int) -> None:
    """Raises what an error number of a kernel means."""
    if error == -errno.ENOMEM:
        raise MemoryError("a replay needs more memory than there is")
    if error:
        raise ValueError(f"a kernel refuses its input: {os.strerror(-error)}")


def _check_decoding(error: int, content: str) -> None:
    """Raises what an error number of the decoder means."""
    if error == -errno.ENOTSUP:
        raise TraceFormatError(f"the trace is compressed, and {_FILE} was built without zstd")
    if error:
        raise TraceFormatError(f"a block of {content} contradicts itself")


class Decoder:
    """Decodes EVENTS and NODES blocks as trace.decode does; each thread has its own of what C needs."""

    def __init__(self, library: ctypes.CDLL) -> None:
        """Prepares nothing yet."""
        self._library = library
        self._of_thread = threading.local()

    def decode(self, payload: memoryview, n: int, flags: int) -> EventBlock:
        """See trace.decode.decode_events."""
        if not 1 <= n <= fmt.MAX_EVENTS:
            raise TraceFormatError("a block of events has none, or more than any block")
        free_stacks = bool(flags & fmt.BlockFlag.FREE_STACKS)
        wide, narrow, kinds = np.empty((3, n), _U64), np.empty((4, n), _U32), np.empty(n, _U8)
        (times, addresses, sizes), (threads, run_ends, ordinals, stacks) = wide, narrow
        columns = (kinds, threads, times, run_ends, addresses, ordinals, sizes, stacks)
        block = _EventBlock(n, free_stacks, 0, 0, 0, 0, *(pointer(column) for column in columns))
        source = np.frombuffer(payload, _U8)
        error = self._library.vz_decode_events(
            self._own_decoder().handle, pointer(source), len(source), ctypes.byref(block)
        )
        _check_decoding(error, "events")
        return EventBlock(
            kinds=kinds,
            threads=threads,
            run_times=times[: block.n_runs],
            run_ends=run_ends[: block.n_runs],
            addresses=addresses[: block.n_addresses],
            ordinals=ordinals,
            sizes=sizes[: block.n_sized],
            stacks=stacks[: block.n_stacked],
            free_stacks=free_stacks,
        )

    def decode_nodes(self, payload: memoryview, n: int) -> tuple[NDArray[np.uint64], ...]:
        """See trace.decode.decode_nodes."""
        if not 0 <= n <= fmt.MAX_EVENTS:
            raise TraceFormatError("a block of stack nodes has more than any block")
        columns = tuple(np.empty((4, n), _U64))
        block = _NodeBlock(*(pointer(column) for column in columns))
        source = np.frombuffer(payload, _U8)
        error = self._library.vz_decode_nodes(
            self._own_decoder().handle, pointer(source), len(source), n, ctypes.byref(block)
        )
        _check_decoding(error, "stack nodes")
        return columns

    def _own_decoder(self) -> Handle:
        handle: Handle | None = getattr(self._of_thread, "handle", None)
        if handle is None:
            handle = self._of_thread.handle = Handle(self._library.vz_decoder_new(), self._library.vz_decoder_free)
        return handle


class Handle:
    """Something that C made and is to free."""

    def __init__(self, handle: int | None, free: Any) -> None:
        """Takes what C returned, 0 or None where it had no memory, and its function to free it."""
        if not handle:
            raise MemoryError("there is no memory for a kernel")
        self.handle = ctypes.c_void_p(handle)
        self._free = free

    def __del__(self) -> None:
        """Frees it."""
        if hasattr(self, "handle"):
            self._free(self.handle)


class NativeReplay:
    """The replay of one image; kernels.Replay is its contract."""

    def __init__(self, library: ctypes.CDLL, edges: NDArray[np.uint64], inherited: LiveSet | None = None) -> None:
        """See kernels.make_replay."""
        self._library = library
        self._edges = np.ascontiguousarray(edges, _U64)
        self._state = Handle(library.vz_replay_new(pointer(self._edges), len(edges) - 1), library.vz_replay_free)
        if inherited is not None:
            columns = (inherited.addresses, inherited.sizes, inherited.start_times)
            arrays = [np.ascontiguousarray(column, _U64) for column in columns]
            pointers = [pointer(array) for array in arrays]
            _check(library.vz_replay_inherit(self._state.handle, len(inherited), *pointers))

    def feed(self, block: EventBlock, *, ended: bool = False) -> BlockBatch | None:
        """See kernels.Replay."""
        arrays = [
            np.ascontiguousarray(column, dtype)
            for column, dtype in (
                (block.kinds, _U8), (block.threads, _U32), (block.run_times, _U64), (block.run_ends, _U32),
                (block.addresses, _U64), (block.ordinals, _U32), (block.sizes, _U64), (block.stacks, _U32),
            )
        ]  # fmt: skip
        counts = (len(block.run_times), len(block.addresses), len(block.sizes), len(block.stacks))
        events = _EventBlock(len(block), block.free_stacks, *counts, *(pointer(array) for array in arrays))
        if not ended:
            _check(self._library.vz_replay_feed(self._state.handle, ctypes.byref(events), None))
            return None
        # A reallocation may end its own block and one that stood at its new address.
        columns = [np.empty(2 * len(block), dtype) for _, dtype in _ENDED_COLUMNS]
        out = _Ended(0, *(pointer(column) for column in columns))
        _check(self._library.vz_replay_feed(self._state.handle, ctypes.byref(events), ctypes.byref(out)))
        *rest, temporary, inherited = (column[: out.n] for column in columns)
        flags = (temporary.view(np.bool_), inherited.view(np.bool_))
        return BlockBatch(*rest, *flags)  # type: ignore[call-arg]

    def _count(self) -> _Counts:
        counts = _Counts()
        self._library.vz_replay_count(self._state.handle, ctypes.byref(counts))
        return counts

    def _copy_live(self) -> list[NDArray[Any]]:
        """Returns the columns of what is live, in any order."""
        n = self._count().n_live
        columns = [np.empty(n, dtype) for _, dtype in _LIVE_COLUMNS]
        self._library.vz_replay_copy_live(
            self._state.handle, ctypes.byref(_LiveColumns(*(pointer(column) for column in columns)))
        )
        return columns

    def _sort_live(self) -> list[NDArray[Any]]:
        """Returns the columns of what is live, in order."""
        columns = self._copy_live()
        addresses, sizes, start_times, _, _, pending, _ = columns
        order = sort_live(addresses, sizes, start_times, pending.view(np.bool_))
        return [column[order] for column in columns]

    def take_live_set(self, time_ns: int) -> LiveSet:
        """See kernels.Replay."""
        return LiveSet(time_ns, *self._sort_live()[:5])

    def take_live_places(self) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """See kernels.Replay."""
        addresses, sizes, *_ = self._copy_live()
        return addresses, sizes

    def take_live_batch(self) -> BlockBatch:
        """See kernels.Replay."""
        addresses, sizes, start_times, stacks, threads, _, inherited = self._sort_live()
        n = len(addresses)
        nobody = np.zeros(n, _U32)
        return BlockBatch(
            addresses=addresses,
            sizes=sizes,
            start_times=start_times,
            end_times=np.full(n, NEVER),
            start_stacks=stacks,
            end_stacks=nobody,
            start_threads=threads,
            end_threads=nobody,
            temporary=np.zeros(n, np.bool_),
            inherited=inherited.view(np.bool_),
        )

    def take_results(self) -> CoreResults:
        """See kernels.Replay."""
        counts = self._count()
        stacks = np.empty((counts.n_stacks, 11), _U64)
        threads, pairs = np.empty((counts.n_threads, 7), _U64), np.empty((counts.n_pairs, 4), _U64)
        bins = np.empty((len(self._edges) - 1, 9), _U64)
        results = _Results()
        for name, array in (("stacks", stacks), ("threads", threads), ("pairs", pairs), ("bins", bins)):
            setattr(results, name, pointer(array))
        self._library.vz_replay_copy_results(self._state.handle, ctypes.byref(results))
        peak_row = results.peak_row - 1
        return CoreResults(
            Totals(**{name: getattr(results, name) for name in _TOTALS}),
            Peak(results.peak_bytes, results.peak_blocks, results.peak_time, peak_row),
            _make_stack_table(stacks),
            _make_thread_table(threads, pairs),
            Timeline(self._edges, *(np.ascontiguousarray(column) for column in bins.T)),
        )

    def copy(self) -> NativeReplay:
        """See kernels.Replay."""
        twin = copy(self)
        twin._state = Handle(self._library.vz_replay_copy(self._state.handle), self._library.vz_replay_free)
        return twin

    @property
    def n_bytes(self) -> int:
        """See kernels.Replay."""
        return int(self._library.vz_replay_bytes(self._state.handle))


def _make_stack_table(rows: NDArray[np.uint64]) -> StackTable:
    ids, *sums = (np.ascontiguousarray(column) for column in rows[np.argsort(rows[:, 0])].T)
    return StackTable(ids.astype(_U32), *sums)


def _make_thread_table(threads: NDArray[np.uint64], pairs: NDArray[np.uint64]) -> ThreadTable:
    """Puts what threads freed of their own among the pairs; threads that only mapped memory have no row."""
    ids, allocs, n_bytes, frees, foreign_frees, own_blocks, own_bytes = threads[np.argsort(threads[:, 0])].T
    own = np.stack([ids, ids, own_blocks, own_bytes], axis=1)[own_blocks > 0]
    pairs = np.concatenate([own, pairs])
    starts, ends, pair_blocks, pair_bytes = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))].T
    kept = (allocs > 0) | (frees > 0)
    return ThreadTable(
        threads=ids[kept].astype(_U32),
        allocs=allocs[kept],
        bytes_allocated=n_bytes[kept],
        frees=frees[kept],
        foreign_frees=foreign_frees[kept],
        pair_starts=starts.astype(_U32),
        pair_ends=ends.astype(_U32),
        pair_blocks=pair_blocks.copy(),
        pair_bytes=pair_bytes.copy(),
    )
