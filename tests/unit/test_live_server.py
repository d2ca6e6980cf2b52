"""What the live page is told over HTTP, by whom, and what that leaves behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from builders import TraceBuilder, free, malloc
from tornado.httpclient import AsyncHTTPClient, HTTPResponse

from vizreport.errors import TraceFormatError, VizzyError
from vizreport.live.engine import Engine, EngineEndedError
from vizreport.live.feeds import Feed, Player, Streams
from vizreport.live.server import serve_live
from vizreport.live.showing import Showing, Shown
from vizreport.live.views import Views
from vizreport.stream.receiver import Receiver
from vizreport.stream.recording import Recording
from vizreport.symbols.options import SymbolOptions

S = 1_000_000_000
NO_SYMBOLS = SymbolOptions(use_symbols=False)
Get = Callable[..., Awaitable[HTTPResponse]]


def make_trace(*, pid: int = 7, args: tuple[str, ...] = ("prog",)) -> TraceBuilder:
    builder = TraceBuilder().session().image(0, pid=pid, args=args).nodes([(3, 0, 0x1000), (4, 3, 0x2000)])
    events = [malloc(4096 * k, 100, stack=3 + k % 2, time=k * S // 10) for k in range(1, 100)]
    return builder.events([*events, free(4096, time=10 * S)])


@pytest.fixture
def streams(tmp_path: Path) -> Iterator[Streams]:
    """Two recordings: one that goes on, and a newer one that has ended."""
    receiver = Receiver("x", None, print)
    for number, data in enumerate([make_trace().build(end=False, index=False), make_trace(pid=8).image_end(0).build()]):
        path = tmp_path / f"run <{number}>.trace"
        path.write_bytes(data)
        recording = Recording(bytes([number] * 16), path)
        recording.open()
        receiver.recordings[recording.stream_id] = recording
    yield Streams(receiver, forget=partial(receiver.forget, delete=False))
    for recording in receiver.recordings.values():
        recording.close()


def serve(feed: Feed, use: Callable[[Get], Awaitable[None]]) -> None:
    """Serves a feed while something uses it: a function that asks for a path, with headers or a body."""

    async def run() -> None:
        started: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        showing = Showing(feed, NO_SYMBOLS, n_stacks=5)
        serving = asyncio.ensure_future(serve_live(feed, showing, "127.0.0.1", 0, started=started.set_result))
        url = await started
        client = AsyncHTTPClient(force_instance=True)

        async def get(path: str, **options: Any) -> HTTPResponse:
            whole = urljoin(url, path) if path.startswith("/") else url + path
            return await client.fetch(whole, raise_error=False, follow_redirects=False, **options)

        try:
            await use(get)
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    asyncio.run(run())


async def look(get: Get, query: str = "") -> dict[str, Any]:
    response = await get(f"look?{query}")
    assert response.code == 200
    assert response.headers["Cache-Control"] == "no-store"
    return dict(json.loads(response.body))


def test_the_newest_is_shown_until_another_is_chosen(streams: Streams) -> None:
    async def use(get: Get) -> None:
        newest = await look(get)
        assert [choice["key"] for choice in newest["choices"]] == ["1.0", "2.0"]
        assert (newest["chosen"], newest["followed"].split()[0]) == ("", "8")
        older = await look(get, "process=1.0")
        assert (older["chosen"], older["shown"]["ended"]) == ("1.0", False)
        assert "(pid 7" in older["shown"]["process"]
        assert older["shown"]["figures"]["live blocks"] == 98
        unknown = await look(get, "process=99.7")
        assert unknown["chosen"] == ""
        assert newest["shown"]["ended"]

    serve(streams, use)


def test_what_is_known_is_not_told_again(streams: Streams) -> None:
    async def use(get: Get) -> None:
        first = await look(get)
        again = await look(get, f"seen={first['version']}")
        assert (again["shown"], again["version"]) == ("same", first["version"])
        assert (await look(get, "seen=other"))["shown"] == first["shown"]
        assert (await look(get, f"process=1.0&seen={first['version']}"))["shown"] != "same"

    serve(streams, use)


def test_figures_agree_with_each_other(streams: Streams) -> None:
    async def use(get: Get) -> None:
        shown = (await look(get, "process=1.0"))["shown"]
        figures, tree = shown["figures"], shown["calltree"]["tree"]
        assert sum(tree["self"]["live"]) == figures["live bytes"] == 9800
        assert sum(tree["self"]["blocks"]) == figures["live blocks"]
        assert sum(tree["self"]["count"]) == figures["allocations"] == 99
        assert sum(tree["self"]["allocated"]) == figures["allocated"]
        assert shown["usage"]["max_bytes"][-1] >= figures["live bytes"]
        assert max(shown["usage"]["max_bytes"]) == figures["peak"]
        assert shown["heatmap"]["shape"][1] == 40

    serve(streams, use)


def test_a_trace_so_far_can_be_saved(streams: Streams, tmp_path: Path) -> None:
    async def use(get: Get) -> None:
        response = await get("trace?process=1.0")
        assert response.code == 200
        assert response.headers["Content-Disposition"] == 'attachment; filename="run__0_.trace"'
        assert (await get("trace?process=9.9")).code == 404
        saved = tmp_path / "saved.trace"
        saved.write_bytes(response.body)
        assert saved.read_bytes() == (tmp_path / "run <0>.trace").read_bytes()

    serve(streams, use)


def test_who_does_not_know_the_secret_gets_nothing(streams: Streams) -> None:
    """Other users of the machine reach the port as well."""

    async def use(get: Get) -> None:
        assert (await get("look")).code == 200
        for path in ("", "look", "trace", "player"):
            for guess in ("/", "/x/", "/.*/", f"/{'A' * 22}/"):
                response = await get(guess + path)
                assert response.code == 404, guess + path
                assert b"vizzy" not in response.body

    serve(streams, use)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example:7780"},  # a name that was made to point to this machine
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Host": "["},
    ],
)
def test_other_sites_are_refused(streams: Streams, headers: dict[str, str]) -> None:
    async def use(get: Get) -> None:
        for path in ("look", "trace"):
            assert (await get(path, headers=headers)).code == 403
        assert (await get("player", method="POST", body="{}", headers=headers)).code == 403
        page = await get("", headers=headers)  # a link from anywhere may lead to the page: nothing of a trace is in it
        assert page.code == (403 if "Host" in headers else 200)

    serve(streams, use)


def test_the_page_can_neither_be_framed_nor_run_what_is_not_its_own(streams: Streams) -> None:
    async def use(get: Get) -> None:
        response = await get("")
        assert response.headers["X-Frame-Options"] == "DENY"
        page = response.body.decode()
        policy = page.split('http-equiv="Content-Security-Policy" content="')[1].split('"')[0]
        assert "default-src &#39;none&#39;" in policy
        assert "connect-src &#39;self&#39;" in policy
        assert "unsafe" not in policy.split("style-src")[0]
        assert "(pid 7" not in page  # nothing of a recording is in it
        assert "(pid 8" not in page

    serve(streams, use)


def test_a_player_is_told_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "t.trace"
    path.write_bytes(make_trace().image_end(0, time=20 * S).build())
    player = Player(str(path), speed=0.001)

    async def use(get: Get) -> None:
        async def post(action: str, value: float = 0) -> int:
            return (await get("player", method="POST", body=json.dumps({"action": action, "value": value}))).code

        async def live_at(time_s: float) -> int:
            assert await post("seek", time_s) == 200
            while (found := await look(get))["player"]["seeking"] or not found["shown"]:
                pass
            return int(found["shown"]["figures"]["live blocks"])

        assert await post("pause") == 200
        assert [await live_at(time_s) for time_s in (5.05, 20.0, 0.25, 9.95)] == [50, 98, 2, 99]
        assert await post("speed", 4) == 200
        assert await post("resume") == 200
        told = (await look(get))["player"]
        assert (told["speed"], told["paused"], told["duration"]) == (4, False, 20)
        for action, value in (("seek", -1), ("seek", float("nan")), ("speed", 0), ("dance", 1)):
            assert await post(action, value) == 400
        for body in ("[1", "[" * 4000, '{"action": "seek", "value": 1' + "0" * 400 + "}"):
            assert (await get("player", method="POST", body=body)).code == 400
        assert (await get("trace")).code == 404

    serve(player, use)


def test_pages_that_look_at_the_same_cost_one_look(streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    showing = Showing(streams, NO_SYMBOLS, n_stacks=5)
    clock = [0.0]
    views = Views(showing, clock=lambda: clock[0])
    looked: list[tuple[str, int]] = []
    original = showing.look

    def look_and_count(path: str, index: int) -> Shown:
        looked.append((path, index))
        return original(path, index)

    monkeypatch.setattr(showing, "look", look_and_count)
    while streams.advance():
        pass
    for _ in range(10):
        views.look("1.0", "")
        views.look("2.0", "")
    assert len(looked) == 2
    clock[0] += 1.0
    views.look("1.0", "")  # nothing new has come
    assert len(looked) == 2
    assert list(views._looks) == ["1.0"]  # nobody looks at the other any more
    for session in streams.sessions.values():
        session.close()


def test_only_this_machine_is_served(streams: Streams) -> None:
    with pytest.raises(VizzyError, match="no password"):
        asyncio.run(serve_live(streams, Showing(streams, NO_SYMBOLS, n_stacks=1), "0.0.0.0", 0, started=print))


class Broken:
    """A feed that fails when it goes on."""

    def __init__(self) -> None:
        self.sessions: dict[str, Any] = {}

    def advance(self) -> bool:
        raise TraceFormatError("it is damaged", offset=0)


def test_nobody_waits_for_an_engine_that_has_ended() -> None:
    async def run() -> None:
        engine = Engine(Broken())
        early = asyncio.ensure_future(engine.ask(lambda: 1))
        await asyncio.sleep(0)
        with pytest.raises(TraceFormatError, match="it is damaged"):
            await asyncio.get_running_loop().run_in_executor(None, engine.run)
        for asked in (early, engine.ask(lambda: 2)):
            with pytest.raises(EngineEndedError):
                await asyncio.wait_for(asked, 10)

    asyncio.run(run())


def test_a_trace_can_be_looked_at_wherever_it_ends(tmp_path: Path) -> None:
    """From the file header on, block by block: a page that asks too early is answered too."""
    builder = TraceBuilder().session().image(0).image(1, pid=8, parent=0, start_time=5 * S)
    builder.thread().module().nodes([(3, 0, 0x1000), (4, 3, 0x2000)])
    builder.events([malloc(16, 100, stack=3, time=0)]).events([free(16, time=S), malloc(32, 0, stack=0, time=2 * S)])
    builder.drops([(S, 2 * S, 5)]).note("a note").nodes([(3, 0, 0x1000)], image=1)
    builder.events([malloc(16, 7, stack=3, time=6 * S)], image=1).image_end(0, time=7 * S).image_end(1, time=8 * S)
    data = builder.build()
    path = tmp_path / "t.trace"
    path.write_bytes(data)
    receiver = Receiver("x", None, print)
    recording = Recording(bytes(16), path)
    receiver.recordings[recording.stream_id] = recording
    streams = Streams(receiver, forget=partial(receiver.forget, delete=False))
    clock = iter(range(1_000_000))
    views = Views(Showing(streams, NO_SYMBOLS, n_stacks=5), clock=lambda: float(next(clock)))
    shown = set()
    for end in range(0, len(data) + 8, 8):
        recording.framing.sound_bytes = min(end, len(data))
        while streams.advance():
            pass
        for wanted in ("1.0", "1.1", ""):
            look = json.loads(views.look(wanted, ""))
            shown.add(look["shown"] is not None)
    assert shown == {False, True}
    assert (look["chosen"], look["shown"]["ended"]) == ("", True)
    for session in streams.sessions.values():
        session.close()


def test_of_many_processes_those_that_run_are_listed(tmp_path: Path) -> None:
    """A program that forks a thousand children which end at once is still what is looked at."""
    builder = TraceBuilder().session().image(0, pid=1).events([malloc(16 * k, 100, time=k) for k in range(1, 400)])
    for index in range(1, 1000):
        builder.image(index, pid=1 + index, parent=0).events([malloc(16, 10, time=500)] * 1, image=index)
        builder.image_end(index)
    path = tmp_path / "t.trace"
    path.write_bytes(builder.build(end=False, index=False))
    receiver = Receiver("x", None, print)
    recording = Recording(bytes(16), path)
    recording.framing.sound_bytes = path.stat().st_size
    receiver.recordings[recording.stream_id] = recording
    streams = Streams(receiver, forget=partial(receiver.forget, delete=False))
    while streams.advance():
        pass
    views = Views(Showing(streams, NO_SYMBOLS, n_stacks=5))
    for wanted, shown in (("", "(pid 1,"), ("1.0", "(pid 1,"), ("1.777", "(pid 778,")):
        look = json.loads(views.look(wanted, ""))
        assert (look["chosen"], look["processes"]) == (wanted, 1000)
        assert shown in look["shown"]["process"]
        keys = [choice["key"] for choice in look["choices"]]
        assert len(keys) == 200
        assert {"1.0", wanted or "1.0"} <= set(keys)
    for session in streams.sessions.values():
        session.close()


@pytest.mark.parametrize("now_s", [0.35, 5.999, 6.05, 59.9, 60.15, 301.3, 601.0])
def test_a_steady_program_has_a_steady_rate(tmp_path: Path, now_s: float) -> None:
    """Also in the last bin, of which only a part has passed."""
    path = tmp_path / "t.trace"
    events = [malloc(16 * k, 100, time=k * S // 10 - 1) for k in range(1, 7000)]
    path.write_bytes(TraceBuilder().session().image(0).events(events).image_end(0, time=700 * S).build())
    player = Player(str(path), speed=0.001)
    player.seek(int(now_s * S))
    player.pause()
    while player.advance():
        pass
    look = json.loads(Views(Showing(player, NO_SYMBOLS, n_stacks=5)).look("", ""))
    usage = look["shown"]["usage"]
    assert usage["time"][-1] == pytest.approx(now_s, abs=1e-6)
    if now_s > 60:
        assert usage["allocs_per_s"][-1] == pytest.approx(10, rel=0.7)
    counts = [
        rate * (end - begin)
        for rate, begin, end in zip(usage["allocs_per_s"], usage["time"], usage["time"][1:], strict=False)
    ]
    assert sum(counts) == pytest.approx(look["shown"]["figures"]["allocations"])
