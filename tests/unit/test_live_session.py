"""Figures of a trace that grows: at its end those of the report, however it came; before, those of what was there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from builders import Event, TraceBuilder, free, malloc
from hypothesis import given
from hypothesis import strategies as st

from vizreport.analysis.replay import replay_images
from vizreport.errors import TraceFormatError
from vizreport.live.session import LiveFigures, LiveSession
from vizreport.trace import format as fmt
from vizreport.trace.reader import read_trace

S = 1_000_000_000


def build(events: list[list[Event]], *, resolution_ns: int = 1) -> TraceBuilder:
    """Two images, whose blocks come in turns."""
    builder = TraceBuilder(resolution_ns=resolution_ns).session().image(0, pid=7).image(1, pid=8)
    for index, block in enumerate(events):
        builder.nodes([(3 + 2 * index, 0, 0x1000), (4 + 2 * index, 3 + 2 * index, 0x2000)], image=index % 2)
        builder.events(block, image=index % 2)
    return builder.image_end(0, dropped=3).image_end(1)


def figures_of(result: Any) -> dict[str, Any]:
    values = {name: getattr(result, name) for name in type(result).__slots__}
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in values.items()}


def drain(session: LiveSession, **limits: int) -> None:
    while session.advance(**limits):
        pass


OPENED: list[LiveSession] = []


@pytest.fixture(autouse=True)
def _close_sessions() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop().close()


def follow(path: Path, data: bytes, **limits: int) -> LiveSession:
    path.write_bytes(data)
    session = LiveSession(str(path))
    OPENED.append(session)
    drain(session, **limits)
    return session


def check_end(session: LiveSession, path: Path) -> None:
    replays = {replayed.image.index: replayed for replayed in replay_images(read_trace(str(path)))}
    assert {image.index for image in session.list_images()} == set(replays)
    for index, replayed in replays.items():
        live = session.look(index)
        assert live.n_lost == 0
        for name in ("totals", "peak", "stacks", "threads"):
            assert figures_of(getattr(live.core, name)) == figures_of(getattr(replayed, name))
        assert int(live.core.timeline.last_bytes[-1]) == replayed.totals.live_bytes
        assert int(live.core.timeline.allocs.sum()) == replayed.totals.allocs
        assert live.image.pid == replayed.image.pid


BLOCKS = st.lists(
    st.lists(
        st.builds(
            Event,
            kind=st.sampled_from([1, 1, 16, 24, 25, 26, 27]),
            address=st.sampled_from([16, 32, 48]),
            size=st.integers(0, 99),
            stack=st.integers(0, 4),
        ),
        min_size=1,
        max_size=12,
    ),
    min_size=1,
    max_size=5,
)


@given(blocks=BLOCKS, cuts=st.lists(st.floats(0, 1), max_size=6))
def test_pieces_give_what_the_whole_gives(
    tmp_path_factory: pytest.TempPathFactory, blocks: list[list[Event]], cuts: list[float]
) -> None:
    times = iter(range(1000))
    events = [[Event(e.kind, e.address, e.size, e.stack, time=next(times)) for e in block] for block in blocks]
    data = build(events).build()
    path = tmp_path_factory.mktemp("grows") / "t.trace"
    path.touch()
    session = LiveSession(str(path))
    with path.open("ab") as file:
        for cut in sorted({0, len(data), *(int(share * len(data)) for share in cuts)}):
            file.write(data[file.tell() : cut])
            file.flush()
            drain(session)
    assert session.done
    check_end(session, path)
    session.close()


def look_at(path: Path, builder: TraceBuilder, **limits: int) -> LiveFigures:
    return follow(path, builder.build(), **limits).look(0)


EVENTS = [malloc(16, 100, stack=2, time=0), malloc(32, 50, stack=3, time=1 * S), free(16, time=2 * S)]


def test_nothing_beyond_what_is_sound_is_read(tmp_path: Path) -> None:
    data = build([EVENTS]).build()
    session = follow(tmp_path / "t.trace", data, end=len(data) // 2)
    assert not session.done
    drain(session, end=len(data))
    assert session.done


def test_growth_is_of_the_last_minute(tmp_path: Path) -> None:
    leak = [malloc(k * 4096, 1000, stack=2, time=k * S) for k in range(1, 181)]
    once = [malloc(8, 1 << 20, stack=3, time=0)]
    builder = TraceBuilder().session().image(0)
    for block in (once, leak[:30], leak[30:60], leak[60:90], leak[90:]):
        builder.events(block)
    live = follow(tmp_path / "t.trace", builder.build()).look(0)
    rates = dict(zip(live.core.stacks.stacks.tolist(), live.growth.tolist(), strict=True))
    assert rates[3] == 0
    assert rates[2] == pytest.approx(60_000, rel=0.02)


def test_a_rate_is_of_the_last_two_seconds(tmp_path: Path) -> None:
    events = [malloc(16 * k, 10, time=k * S // 100) for k in range(1000)]
    builder = TraceBuilder().session().image(0)
    for begin in range(0, 1000, 50):
        builder.events(events[begin : begin + 50])
    rate = follow(tmp_path / "t.trace", builder.build()).look(0).rate
    assert rate.events == pytest.approx(100, rel=0.3)
    assert rate.bytes_allocated == pytest.approx(1000, rel=0.3)


def test_losses_are_counted(tmp_path: Path) -> None:
    builder = build([EVENTS, EVENTS])
    entry = np.frombuffer(builder.entries[4], fmt.INDEX_ENTRY)[0]
    assert entry["type"] == fmt.BlockType.EVENTS
    data = bytearray(builder.build())
    data[int(entry["offset"]) + fmt.BLOCK_HEADER.itemsize] ^= 1
    session = follow(tmp_path / "t.trace", bytes(data))
    live = session.look(0)
    assert session.done
    assert (live.n_lost, live.n_dropped, live.core.totals.allocs) == (1, 3, 0)


def test_a_gap_is_skipped(tmp_path: Path) -> None:
    builder = build([EVENTS, EVENTS])
    first = int(np.frombuffer(builder.entries[4], fmt.INDEX_ENTRY)[0]["offset"])
    second = int(np.frombuffer(builder.entries[5], fmt.INDEX_ENTRY)[0]["offset"])
    data = bytearray(builder.build())
    data[first:second] = bytes(second - first)
    session = follow(tmp_path / "t.trace", bytes(data))
    assert session.done
    assert session.look(0).n_lost == 1
    assert session.look(1).core.totals.allocs == 2


def test_a_long_gap_is_read_once(tmp_path: Path) -> None:
    """Whoever may send can leave one of a gigabyte, and all pages wait while it is searched."""
    builder = build([EVENTS, EVENTS])
    first = int(np.frombuffer(builder.entries[5], fmt.INDEX_ENTRY)[0]["offset"])
    data = builder.build()
    path = tmp_path / "t.trace"
    path.write_bytes(data[:first] + bytes(64 << 20) + data[first:])
    session = LiveSession(str(path))
    OPENED.append(session)
    n_read, n_turns = 0, 0
    read = session._trace._file.read

    def count(n: int) -> bytes:
        nonlocal n_read
        piece = read(n)
        n_read += len(piece)
        return piece

    session._trace._file = mock.Mock(wraps=session._trace._file, read=count)
    while session.advance():
        n_turns += 1
    assert [session.look(index).core.totals.allocs for index in (0, 1)] == [2, 2]
    assert n_read < 65 << 20
    assert n_turns >= 64, "others wait for a piece, not for all of it"


def test_what_is_no_trace_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TraceFormatError, match="no vizzy trace"):
        follow(tmp_path / "t.trace", b"x" * 4096)
