"""`info`: what it says beside what test_summary.py asks of it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from builders import TraceBuilder, pack

from vizreport.kernels import get_kernels
from vizreport.reports.info import describe_info, write_info
from vizreport.trace import format as fmt
from vizreport.trace.reader import Trace

Load = Callable[[bytes], Trace]


def test_what_replays(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = load(TraceBuilder().session().build())
    get_kernels.cache_clear()
    monkeypatch.setenv("VIZZY_KERNELS", "numpy")
    try:
        assert describe_info(trace)["kernels"].startswith("numpy, many times slower than native: ")
        assert any(line.startswith("kernels: numpy") for line in write_info(trace))
    finally:
        get_kernels.cache_clear()


def test_maps_of_compiled_code(load: Load) -> None:
    text = b"10 8 one\n18 8 two\n"
    record = pack(fmt.JIT_MAP_RECORD, text_bytes=len(text)) + text
    builder = TraceBuilder().image().block(fmt.BlockType.JIT_MAP, record + bytes(-len(record) % 8), image=0)
    trace = load(builder.build())
    assert describe_info(trace)["processes"][0]["jit_map_lines"] == 2
    assert "    2 lines of a perf map, which names just-in-time compiled code" in list(write_info(trace))


def test_no_names(load: Load) -> None:
    described = json.loads(json.dumps(describe_info(load(TraceBuilder().session().image().build()))))
    assert described["names"] == {"modules": 0, "addresses": 0}
    assert described["processes"][0]["jit_map_lines"] == 0
