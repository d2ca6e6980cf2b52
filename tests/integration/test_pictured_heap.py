"""What the pictures show of a real heap is what its program says of its own addresses."""

from recording import Program, Record

import vizreport
from vizreport.analysis.layout import LEAST_HOLE
from vizreport.analysis.pictures import PictureCollector
from vizreport.analysis.replay import replay_images

PAGE = 4096
N_BLOCKS, KEEP_ONE_IN = 16000, 32


def test_a_fragmented_heap(record: Record, program: Program) -> None:
    recording = record(program("fragments.c"))
    live_bytes, held, mostly_empty, empty_bytes = map(int, recording.stdout.split())
    n_kept = N_BLOCKS // KEEP_ONE_IN

    trace = vizreport.open_trace(recording.trace)
    (first,) = replay_images(trace)
    assert len(first.stacks) == 1
    collector = PictureCollector(first, first.stacks.stacks.astype("int64") * 0)
    (second,) = replay_images(trace, wanted=lambda image: collector.wanted)
    pictures = collector.finish(second)

    fragmentation, pinning = pictures.end.fragmentation, pictures.end.pinning
    assert (fragmentation.live_bytes, fragmentation.held_bytes) == (live_bytes, held * PAGE)
    assert (pinning.n_pages, pinning.empty_bytes) == (mostly_empty, empty_bytes)
    assert round(pinning.pinned_bytes[0]) == empty_bytes
    assert pinning.releasable_bytes.tolist() == [mostly_empty * PAGE]
    assert pictures.held.held_bytes[-1] == held * PAGE
    assert pictures.ranges.sum_live()[:, -1].sum() == live_bytes

    # All were live at the peak, side by side: what lies between them is glibc's headers and padding.
    peak, layout = pictures.peak.fragmentation, pictures.layouts[pictures.peak_layout]
    assert peak.live_bytes == first.peak.bytes == first.totals.bytes_allocated
    assert layout.n_blocks == N_BLOCKS
    assert layout.holes.counts.tolist() == [0]
    assert 0 <= peak.held_bytes - peak.chunk_bytes < 2 * PAGE
    assert pictures.layouts[-1].holes.counts.tolist() == [n_kept - 1]
    assert pictures.layouts[-1].holes.largest[0] >= LEAST_HOLE
