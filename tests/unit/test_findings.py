"""Each kind of finding appears on two heaps where it is so, and not on one where it isn't quite."""

from __future__ import annotations

import numpy as np
import pytest
from blocks import Block, make_live_set, split
from trees import make_tree

from vizreport.analysis.figures import PEAK
from vizreport.analysis.findings import (
    LargestLeak,
    PinnedPages,
    SteadyGrowth,
    find_foreign_frees,
    find_largest_leak,
    find_many_temporaries,
    find_peak_owner,
    find_pinned_pages,
    find_steady_growth,
)
from vizreport.analysis.fragmentation import find_pinning_stacks, measure_fragmentation
from vizreport.analysis.owners import find_dominator
from vizreport.analysis.pictures import Moment
from vizreport.analysis.ranges import RangeAccumulator
from vizreport.model.replay import CERTAIN, StackTable, ThreadTable, Totals, Uncertain

S = 1_000_000_000


def make_totals(**figures: int) -> Totals:
    return Totals(**{**dict.fromkeys(Totals.__dataclass_fields__, 0), **figures})


PROGRAM = (0, "_start"), (1, "main"), (2, "parse_config"), (3, "std::vector<int>::push_back(int&&)"), (2, "serve")


@pytest.mark.parametrize(
    ("peak", "function", "share"),
    [
        ([0, 0, 80, 1, 19], "parse_config", 0.81),
        ([0, 0, 0, 60, 40], "parse_config", 0.6),  # in a container, which is named by who fills it
        ([0, 0, 10, 0, 90], "serve", 0.9),
    ],
)
def test_the_owner_of_the_peak(peak: list[int], function: str, share: float) -> None:
    finding = find_peak_owner(make_tree(*PROGRAM, peak=peak))
    assert finding is not None
    assert finding.peak_bytes == 100
    assert finding.owner.frame.function == function
    assert finding.owner.share == pytest.approx(share)


@pytest.mark.parametrize("peak", [[0, 0, 50, 0, 50], [0, 100, 0, 0, 0], [0, 0, 0, 0, 0]])
def test_a_peak_that_nobody_owns(peak: list[int]) -> None:
    assert find_peak_owner(make_tree(*PROGRAM, peak=peak)) is None


def test_a_main_of_the_programs_own_is_no_owner() -> None:
    nodes = (0, "main"), (1, "real_main"), (2, "load"), (2, "run")
    assert find_peak_owner(make_tree(*nodes, peak=[0, 0, 50, 50], count=[0, 1, 50, 50])) is None
    finding = find_peak_owner(make_tree(*nodes, peak=[0, 0, 40, 60], count=[0, 1, 50, 50]))
    assert finding is not None
    assert finding.owner.frame.function == "run"
    only_one = find_peak_owner(make_tree(*nodes, peak=[0, 100], count=[0, 100]))
    assert only_one is not None
    assert only_one.owner.frame.function == "real_main"


def test_the_dominator_is_the_deepest() -> None:
    tree = make_tree(*PROGRAM, peak=[0, 0, 20, 60, 20])
    assert [find_dominator(tree.total_values[:, PEAK], share=share) for share in (0.5, 0.6, 0.8, 0.99, 1)] == [
        4,
        3,
        2,
        2,
        0,
    ]


@pytest.mark.parametrize(("temporary", "owner"), [([0, 0, 0, 300, 0], "parse_config"), ([0, 0, 500, 0, 500], None)])
def test_many_temporaries(temporary: list[int], owner: str | None) -> None:
    totals = make_totals(allocs=1000, n_temporary=sum(temporary))
    finding = find_many_temporaries(totals, make_tree(*PROGRAM, temporary=temporary))
    assert finding is not None
    assert (finding.temporary, finding.allocs) == (sum(temporary), 1000)
    assert (finding.owner.frame.function if finding.owner else None) == owner


@pytest.mark.parametrize(("allocs", "temporary"), [(1000, 299), (999, 900)])
def test_few_temporaries(allocs: int, temporary: int) -> None:
    totals = make_totals(allocs=allocs, n_temporary=temporary)
    assert find_many_temporaries(totals, make_tree(*PROGRAM, temporary=[0, 0, temporary])) is None


@pytest.mark.parametrize(
    ("leaked", "node"), [([0, 0, 0, 0, 4096], 5), ([0, 0, 2048, 0, 2048], 3), ([1, 0, 0, 9999], 4)]
)
def test_the_largest_leak(leaked: list[int], node: int) -> None:
    totals = make_totals(live_bytes=sum(leaked), live_blocks=7)
    finding = find_largest_leak(totals, make_tree(*PROGRAM, leaked=leaked))
    assert finding == LargestLeak(node, max(leaked), sum(leaked), 7)


@pytest.mark.parametrize("leaked", [[0, 0, 4000, 3000, 2000], [0, 0, 4095], [0, 0, 0]])
def test_no_leak_is_the_largest_by_far(leaked: list[int]) -> None:
    totals = make_totals(live_bytes=sum(leaked))
    assert find_largest_leak(totals, make_tree(*PROGRAM, leaked=leaked)) is None


