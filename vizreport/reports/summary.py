"""The heap summary of a trace: one figure set for each process image."""

from __future__ import annotations

from dataclasses import dataclass

from vizreport.analysis.gaps import count_gaps
from vizreport.analysis.leaks import Leak, find_leaks
from vizreport.analysis.replay import replay_images
from vizreport.errors import VizzyError
from vizreport.model.frames import Frame
from vizreport.model.replay import ImageReplay, Peak, Totals
from vizreport.model.trace import Image
from vizreport.symbols.resolver import Resolver, Tables
from vizreport.trace.format import Fate, NotRecorded
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
    usage: Totals
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
    images = None if pid is None else {image.index for image in trace.images if image.pid == pid}
    summaries = [_summarize_image(trace, replay, tables, top) for replay in replay_images(trace, images=images)]
    return tuple(sorted(summaries, key=lambda summary: summary.image.index))


def _summarize_image(trace: Trace, replay: ImageReplay, tables: Tables, top: int | None) -> ImageSummary:
    """Puts together what is said of one image."""
    stacks = trace.read_stacks(replay.image.index)
    leaks = find_leaks(replay.stacks, stacks)
    resolver = Resolver(stacks, replay.image.modules, tables)
    return ImageSummary(
        image=replay.image,
        usage=replay.totals,
        peak=replay.peak,
        temporary_allocs=replay.totals.n_temporary,
        unmatched_frees=replay.totals.n_unmatched_frees,
        duplicate_allocations=replay.totals.n_duplicates,
        unwind_gaps=count_gaps(replay.stacks, stacks),
        leaks=tuple(_name_leak(leak, resolver) for leak in leaks[:top]),
        n_leaks=len(leaks),
    )


def _name_leak(leak: Leak, resolver: Resolver) -> NamedLeak:
    frames = tuple(resolver.resolve(row) for row in leak.rows)
    return NamedLeak(leak.bytes, leak.blocks, frames, leak.root)
