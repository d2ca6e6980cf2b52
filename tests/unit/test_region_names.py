"""Regions are named by where they lie."""

import numpy as np
from builders import TraceBuilder

from vizreport.analysis.region_names import ARENA, HEAP, MAPPED, name_regions
from vizreport.analysis.regions import Regions
from vizreport.trace.reader import parse_trace

PROGRAM = 0x5555_0000_0000


def test_regions_are_named_by_where_they_lie() -> None:
    builder = TraceBuilder().session().image(exe=b"/bin/prog")
    builder.module(path=b"/bin/prog", start=PROGRAM, end=PROGRAM + 0x5000)
    builder.module(path=b"/lib/libc.so.6", start=0x7FFF_0000_0000, end=0x7FFF_0010_0000, module=2)
    image = parse_trace("t", memoryview(builder.build())).images[0]
    starts = [PROGRAM - 0x9000, PROGRAM + 0x100_5000, 0x7FFE_E400_0000, 0x7FFF_0010_0000]
    regions = Regions(np.array(starts, np.uint64), np.array(starts, np.uint64) + np.uint64(4096))
    assert name_regions(regions, image) == (MAPPED, HEAP, ARENA, MAPPED)


def test_an_image_without_modules_has_no_heap() -> None:
    image = parse_trace("t", memoryview(TraceBuilder().session().image().build())).images[0]
    regions = Regions(np.array([PROGRAM + 0x1000], np.uint64), np.array([PROGRAM + 0x2000], np.uint64))
    assert name_regions(regions, image) == (MAPPED,)
