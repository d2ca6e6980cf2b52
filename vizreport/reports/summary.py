"""The heap summary of a trace: one figure set for each process image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from vizreport.analysis.gaps import count_gaps
from vizreport.analysis.replay import Wanted, replay_images
from vizreport.analysis.suppressions import NO_SUPPRESSIONS, Suppressions
from vizreport.errors import VizzyError
from vizreport.kernels import get_kernels
from vizreport.model.replay import ImageReplay, Peak, Totals, Uncertain
from vizreport.model.stacks import Stacks
from vizreport.model.trace import Image
from vizreport.reports.stack_lists import NO_STACKS, NamedStack, Ranking, StackList, StackLister
from vizreport.symbols.symbolizer import Symbolizer
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
class Asked:
    """What is asked for.

    Attributes:
        pid: Only the images of this process.
        n_leaks: At most so many leaks of each image; None: all.
        n_others: At most so many call stacks of each of the other lists.
        folded: Leave out allocator frames.
        suppressions: Of known leaks.
        only_first: List call stacks of the first image only; the others have figures.
    """

    pid: int | None = None
    n_leaks: int | None = None
    n_others: int = 10
    folded: bool = True
    suppressions: Suppressions = NO_SUPPRESSIONS
    only_first: bool = False

    def ask_of(self, index: int) -> Asked:
        """Returns what is asked for of the image with this number."""
        return replace(self, n_leaks=0, n_others=0) if self.only_first and index > 0 else self


@dataclass(frozen=True, slots=True)
class Suppressed:
    """The leaks that one rule took out of the list."""

    name: str
    source: str
    bytes: int
    blocks: int
    n_stacks: int


@dataclass(frozen=True, slots=True)
class ImageSummary:
    """What there is to say about one process image.

    Attributes:
        unwind_gaps: Walks that were cut for want of unwind data or module.
        leaks: Live at the end, bytes and blocks; without those that are suppressed.
        held: Live at the peak, bytes and blocks.
        temporary: Temporary allocations, of all allocations.
        suppressed: By rule, in the order of the rules.
        uncertain: What dropped events may have changed.
    """

    image: Image
    totals: Totals
    peak: Peak
    unwind_gaps: int
    leaks: StackList
    held: StackList
    temporary: StackList
    suppressed: tuple[Suppressed, ...]
    uncertain: Uncertain

    @property
    def leaked_bytes(self) -> int:
        """In use at exit and not suppressed."""
        return self.totals.live_bytes - sum(rule.bytes for rule in self.suppressed)

    @property
    def leaked_blocks(self) -> int:
        """How many blocks those are."""
        return self.totals.live_blocks - sum(rule.blocks for rule in self.suppressed)

    @property
    def n_anomalies(self) -> int:
        """Everything that was lost or contradicts itself."""
        image, end = self.image, self.image.end
        lost = image.n_dropped + (end.holes if end is not None else 0) + image.n_events_lost + image.n_damaged
        return self.totals.n_unmatched_frees + self.totals.n_duplicates + self.unwind_gaps + lost

    @property
    def replaced(self) -> bool:
        """Whether an exec ended the image."""
        return self.image.end is not None and self.image.end.fate == Fate.EXEC

    @property
    def not_recorded(self) -> str | None:
        """Why the image was not recorded, or None: it was."""
        return NOT_RECORDED_TEXT.get(self.image.not_recorded)


EVERYTHING = Asked()


def summarize(
    trace: Trace,
    symbolizer: Symbolizer | None = None,
    asked: Asked = EVERYTHING,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[ImageSummary, ...]:
    """Summarises every image, or those of one process, in order of start, COMMAND first.

    Args:
        trace: What to summarise.
        symbolizer: Of the trace; None: one with no options.
        asked: What is wanted.
        progress: As in replay_images.

    Raises:
        VizzyError: No process has the pid.
    """
    symbolizer = symbolizer or Symbolizer(trace)
    chosen = {image.index for image in trace.images if asked.pid in (None, image.pid)}
    if asked.pid is not None and not chosen:
        raise VizzyError(f"{trace.path}: no process has the pid {asked.pid}; `vizreport info` lists them")
    replays = replay_images(trace, images=chosen, wanted=lambda image: Wanted(n_bins=1), progress=progress)
    summaries = [
        summarize_image(trace, replayed, symbolizer, asked.ask_of(replayed.image.index)) for replayed in replays
    ]
    return tuple(sorted(summaries, key=lambda summary: summary.image.index))


def summarize_image(trace: Trace, replayed: ImageReplay, symbolizer: Symbolizer, asked: Asked) -> ImageSummary:
    """Lists the call stacks of one image."""
    stacks = trace.read_stacks(replayed.image.index, get_kernels().decode_nodes)
    lister = None
    if asked.n_leaks != 0 or asked.n_others or asked.suppressions.rules:
        lister = StackLister(replayed.image, stacks, replayed.stacks, symbolizer, folded=asked.folded)
    return summarize_stacks(replayed, stacks, lister, asked)


def summarize_stacks(replayed: ImageReplay, stacks: Stacks, lister: StackLister | None, asked: Asked) -> ImageSummary:
    """Lists the call stacks of one image by its lister; no lister: no lists."""
    table = replayed.stacks
    leaks = held = temporary = NO_STACKS
    suppressed: tuple[Suppressed, ...] = ()
    if lister is not None:
        leaks, suppressed = _list_leaks(lister, lister.rank(table.live_bytes, table.live_blocks), asked)
        held = _list(lister, lister.rank(table.peak_bytes, table.peak_blocks), asked.n_others)
        allocs = np.where(table.temporary > 0, table.allocs, 0)
        temporary = _list(lister, lister.rank(table.temporary, allocs), asked.n_others)
    return ImageSummary(
        image=replayed.image,
        totals=replayed.totals,
        peak=replayed.peak,
        unwind_gaps=count_gaps(table, stacks),
        leaks=leaks,
        held=held,
        temporary=temporary,
        suppressed=suppressed,
        uncertain=replayed.uncertain,
    )


def _list(lister: StackLister, ranking: Ranking, top: int | None) -> StackList:
    """Returns the largest, as many as are asked for."""
    return StackList(lister.name(replace(ranking, order=ranking.order[:top])), len(ranking.order))


def _list_leaks(lister: StackLister, ranking: Ranking, asked: Asked) -> tuple[StackList, tuple[Suppressed, ...]]:
    """Returns the leaks that are not suppressed, and what was. Only rules make it necessary to name all of them."""
    rules = asked.suppressions.rules
    if not rules:
        return _list(lister, ranking, asked.n_leaks), ()
    leaks: list[NamedStack] = []
    of_rule: dict[int, list[NamedStack]] = {}
    for stack, member in zip(lister.name(ranking), lister.name_members(ranking), strict=True):
        rule = asked.suppressions.find(member)
        (leaks if rule is None else of_rule.setdefault(rule, [])).append(stack)
    suppressed = tuple(
        Suppressed(
            name=rules[rule].name,
            source=rules[rule].source,
            bytes=sum(stack.values[0] for stack in of_rule[rule]),
            blocks=sum(stack.values[1] for stack in of_rule[rule]),
            n_stacks=len(of_rule[rule]),
        )
        for rule in sorted(of_rule)
    )
    return StackList(tuple(leaks[: asked.n_leaks]), len(leaks)), suppressed
