"""The heap summary of a trace: one figure set for each process image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from vizreport.analysis.gaps import count_gaps
from vizreport.analysis.inheritance import find_inherited
from vizreport.analysis.leaks import Leak, find_leaks
from vizreport.analysis.peak import Peak, find_peak
from vizreport.analysis.temporary import find_temporary
from vizreport.analysis.usage import Usage, sum_usage
from vizreport.errors import VizzyError
from vizreport.kernels import replay
from vizreport.model.blocks import NOTHING_INHERITED, Inherited
from vizreport.model.frames import Frame
from vizreport.model.trace import Image
from vizreport.symbols.resolver import Resolver, Tables
from vizreport.trace.format import Fate, NotRecorded, Origin
from vizreport.trace.reader import Trace

NOT_RECORDED_TEXT: dict[NotRecorded, str] = {
    NotRecorded.STATIC: "statically linked: nothing can be preloaded into it",
    NotRecorded.SETUID: "runs with other privileges: the loader ignores preloading",
    NotRecorded.WRONG_CLASS: "of another architecture than the recorder",
    NotRecorded.OTHER_LIBC: "uses another C library than glibc",
    NotRecorded.SANITIZER: "carries a sanitizer, whose runtime insists on being loaded first",
    NotRecorded.UNREACHABLE: "could not reach the recorder (chroot, another user or name space)",
    NotRecorded.EXECUTABLE: "neither an ELF file nor a script",
    NotRecorded.NO_REGION: "more processes at once than the recorder has room for",
    NotRecorded.CHILD: "children were not to be recorded (--children none)",
}


@dataclass(frozen=True, slots=True)
class NamedLeak:
    """A leak with its call stack, leaf first.

    Attributes:
        root: format.NODE_COMPLETE, NODE_DEPTH_CUT or NODE_UNWIND_GAP: where the stack ends.
    """

    bytes: int
    blocks: int
    stack: tuple[Frame, ...]
    root: int


@dataclass(frozen=True, slots=True)
class ImageSummary:
    """What there is to say about one process image.

    Attributes:
        temporary_allocs: Own blocks that were given back before their thread allocated again.
        unwind_gaps: Events whose stack was cut for want of unwind data or module.
        leaks: Those with most bytes first; as many as were asked for.
        n_leaks: Call stacks that leak.
    """

    image: Image
    usage: Usage
    peak: Peak
    temporary_allocs: int
    unmatched_frees: int
    duplicate_allocations: int
    unwind_gaps: int
    leaks: tuple[NamedLeak, ...]
    n_leaks: int

    @property
    def replaced(self) -> bool:
        """Whether an exec ended the image."""
        return self.image.end is not None and self.image.end.fate == Fate.EXEC

    @property
    def not_recorded(self) -> str | None:
        """Why the image was not recorded, or None: it was."""
        return NOT_RECORDED_TEXT.get(self.image.not_recorded)


def summarize(trace: Trace, *, pid: int | None = None, top: int | None = None) -> tuple[ImageSummary, ...]:
    """Summarises every image, or those of one process, in order of start, COMMAND first.

    Args:
        trace: What to summarise.
        pid: Only the images of this process.
        top: At most so many leaks of each; None: all.

    Raises:
        VizzyError: No process has this pid.
    """
    if pid is not None and all(image.pid != pid for image in trace.images):
        raise VizzyError(f"{trace.path}: no process has the pid {pid}; `vizreport info` lists them")
    tables: Tables = {}
    inheritances: dict[int, Inherited] = {}
    summaries = [
        summary
        for image in _parents_first(trace.images)
        if (summary := _summarize_image(trace, image, inheritances, tables, top)) and pid in (None, image.pid)
    ]
    return tuple(sorted(summaries, key=lambda summary: summary.image.index))


def _parents_first(images: tuple[Image, ...]) -> Iterator[Image]:
    """Yields each image after the one it was forked from, whatever their order in the file."""
    by_index = {image.index: image for image in images}
    done: set[int] = set()
    for image in images:
        chain: list[Image] = []
        while image.index not in done:
            done.add(image.index)
            chain.append(image)
            if image.parent not in by_index:
                break
            image = by_index[image.parent]
        yield from reversed(chain)


def _summarize_image(
    trace: Trace, image: Image, inheritances: dict[int, Inherited], tables: Tables, top: int | None
) -> ImageSummary:
    """Replays one image; leaves in ``inheritances`` what those forked from it start with."""
    events, stacks = trace.read_events(image.index), trace.read_stacks(image.index)
    blocks = replay(events, inheritances.pop(image.index, NOTHING_INHERITED))
    for child in trace.images:
        if child.parent == image.index and child.origin == Origin.FORK:
            inheritances[child.index] = find_inherited(events, blocks, child.start_time_ns)
    leaks = find_leaks(events, blocks, stacks)
    resolver = Resolver(stacks, image.modules, tables)
    return ImageSummary(
        image=image,
        usage=sum_usage(events, blocks),
        peak=find_peak(events, blocks),
        temporary_allocs=int(np.count_nonzero(find_temporary(events, blocks))),
        unmatched_frees=blocks.n_unmatched_frees,
        duplicate_allocations=blocks.n_duplicates,
        unwind_gaps=count_gaps(events, stacks),
        leaks=tuple(_name_leak(leak, resolver) for leak in leaks[:top]),
        n_leaks=len(leaks),
    )


def _name_leak(leak: Leak, resolver: Resolver) -> NamedLeak:
    frames = tuple(resolver.resolve(row) for row in leak.rows)
    return NamedLeak(leak.bytes, leak.blocks, frames, leak.root)