@pytest.mark.parametrize(("uncertain", "found"), [(0, True), (3999, True), (4001, False)])
def test_what_dropped_events_may_have_freed_is_no_leak(uncertain: int, found: bool) -> None:
    tree, totals = make_tree(*PROGRAM, leaked=[0, 0, 8000]), make_totals(live_bytes=8000)
    assert (find_largest_leak(totals, tree, Uncertain(9, uncertain, 9)) is not None) is found


def watch(blocks: list[Block], seconds: int = 64, uncertain: Uncertain = CERTAIN) -> SteadyGrowth | None:
    slots = np.array([0, 1])
    accumulator = RangeAccumulator(0, seconds * S - 1, stacks=np.array([7, 8], np.uint32), slots=slots)
    for batch in split(blocks, 100):
        accumulator.add(batch)
    return find_steady_growth(accumulator.result(), np.array([3, 5]), make_tree(*PROGRAM), uncertain)


KEPT = [Block(k, 1000, k * S, stack=8) for k in range(64)]
CHURN = [Block(k, 500, k * S, k * S + 3 * S, stack=7) for k in range(64)]


@pytest.mark.parametrize("blocks", [KEPT, KEPT + CHURN])
def test_steady_growth(blocks: list[Block]) -> None:
    finding = watch(blocks)
    assert finding is not None
    assert finding.bytes_per_minute == 60_000
    assert finding.owner is not None
    assert (finding.owner.frame.function, finding.owner.value) == ("serve", 60_000)


@pytest.mark.parametrize(
    "blocks",
    [
        CHURN,
        [],
        [Block(0, 1000), *CHURN],
        KEPT[:20],  # only at the start
        [Block(0, 1_000_000), *KEPT],  # little beside what is there
        [Block(k, 1000, k * S, 63 * S) for k in range(64)],  # all is freed at the end
    ],
)
def test_no_steady_growth(blocks: list[Block]) -> None:
    assert watch(blocks) is None


def test_what_dropped_events_may_have_freed_is_no_growth() -> None:
    assert watch(KEPT, uncertain=Uncertain(9, 40_000, 9)) is not None
    assert watch(KEPT, uncertain=Uncertain(9, 45_000, 9)) is None


def test_a_short_run_has_no_rate() -> None:
    assert watch([Block(k, 1000, k * S // 16) for k in range(64)], seconds=4) is None


def pin(blocks: list[Block]) -> PinnedPages | None:
    live = make_live_set(blocks, 9)
    ids = np.array([7, 8], np.uint32)
    stacks = StackTable(ids, *(np.zeros(2, np.uint64) for _ in range(10)))
    tree = make_tree(*PROGRAM, ends=[3, 5])
    return find_pinned_pages(Moment(measure_fragmentation(live), find_pinning_stacks(live)), stacks, tree)


SCATTERED = [Block(k * 4096, 64, stack=8) for k in range(300)]


@pytest.mark.parametrize("blocks", [SCATTERED, [*SCATTERED, Block(1 << 30, 1 << 20, stack=7)]])
def test_pinned_pages(blocks: list[Block]) -> None:
    finding = pin(blocks)
    assert finding is not None
    assert (finding.empty_bytes, finding.pinned_bytes, finding.node, finding.time_ns) == (300 * 4032, 300 * 4032, 5, 9)


@pytest.mark.parametrize("blocks", [[], SCATTERED[:100], [*SCATTERED, Block(1 << 30, 8 << 20, stack=7)]])
def test_no_pinned_pages(blocks: list[Block]) -> None:
    assert pin(blocks) is None


def make_threads(*pairs: tuple[int, int, int]) -> ThreadTable:
    starts, ends, blocks = zip(*pairs, strict=True) if pairs else ((), (), ())
    columns = dict.fromkeys(ThreadTable.__dataclass_fields__, np.zeros(0, np.uint64))
    columns |= {
        "pair_starts": np.array(starts, np.uint64),
        "pair_ends": np.array(ends, np.uint64),
        "pair_blocks": np.array(blocks, np.uint64),
    }
    return ThreadTable(**columns)  # type: ignore[arg-type]


@pytest.mark.parametrize("own", [0, 9000])
def test_foreign_frees(own: int) -> None:
    finding = find_foreign_frees(make_threads((0, 0, own), (0, 1, 1000)))
    assert finding is not None
    assert (finding.start_thread, finding.end_thread, finding.blocks, finding.ended_blocks) == (0, 1, 1000, own + 1000)


@pytest.mark.parametrize("pairs", [[], [(0, 0, 9001), (0, 1, 1000)], [(0, 1, 999)]])
def test_no_foreign_frees(pairs: list[tuple[int, int, int]]) -> None:
    assert find_foreign_frees(make_threads(*pairs)) is None
