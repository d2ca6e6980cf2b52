"""Names that a thread finds: until then modules and offsets, then what a Symbolizer says."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import TraceBuilder, malloc

from vizreport.kernels import get_kernels
from vizreport.live import background_names
from vizreport.live.background_names import BackgroundNames, NameThread
from vizreport.model.frames import Frame
from vizreport.symbols.options import SymbolOptions
from vizreport.trace.reader import Trace, read_trace


@pytest.fixture
def trace(tmp_path: Path) -> Trace:
    builder = TraceBuilder().session().image(0).module(path=b"/opt/lib/libx.so", bias=0x800)
    builder.nodes([(3, 0, 0x1100), (4, 3, 0x2200), (5, 3, 0xF000)]).events([malloc(16, 1, stack=4)]).image_end(0)
    path = tmp_path / "t.trace"
    path.write_bytes(builder.build())
    return read_trace(str(path))


class Slow:
    """Stands for a Symbolizer that reads for a long time."""

    may_answer = threading.Event()
    warnings = ("slow",)

    def __init__(self, *_: Any) -> None: ...

    def find_frames(self, _image: Any, pcs: Any, _codes: Any) -> list[tuple[Frame, ...]]:
        assert self.may_answer.wait(30)
        return [(Frame(f"f{pc:x}", "/opt/lib/libx.so", pc),) for pc in pcs.tolist()]


def functions(names: BackgroundNames, trace: Trace) -> list[str | None]:
    stacks = trace.read_stacks(0, get_kernels().decode_nodes)
    found = names.name_stacks(trace.images[0], stacks, np.arange(3))
    return [found.frames(row)[0].function for row in range(3)]


def wait(names: BackgroundNames) -> None:
    deadline = time.monotonic() + 30
    while names.n_waiting:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_asking_never_waits(trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_names, "Symbolizer", Slow)
    monkeypatch.setattr(Slow, "may_answer", threading.Event())
    names = BackgroundNames(str(trace.path), SymbolOptions(), NameThread())
    assert functions(names, trace) == [None] * 3
    stacks = trace.read_stacks(0, get_kernels().decode_nodes)
    found = names.name_stacks(trace.images[0], stacks, np.arange(3))
    assert [found.frames(row)[0].module for row in range(3)] == ["/opt/lib/libx.so", "/opt/lib/libx.so", None]
    assert found.frames(0)[0].address == 0x1100 - 0x800
    assert (names.n_waiting, names.n_answers) == (3, 0)  # asked for once
    Slow.may_answer.set()
    wait(names)
    assert functions(names, trace) == ["f1100", "f2200", "ff000"]
    assert (names.n_answers, names.warnings) == (1, ("slow",))


def test_no_symbols_asks_nobody(trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_names, "Symbolizer", None)
    names = BackgroundNames(str(trace.path), SymbolOptions(use_symbols=False), NameThread())
    assert functions(names, trace) == [None] * 3
    assert names.n_waiting == 0


def test_a_trace_that_is_gone_is_a_warning(trace: Trace) -> None:
    names = BackgroundNames("/nowhere/t.trace", SymbolOptions(), NameThread())
    assert functions(names, trace) == [None] * 3
    wait(names)
    assert "/nowhere/t.trace" in names.warnings[0]


def test_just_in_time_code_is_looked_for_again_at_the_end(trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its maps are in the trace only then."""
    monkeypatch.setattr(background_names, "Symbolizer", Slow)
    monkeypatch.setattr(Slow, "may_answer", threading.Event())
    Slow.may_answer.set()
    monkeypatch.setattr(
        Slow, "find_frames", lambda _, image, pcs, codes: [(Frame(None, None, int(pc)),) for pc in pcs.tolist()]
    )
    names = BackgroundNames(str(trace.path), SymbolOptions(), NameThread())
    stacks, image = trace.read_stacks(0, get_kernels().decode_nodes), trace.images[0]
    running = image.__class__(**{name: getattr(image, name) for name in image.__slots__} | {"end": None})
    for shown, answers in ((running, 1), (running, 1), (image, 2), (image, 2)):
        names.name_stacks(shown, stacks, np.arange(3))
        wait(names)
        assert names.n_answers == answers


def test_what_fails_harms_no_other_trace(trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    thread = NameThread()
    broken, whole = (BackgroundNames(str(trace.path), SymbolOptions(), thread) for _ in range(2))
    with monkeypatch.context() as patched:
        patched.setattr(background_names, "Symbolizer", lambda *_: 1 / 0)
        functions(broken, trace)
        wait(broken)
    assert "no names" in broken.warnings[0]
    monkeypatch.setattr(background_names, "Symbolizer", Slow)
    Slow.may_answer.set()
    functions(whole, trace)
    wait(whole)
    assert functions(whole, trace) == ["f1100", "f2200", "ff000"]
