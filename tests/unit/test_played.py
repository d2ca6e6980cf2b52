"""A played trace: wherever one goes, and however, the figures are those of what happened up to that time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import Event, TraceBuilder, free, malloc, move, release
from hypothesis import given
from hypothesis import strategies as st
from replay_oracle import expect_peak, expect_stacks, expect_threads, expect_totals
from replay_oracle import replay as replay_slowly

from vizreport.errors import TraceFormatError, VizzyError
from vizreport.live.feeds import FASTEST, SLOWEST, Player
from vizreport.live.played import Checkpoints, PlayedSession
from vizreport.live.screen import View, draw_screen
from vizreport.live.session import LiveFigures, LiveSession
from vizreport.trace import format as fmt

S = 1_000_000_000
BUCKET = S // 10
STARTS = (0, 3 * S)


def figures_of(result: Any) -> dict[str, Any]:
    values = {name: getattr(result, name) for name in type(result).__slots__}
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in values.items()}


def build(images: Sequence[Sequence[Event]], *, per_block: int = 1000, resolution_ns: int = 1) -> TraceBuilder:
    """Blocks of several images, in order of their first events."""
    builder = TraceBuilder(resolution_ns=resolution_ns).session()
    blocks: list[tuple[int, int, Sequence[Event]]] = []
    for index, events in enumerate(images):
        builder.image(index, pid=7 + index, start_time=STARTS[index]).nodes(
            [(3, 0, 0x1000), (4, 3, 0x2000)], image=index
        )
        for begin in range(0, len(events), per_block):
            block = events[begin : begin + per_block]
            blocks.append((block[0].time or 0, index, block))
    for _, index, block in sorted(blocks, key=lambda each: each[:2]):
        builder.events(block, image=index)
    return builder


def go(session: PlayedSession, time_ns: int) -> None:
    session.seek(time_ns)
    while session.advance():
        pass
    assert session.now_ns == time_ns


def check(figures: LiveFigures, events: Sequence[Event], start: int) -> None:
    """Compares with what is counted one event after the other."""
    now = figures.now_ns
    past = [event for event in events if event.time is not None and event.time <= now]
    heap = replay_slowly(past, [event.time or 0 for event in past])
    assert figures_of(figures.core.totals) == expect_totals(heap)
    assert figures_of(figures.core.peak) == expect_peak(heap)
    assert figures_of(figures.core.stacks) == expect_stacks(heap)
    assert figures_of(figures.core.threads) == expect_threads(heap)
    assert figures.core.timeline.last_bytes[-1] == figures.core.totals.live_bytes

    first = max((now // BUCKET - 19) * BUCKET, start)
    recent = [event for event in past if (event.time or 0) >= first]
    seconds = max(now - first, BUCKET) / S
    assert figures.rate.events == pytest.approx(len(recent) / seconds)
    allocated = sum(event.size for event in recent if event.kind in (1, 25))
    assert figures.rate.bytes_allocated == pytest.approx(allocated / seconds)

    since = max(start + (now - 60 * S - start) // (5 * S) * 5 * S, start)
    then = [event for event in past if (event.time or 0) <= since] if since > start else []
    before = expect_stacks(replay_slowly(then, [event.time or 0 for event in then]))
    live = dict(zip(before["stacks"], before["live_bytes"], strict=True))
    table = expect_stacks(heap)
    grown = [n - live.get(stack, 0) for stack, n in zip(table["stacks"], table["live_bytes"], strict=True)]
    scale = 60 * S / max(now - since, S)
    assert figures.growth.tolist() == pytest.approx([n * scale for n in grown], abs=0.51)


def make_times(steps: list[int], start: int) -> list[int]:
    return [start + sum(steps[:k]) for k in range(len(steps) + 1)]


STEPS = st.lists(st.sampled_from([0, 1, BUCKET - 1, BUCKET, S, 5 * S, 7 * S, 61 * S, 200 * S]), max_size=25)
EVENTS = st.builds(
    Event,
    kind=st.sampled_from([1, 1, 1, 16, 24, 25, 26, 27]),
    address=st.sampled_from([16, 32, 48, 64]),
    size=st.integers(0, 1 << 20),
    thread=st.sampled_from([0, 1]),
    stack=st.integers(2, 4),
)
IMAGES = st.lists(st.tuples(STEPS, st.lists(EVENTS, min_size=1, max_size=25)), min_size=1, max_size=2)


@given(
    drawn=IMAGES,
    seeks=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1 << 40), st.booleans()), min_size=1, max_size=8),
    per_block=st.integers(1, 9),
    step=st.sampled_from([1, 4, 1000]),
    room=st.sampled_from([0, 500_000, 1 << 30]),
    slice_s=st.sampled_from([0.0, 0.02]),
)
def test_any_seeks_lead_to_what_was(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[tuple[list[int], list[Event]]],
    seeks: list[tuple[float, int, bool]],
    per_block: int,
    step: int,
    room: int,
    slice_s: float,
) -> None:
    """Some seeks are given up on the way for others; some times are exactly those of events."""
    images = []
    for (steps, events), start in zip(drawn, STARTS, strict=False):
        times = make_times(steps, start)
        images.append([Event(e.kind, e.address, e.size, e.stack, e.thread, t) for e, t in zip(events, times)])  # noqa: B905
    path = tmp_path_factory.mktemp("played") / "t.trace"
    path.write_bytes(build(images, per_block=per_block).build())
    checkpoints = Checkpoints(max_bytes=room, step=step)
    session = PlayedSession(str(path), checkpoints, slice_s=slice_s)
    all_times = sorted({event.time or 0 for events in images for event in events})
    for share, offset, complete in seeks:
        if complete:
            near = all_times[int(share * (len(all_times) - 1))]
            target = min(near + (offset % 3 - 1) * (offset & 1), session.duration_ns)
            go(session, max(target, 0))
            for index, events in enumerate(images):
                check(session.look(index), events, STARTS[index])
        else:
            session.seek(offset % (session.duration_ns + 1))
            session.advance()
        assert checkpoints.n_bytes <= room


def test_going_back_does_not_begin_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = [malloc(16 * k, 1, stack=3, time=k) for k in range(1, 1001)]
    (tmp_path / "t.trace").write_bytes(build([events], per_block=10).build())
    session = PlayedSession(str(tmp_path / "t.trace"), Checkpoints(step=100))
    go(session, 1000)
    fed: list[int] = []
    feed = type(session._tracks[0].run).feed

    def count(run: Any, block: Any) -> None:
        fed.append(len(block))
        feed(run, block)

    monkeypatch.setattr(type(session._tracks[0].run), "feed", count)
    for time in (995, 505, 7, 777, 1000):
        before = sum(fed)
        go(session, time)
        assert session.look(0).core.totals.allocs == time
        assert sum(fed) - before <= 100


def test_memory_of_checkpoints_is_bounded(tmp_path: Path) -> None:
    events = [malloc(16 * k, 1, stack=3, time=k) for k in range(1, 20_001)]
    (tmp_path / "t.trace").write_bytes(build([events], per_block=100).build())
    bound = 8 << 20
    checkpoints = Checkpoints(max_bytes=bound, step=1)
    session = PlayedSession(str(tmp_path / "t.trace"), checkpoints)
    go(session, 20_000)
    assert bound / 4 < checkpoints.n_bytes <= bound
    go(session, 123)
    assert session.look(0).core.totals.allocs == 123


@pytest.mark.parametrize(("until", "live", "allocs"), [(0, 100, 1), (S, 150, 2), (2 * S - 1, 150, 2), (2 * S, 50, 2)])
def test_events_after_a_time_wait(tmp_path: Path, until: int, live: int, allocs: int) -> None:
    events = [malloc(16, 100, stack=2, time=0), malloc(32, 50, stack=3, time=1 * S), free(16, time=2 * S)]
    (tmp_path / "t.trace").write_bytes(build([events]).build())
    session = PlayedSession(str(tmp_path / "t.trace"))
    go(session, until)
    totals = session.look(0).core.totals
    assert (totals.live_bytes, totals.allocs) == (live, allocs)


def test_events_of_one_time_in_many_slices(tmp_path: Path) -> None:
    events = [malloc(16 * k, 1, time=0) for k in range(1, 8)]
    (tmp_path / "t.trace").write_bytes(build([events], per_block=1).build())
    session = PlayedSession(str(tmp_path / "t.trace"), slice_s=0)
    go(session, 0)
    assert session.look(0).core.totals.allocs == 7


def test_reallocations_under_way(tmp_path: Path) -> None:
    events = [malloc(16, 10, time=0), release(16, time=1), move(32, 20, time=2)]
    (tmp_path / "t.trace").write_bytes(build([events]).build())
    session = PlayedSession(str(tmp_path / "t.trace"))
    for until, live in ((1, 10), (2, 20), (1, 10)):
        go(session, until)
        assert session.look(0).core.totals.live_bytes == live


def test_times_that_were_rounded(tmp_path: Path) -> None:
    """The time of a block is not rounded, those of its events are: down."""
    events = [malloc(16, 10, time=1999)]
    (tmp_path / "t.trace").write_bytes(build([events], resolution_ns=1000).build())
    session = PlayedSession(str(tmp_path / "t.trace"))
    for until, live in ((1500, 10), (999, 0), (1000, 10)):
        go(session, until)
        assert session.look(0).core.totals.live_bytes == live


def test_ends_and_samples_are_shown_when_they_come(tmp_path: Path) -> None:
    samples = np.zeros(2, fmt.SAMPLE_RECORD)
    samples["time"], samples["rss_bytes"] = [S, 3 * S], [100, 300]
    builder = build([[malloc(16, 10, time=4 * S)]])
    builder.block(fmt.BlockType.SAMPLES, samples.tobytes(), image=0, count=2, time=3 * S)
    (tmp_path / "t.trace").write_bytes(builder.image_end(0, dropped=5, time=5 * S).build())
    session = PlayedSession(str(tmp_path / "t.trace"))
    assert session.duration_ns == 5 * S
    for until, rss, n_dropped in ((5 * S, [100, 300], 5), (2 * S, [100], 0), (0, [], 0)):
        go(session, until)
        figures = session.look(0)
        assert figures.image.samples.rss.tolist() == rss
        assert figures.n_dropped == n_dropped
        assert (figures.image.end is not None) == (until == 5 * S)


def test_it_ends_as_a_stream_does(tmp_path: Path) -> None:
    """The whole, played and received."""
    times = make_times([S // 7] * 400, 0)
    events = [malloc(16 * k, k, stack=2 + k % 3, time=time) for k, time in enumerate(times)]
    path = tmp_path / "t.trace"
    path.write_bytes(build([events], per_block=7).build())
    played, received = PlayedSession(str(path)), LiveSession(str(path))
    go(played, played.duration_ns)
    while received.advance():
        pass
    one, other = played.look(0), received.look(0)
    received.close()
    for name in ("totals", "peak", "stacks", "threads", "timeline"):
        assert figures_of(getattr(one.core, name)) == figures_of(getattr(other.core, name))
    assert one.rate == other.rate
    assert one.growth.tolist() == other.growth.tolist()


LAST = (1 << 64) - 1


@pytest.mark.parametrize("start", [0, 5, 1 << 63, LAST])
@pytest.mark.parametrize("times", [[5, LAST], [LAST], [0, 1 << 63], [LAST - 1, LAST], [1 << 62, 1 << 63, LAST - S]])
def test_times_that_can_not_be(tmp_path: Path, start: int, times: list[int]) -> None:
    """Whoever sends a stream may say anything: figures stay those of the events."""
    events = [malloc(16 * (k + 1), 10, time=time) for k, time in enumerate(times)]
    (tmp_path / "t.trace").write_bytes(TraceBuilder().session().image(0, start_time=start).events(events).build())
    played, received = PlayedSession(str(tmp_path / "t.trace")), LiveSession(str(tmp_path / "t.trace"))
    go(played, played.duration_ns)
    while received.advance():
        pass
    for session in (played, received):
        figures = session.look(0)
        assert figures.core.totals.allocs == len(times)
        assert len(draw_screen(View(figures), 80, 24)) == 24
        session.draw_heatmap(0)
    received.close()
    go(played, 0)
    assert played.look(0).core.totals.allocs == times.count(0)


def test_what_is_no_trace_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.trace").write_bytes(b"x" * 4096)
    with pytest.raises(TraceFormatError, match="no vizzy trace"):
        PlayedSession(str(tmp_path / "t.trace"))
    with pytest.raises(VizzyError, match="can't be read"):
        PlayedSession(str(tmp_path / "none"))


# ---- the player: time ------------------------------------------------------------------------------------------------


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., tuple[Player, Clock]]:
    def play(speed: float = 1.0, start_ns: int = 0) -> tuple[Player, Clock]:
        events = [malloc(16 * k, 1, time=k * S) for k in range(101)]
        (tmp_path / "t.trace").write_bytes(build([events], per_block=10).build())
        clock = Clock()
        return Player(str(tmp_path / "t.trace"), speed, start_ns=start_ns, clock=clock), clock

    return play


def advance(player: Player) -> tuple[int, int]:
    """Returns the position in seconds, and how many allocations were made up to it."""
    while player.advance():
        pass
    (session,) = player.sessions.values()
    return player.position_ns // S, session.look(0).core.totals.allocs


def test_it_plays_at_its_speed(play: Callable[..., tuple[Player, Clock]]) -> None:
    player, clock = play(10)
    assert advance(player) == (0, 1)
    clock.now = 2
    assert advance(player) == (20, 21)
    player.play_at(1)
    clock.now = 5
    assert advance(player) == (23, 24)
    assert player.speed == 1
    clock.now = 500
    assert advance(player) == (100, 101)


def test_time_stands_still_in_a_pause(play: Callable[..., tuple[Player, Clock]]) -> None:
    player, clock = play()
    assert advance(player) == (0, 1)
    clock.now = 10
    assert advance(player) == (10, 11)
    player.pause()
    clock.now = 60
    assert advance(player) == (10, 11)
    assert player.paused
    player.seek(50 * S)
    clock.now = 70
    assert advance(player) == (50, 51)
    player.play_at(2)
    player.resume()
    advance(player)
    clock.now = 75
    assert advance(player) == (60, 61)


def test_time_stands_still_until_it_is_there(play: Callable[..., tuple[Player, Clock]]) -> None:
    player, clock = play(start_ns=30 * S)
    assert player.seeking
    clock.now = 20
    assert advance(player) == (30, 31)
    assert not player.seeking
    player.seek(500 * S)
    clock.now = 40
    assert advance(player) == (100, 101)
    player.seek(-5)
    assert advance(player) == (0, 1)


@pytest.mark.parametrize("speed", [float("inf"), float("nan"), 1e300, 0.0, -1.0, float("-inf")])
def test_speeds_that_can_not_be(play: Callable[..., tuple[Player, Clock]], speed: float) -> None:
    for player, clock in (play(speed), play(1)):
        player.play_at(speed)
        clock.now += 1e-9
        advance(player)
        assert SLOWEST <= player.speed <= FASTEST


def test_at_the_end_it_begins_again(play: Callable[..., tuple[Player, Clock]]) -> None:
    player, clock = play(start_ns=100 * S)
    assert advance(player) == (100, 101)
    player.pause()
    player.resume()
    assert advance(player) == (0, 1)
    clock.now += 3
    assert advance(player) == (3, 4)
