"""The recordings that the live view keeps: the last ones, whatever comes."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path

from builders import TraceBuilder, malloc

from vizreport.live.feeds import MOST_RECORDINGS, Streams
from vizreport.live.showing import Showing
from vizreport.live.views import Views
from vizreport.stream.receiver import Receiver
from vizreport.stream.recording import Recording
from vizreport.symbols.options import SymbolOptions
from vizreport.trace import format as fmt


def make_trace(n_events: int = 3) -> bytes:
    events = [malloc(16 * k, 10, time=k) for k in range(1, n_events + 1)]
    return TraceBuilder().session().image(0).events(events).image_end(0).build()


def receive(receiver: Receiver, folder: Path, number: int, data: bytes) -> Recording:
    """Puts a recording into a receiver, as if it had arrived."""
    path = folder / f"{number}.trace"
    path.write_bytes(data)
    recording = Recording(number.to_bytes(16, "little"), path)
    recording.open()
    recording.close()
    receiver.recordings[recording.stream_id] = recording
    return recording


def make_streams(receiver: Receiver, *, delete: bool = False, clock: list[float] | None = None) -> Streams:
    times = clock or [0.0]
    return Streams(receiver, forget=partial(receiver.forget, delete=delete), clock=lambda: times[0])


def follow(streams: Streams) -> None:
    while streams.advance():
        pass


def close(streams: Streams, receiver: Receiver) -> None:
    for session in streams.sessions.values():
        session.close()
    for recording in receiver.recordings.values():
        recording.close()


def test_hundreds_of_runs_leave_the_last_ones(tmp_path: Path) -> None:
    receiver = Receiver("x", None, print)
    streams = make_streams(receiver, delete=True)
    before = len(os.listdir("/proc/self/fd"))
    for number in range(300):
        receive(receiver, tmp_path, number, make_trace())
        follow(streams)
        assert len(os.listdir("/proc/self/fd")) <= before + 2 * MOST_RECORDINGS
    kept = [str(tmp_path / f"{number}.trace") for number in range(300 - MOST_RECORDINGS, 300)]
    assert list(streams.sessions) == kept
    assert len(receiver.recordings) == MOST_RECORDINGS
    assert sorted(str(path) for path in tmp_path.iterdir()) == sorted(kept)
    close(streams, receiver)
    assert len(os.listdir("/proc/self/fd")) == before


def test_files_stay_unless_they_are_to_be_deleted(tmp_path: Path) -> None:
    receiver = Receiver("x", None, print)
    streams = make_streams(receiver)
    for number in range(MOST_RECORDINGS + 5):
        receive(receiver, tmp_path, number, make_trace())
        follow(streams)
    assert len(list(tmp_path.iterdir())) == MOST_RECORDINGS + 5
    close(streams, receiver)


def test_what_still_comes_is_not_dropped(tmp_path: Path) -> None:
    receiver = Receiver("x", None, print)
    streams = make_streams(receiver)
    connected = receive(receiver, tmp_path, 0, make_trace())
    connected.open()
    for number in range(1, 2 * MOST_RECORDINGS):
        receive(receiver, tmp_path, number, make_trace())
        follow(streams)
    assert str(connected.path) in streams.sessions
    assert connected.is_open
    assert len(streams.sessions) == MOST_RECORDINGS
    close(streams, receiver)


def test_what_comes_back_while_it_is_dropped_is_taken_up_again(tmp_path: Path) -> None:
    receiver = Receiver("x", None, print)
    waiting: list[Recording] = []
    streams = Streams(receiver, forget=waiting.append)
    for number in range(MOST_RECORDINGS + 1):
        receive(receiver, tmp_path, number, make_trace())
        follow(streams)
    (dropped,) = waiting
    assert str(dropped.path) not in streams.sessions
    dropped.open()  # before the receiver gets to it
    receiver.forget(dropped, delete=True)
    follow(streams)
    assert str(dropped.path) in streams.sessions
    assert dropped.path.exists()
    close(streams, receiver)


def test_how_far_behind(tmp_path: Path) -> None:
    clock = [100.0]
    receiver = Receiver("x", None, print)
    streams = make_streams(receiver, clock=clock)
    recording = receive(receiver, tmp_path, 0, make_trace(1000))
    whole, recording.framing.sound_bytes = recording.framing.sound_bytes, 100
    follow(streams)
    recording.framing.sound_bytes = whole
    session = streams.sessions[str(recording.path)]
    taken = session.n_bytes_taken
    session.advance = lambda **_: False  # type: ignore[method-assign]
    streams.advance()
    assert streams.behind_s == 0.0
    clock[0] = 103.0
    streams.advance()
    assert streams.behind_s == 3.0
    del session.advance
    follow(streams)
    assert session.n_bytes_taken > taken
    assert streams.behind_s == 0.0
    close(streams, receiver)


def test_a_hostile_recording_harms_no_other(tmp_path: Path) -> None:
    """Events of no process image, and a file that is no trace."""
    said: list[str] = []
    receiver = Receiver("x", None, said.append)
    streams = make_streams(receiver)
    good = receive(receiver, tmp_path, 0, make_trace())
    nobody = TraceBuilder().session().image(0).events([malloc(16, 10, time=1)], image=fmt.NO_IMAGE).build()
    hostile = receive(receiver, tmp_path, 1, nobody)
    broken = receive(receiver, tmp_path, 2, make_trace())
    broken.path.write_bytes(b"x" * 5000)
    follow(streams)
    assert [session.done for session in streams.sessions.values()] == [True, True]
    assert streams.sessions[str(hostile.path)].look(0).n_lost == 1
    assert streams.sessions[str(good.path)].look(0).core.totals.allocs == 3
    assert ["can't be shown" in text for text in said] == [True]
    close(streams, receiver)


def test_a_recording_that_cannot_be_opened_waits_and_holds_nobody_up(tmp_path: Path) -> None:
    receiver = Receiver("x", None, print)
    streams = make_streams(receiver)
    missing = receive(receiver, tmp_path, 0, make_trace())
    missing.path.rename(tmp_path / "elsewhere")
    good = receive(receiver, tmp_path, 1, make_trace())
    follow(streams)
    assert list(streams.sessions) == [str(good.path)]
    (tmp_path / "elsewhere").rename(missing.path)
    follow(streams)
    assert set(streams.sessions) == {str(good.path), str(missing.path)}
    close(streams, receiver)


def test_a_path_that_comes_again_is_another_recording(tmp_path: Path) -> None:
    """Without --save files have numbers, and that of a dropped recording is free again."""
    receiver = Receiver("x", None, print)
    streams = make_streams(receiver, delete=True)
    showing = Showing(streams, SymbolOptions(use_symbols=False), n_stacks=5)
    views = Views(showing)
    receive(receiver, tmp_path, 0, make_trace())
    follow(streams)
    before = json.loads(views.look("", ""))["choices"][0]["key"], showing.find_names(str(tmp_path / "0.trace"))
    for number in range(1, MOST_RECORDINGS + 1):  # nobody looks meanwhile
        receive(receiver, tmp_path, number, make_trace())
        follow(streams)
    again = receive(receiver, tmp_path, 0, make_trace(5))
    follow(streams)
    look = json.loads(views.look("", ""))
    assert look["choices"][-1]["key"] != before[0]
    assert look["shown"]["figures"]["allocations"] == 5
    assert json.loads(views.look(before[0], ""))["chosen"] == ""
    assert showing.find_names(str(again.path)) is not before[1]
    close(streams, receiver)
