"""What a trace file holds, before any interpretation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vizreport.trace.format import Fate, NotRecorded, Origin, Stop


@dataclass(frozen=True, slots=True)
class Events:
    """Events of one process image, in their authoritative order.

    Attributes:
        kinds: uint8[n], numbers of kinds.def.
        threads: uint32[n], indexes of Image.threads.
        times: uint64[n], ns since start, non-decreasing.
        addresses: uint64[n].
        sizes: uint64[n], bytes; 0 where the kind has none.
        stacks: uint32[n], stack node ids; 0 where none was taken.
    """

    kinds: NDArray[np.uint8]
    threads: NDArray[np.uint32]
    times: NDArray[np.uint64]
    addresses: NDArray[np.uint64]
    sizes: NDArray[np.uint64]
    stacks: NDArray[np.uint32]

    def __post_init__(self) -> None:
        """Checks that the columns agree, and makes them read-only."""
        for column in (self.kinds, self.threads, self.times, self.addresses, self.sizes, self.stacks):
            if len(column) != len(self.kinds):
                raise ValueError("columns of different lengths")
            column.flags.writeable = False

    def __len__(self) -> int:
        """Returns the number of events."""
        return len(self.kinds)


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread of a process image."""

    index: int
    tid: int
    name: str
    first_time_ns: int


@dataclass(frozen=True, slots=True)
class Module:
    """An ELF object, mapped at [start, end) while code generations [generation, gone) lasted.

    Attributes:
        bias: Runtime address minus ELF virtual address.
        gone: First generation without it, or None: it stayed.
    """

    module_id: int
    path: str
    build_id: bytes
    start: int
    end: int
    bias: int
    generation: int
    gone: int | None
    time_ns: int


@dataclass(frozen=True, slots=True)
class Samples:
    """Resident memory of a process image.

    Attributes:
        times: uint64[n], ns since start.
        rss: uint64[n], bytes.
        pss: uint64[n], bytes; format.NO_VALUE where it was not taken.
    """

    times: NDArray[np.uint64]
    rss: NDArray[np.uint64]
    pss: NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Drops:
    """Events of a process image that could not be recorded, by spans of time in which they were dropped.

    Attributes:
        starts: uint64[n], ns since start, non-decreasing.
        ends: uint64[n], ns since start, non-decreasing; the span includes it.
        events: uint64[n], how many were dropped in it.
    """

    starts: NDArray[np.uint64]
    ends: NDArray[np.uint64]
    events: NDArray[np.uint64]

    def __len__(self) -> int:
        """Returns the number of spans."""
        return len(self.events)


NO_DROPS = Drops(*(np.zeros(0, np.uint64) for _ in range(3)))


@dataclass(frozen=True, slots=True)
class Note:
    """Something that a reader of the trace should know."""

    type: int
    value: int
    text: str
    time_ns: int


@dataclass(frozen=True, slots=True)
class ImageEnd:
    """How a process image ended, and what was lost of it."""

    time_ns: int
    fate: Fate
    fate_value: int
    events: int
    dropped: int
    reordered: int
    holes: int
    stopped: Stop


@dataclass(frozen=True, slots=True)
class Image:
    """A process image: a process from its start, or from an exec, to its end or its next exec.

    Attributes:
        index: Its number in the trace, in order of appearance.
        exec_number: 0 for the process's first image.
        parent: Index of the image it was forked from or that it replaced, or None.
        start_time_ns: Of a fork: events of the parent up to and including it are inherited.
        known: False where the description itself was damaged.
        end: None where the trace does not tell.
        drops: When events were dropped; recordings before format 1.2 tell only how many.
        n_events: Events in the blocks that are sound.
        n_events_lost: Events in damaged blocks, as far as their headers tell.
        n_damaged: Damaged blocks of this image.
    """

    index: int
    pid: int
    ppid: int
    exec_number: int
    origin: Origin
    parent: int | None
    not_recorded: NotRecorded
    start_time_ns: int
    exe: str
    cwd: str
    args: tuple[str, ...]
    known: bool
    end: ImageEnd | None
    threads: tuple[Thread, ...]
    modules: tuple[Module, ...]
    samples: Samples
    drops: Drops
    notes: tuple[Note, ...]
    n_events: int
    n_events_lost: int
    n_damaged: int

    @property
    def n_dropped(self) -> int:
        """Events that could not be recorded, as far as the trace tells."""
        told = int(self.drops.events.sum(dtype=np.uint64))
        return max(told, self.end.dropped) if self.end is not None else told

    @property
    def command(self) -> tuple[str, ...]:
        """The arguments, or the executable alone where the arguments are not known, or nothing."""
        return self.args or ((self.exe,) if self.exe else ())


@dataclass(frozen=True, slots=True)
class Session:
    """What holds for the whole recording.

    Attributes:
        start_wall_ns: Time of day when times were 0, ns since the epoch.
        args: COMMAND and its arguments.
    """

    format_version: str
    recorder_version: str
    host: str
    system: str
    args: tuple[str, ...]
    start_wall_ns: int
    time_resolution_ns: int
    max_depth: int
    free_stacks: bool


@dataclass(frozen=True, slots=True)
class Completeness:
    """Whether all that was recorded is there.

    Attributes:
        n_blocks: Sound blocks.
        n_damaged: Blocks that are damaged or missing before the last sound one.
        ended: The recording was ended in order: the END block is there.
        indexed: The index at the end of the file is sound.
        cut_bytes: Bytes after the last sound block that are no whole block.
        images_missed: Process images that found no room to record.
    """

    n_blocks: int
    n_damaged: int
    ended: bool
    indexed: bool
    cut_bytes: int
    images_missed: int

    @property
    def complete(self) -> bool:
        """True if nothing of the recording is missing."""
        return self.ended and self.n_damaged == 0
