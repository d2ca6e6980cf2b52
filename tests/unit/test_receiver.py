"""The receiver of streams: which files it makes, and what one client can do to others. Without a network."""

from __future__ import annotations

import asyncio
import os
import struct
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from stream_client import TOKEN, Client, make_trace

from vizreport.errors import VizzyError
from vizreport.stream import connection as connection_module
from vizreport.stream.connection import Connection
from vizreport.stream.opening import MAGIC
from vizreport.stream.paths import check_pattern, list_paths
from vizreport.stream.receiver import Receiver

TRACE = make_trace()
ID = b"i" * 16

Scenario = Callable[[Receiver], Coroutine[Any, Any, None]]


class Receiving:
    """A receiver into a folder, and what it says."""

    def __init__(self, folder: Path, pattern: str = "a.trace", **options: Any) -> None:
        """Makes the receiver."""
        self.folder = folder
        self.said: list[str] = []
        self.receiver = Receiver(str(folder / pattern), TOKEN, self.said.append, **options)

    @property
    def names(self) -> list[str]:
        """The files that there are."""
        return sorted(path.name for path in self.folder.iterdir())


async def send_trace(receiver: Receiver, stream_id: bytes = ID, upto: int | None = None) -> Client:
    """Opens a stream and sends what the receiver lacks of it."""
    client = Client(receiver)
    offset = await client.open(stream_id)
    assert offset is not None, "it is not welcome"
    await client.send(struct.pack("<Q", offset))
    await client.send(TRACE[offset:upto])
    return client


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scenario)


def test_a_whole_stream(tmp_path: Path) -> None:
    receiving = Receiving(tmp_path)

    async def scenario() -> None:
        client = await send_trace(receiving.receiver)
        client.read_acknowledgements(len(TRACE))
        assert client.acknowledged == len(TRACE)
        assert receiving.names == ["a.trace"]
        client.leave()

    run(scenario())
    assert (tmp_path / "a.trace").read_bytes() == TRACE
    assert receiving.said[-1].endswith(f"a.trace is complete: {len(TRACE) / 1024:.1f} KiB, 8 events")


@pytest.mark.parametrize("pattern", ["a.trace", "{n}.trace", "x-{time}-{n}", "[1]*{n}.trace"])
def test_what_an_earlier_receiver_left_goes_on(tmp_path: Path, pattern: str) -> None:
    """Also if others took earlier names since, and if the pattern has the time in it."""

    async def scenario() -> None:
        first = Receiving(tmp_path, pattern).receiver
        other = await send_trace(first, b"o" * 16, upto=0)
        client = await send_trace(first, upto=1000)
        client.read_acknowledgements(len(TRACE))
        acknowledged = client.acknowledged
        client.leave(ConnectionResetError())
        other.leave()
        with mock.patch("time.strftime", return_value="20370101-000000"):
            second = Receiving(tmp_path, pattern).receiver
            client = Client(second)
            assert await client.open(ID) == acknowledged > 0
            await client.send(struct.pack("<Q", acknowledged) + TRACE[acknowledged:])
            client.leave()

    run(scenario())
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [TRACE]


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    async def scenario() -> None:
        await send_trace(Receiving(tmp_path).receiver, upto=1000)

    mask = os.umask(0)
    try:
        run(scenario())
    finally:
        os.umask(mask)
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {
        "a.trace": 0o600,
        "a.trace.stream": 0o600,
    }


@pytest.mark.parametrize("name", ["a.trace", "a.trace.stream"])
@pytest.mark.parametrize("exists", [True, False])
def test_links_are_not_followed(tmp_path: Path, name: str, exists: bool) -> None:
    """Somebody else can write into the folder, and has put a link where a file would go."""
    folder, precious = tmp_path / "folder", tmp_path / "precious"
    folder.mkdir()
    if exists:
        precious.write_bytes(ID)
    (folder / name).symlink_to(precious)

    async def scenario() -> None:
        (await send_trace(Receiving(folder).receiver)).leave()

    run(scenario())
    assert precious.read_bytes() == ID if exists else not precious.exists()
    assert (folder / "a-2.trace").read_bytes() == TRACE


def test_a_pipe_beside_a_file_blocks_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.trace.stream")

    async def scenario() -> None:
        (await send_trace(Receiving(tmp_path).receiver)).leave()

    run(scenario())
    assert (tmp_path / "a-2.trace").read_bytes() == TRACE


def test_descriptors_are_for_connections(tmp_path: Path) -> None:
    """Neither a stream that is complete nor one that broke off holds any."""

    async def scenario() -> None:
        receiver = Receiving(tmp_path, "{n}.trace").receiver
        before = len(os.listdir("/proc/self/fd"))
        clients = [await send_trace(receiver, bytes([k]) * 16, upto=None if k % 2 else 1000) for k in range(20)]
        assert len(os.listdir("/proc/self/fd")) == before + 20
        for client in clients:
            client.leave()
        assert len(os.listdir("/proc/self/fd")) == before
        again = await send_trace(receiver, bytes(16))
        again.read_acknowledgements(len(TRACE))
        assert again.acknowledged == len(TRACE)

    run(scenario())


@pytest.mark.parametrize("garbage", [b"", b"GET / HTTP/1.1\r\n" * 9, TRACE[:39], b"\0" * 100])
def test_garbage_leaves_no_file(tmp_path: Path, garbage: bytes) -> None:
    receiving = Receiving(tmp_path)

    async def scenario() -> None:
        client = await send_trace(receiving.receiver, upto=0)
        await client.send(garbage)
        client.leave()

    run(scenario())
    assert receiving.names == []
    assert not receiving.receiver.recordings


@pytest.mark.parametrize("begin", [8, 1 << 31, 1 << 62, (1 << 64) - 8, (1 << 64) - 1])
def test_a_gap_has_a_limit(tmp_path: Path, begin: int) -> None:
    """Nobody makes a file of exabytes, nor goes on in the middle of a block."""
    receiving = Receiving(tmp_path)

    async def scenario() -> None:
        client = await send_trace(receiving.receiver, upto=1000)
        client.leave(ConnectionResetError())
        size = (tmp_path / "a.trace").stat().st_size
        assert await client.open(ID) == size
        await client.send(struct.pack("<Q", begin))
        await client.send(TRACE)
        assert client.wire.closed
        assert (tmp_path / "a.trace").stat().st_size == size

    run(scenario())
    assert any("the stream goes on where it can't; the connection is closed" in text for text in receiving.said)


def test_a_small_gap_is_zeros(tmp_path: Path) -> None:
    """As after a crash of the receiver's machine, which lost what it had acknowledged."""
    receiving = Receiving(tmp_path)

    async def scenario() -> None:
        client = await send_trace(receiving.receiver, upto=1000)
        client.read_acknowledgements(1000)
        client.leave(ConnectionResetError())
        cut = client.acknowledged - 400
        begin = client.acknowledged
        os.truncate(tmp_path / "a.trace", cut)
        fresh = Receiving(tmp_path)
        client = Client(fresh.receiver)
        offset = await client.open(ID)
        assert offset is not None
        assert offset <= cut
        await client.send(struct.pack("<Q", begin) + TRACE[begin:])
        client.leave()
        data = (tmp_path / "a.trace").read_bytes()
        assert data == TRACE[:offset] + bytes(begin - offset) + TRACE[begin:]

    run(scenario())


def test_nothing_follows_the_end(tmp_path: Path) -> None:
    receiving = Receiving(tmp_path)

    async def scenario() -> None:
        (await send_trace(receiving.receiver)).leave()
        client = Client(receiving.receiver)
        assert await client.open(ID) == len(TRACE)
        await client.send(struct.pack("<Q", len(TRACE) + 8) + TRACE[40:])
        assert client.wire.closed

    run(scenario())
    assert (tmp_path / "a.trace").read_bytes() == TRACE


def test_what_came_behind_a_gap_outlives_a_restart(tmp_path: Path) -> None:
    receiving = Receiving(tmp_path)

    async def scenario() -> None:
        client = await send_trace(receiving.receiver, upto=1000)
        client.read_acknowledgements(1000)
        first = client.acknowledged
        for gap in (512, 1024):  # what comes behind has other offsets than it had in TRACE, but the same blocks
            client.leave(ConnectionResetError())
            sound = await client.open(ID)
            assert sound is not None
            await client.send(struct.pack("<Q", sound + gap) + TRACE[40:first])
        client.read_acknowledgements(1 << 20)
        acknowledged = client.acknowledged
        assert acknowledged == first + 512 + 1024 + 2 * (first - 40)
        client.leave(ConnectionResetError())
        content = (tmp_path / "a.trace").read_bytes()
        after = Receiving(tmp_path).receiver
        assert await Client(after).open(ID) == acknowledged == len(content)
        assert (tmp_path / "a.trace").read_bytes() == content
        assert len(after.recordings[ID].gaps) == 2

    run(scenario())


def test_a_gap_that_the_disk_does_not_allow(tmp_path: Path) -> None:
    receiving = Receiving(tmp_path)

    async def scenario() -> None:
        client = await send_trace(receiving.receiver, upto=1000)
        client.leave(ConnectionResetError())
        size = (tmp_path / "a.trace").stat().st_size
        assert await client.open(ID) == size
        with mock.patch("vizreport.stream.recording.os.ftruncate", side_effect=OSError(27, "File too large")):
            await client.send(struct.pack("<Q", size + (1 << 29)))
        assert client.wire.closed
        assert await client.open(ID) == size

    run(scenario())
    assert any("can't be written: File too large; the sender tries again" in text for text in receiving.said)


def test_what_is_said_to_be_sound_is_in_the_file(tmp_path: Path) -> None:
    """The live view reads it from another thread."""
    receiving = Receiving(tmp_path)
    pwrite = os.pwrite

    def write(descriptor: int, data: memoryview, offset: int) -> int:
        (recording,) = receiving.receiver.recordings.values()
        assert recording.framing.sound_bytes <= os.fstat(descriptor).st_size
        return pwrite(descriptor, data, offset)

    async def scenario() -> None:
        client = await send_trace(receiving.receiver, upto=0)
        for at in range(0, len(TRACE), 300):
            await client.send(TRACE[at : at + 300])
        client.leave()

    with mock.patch("vizreport.stream.recording.os.pwrite", write):
        run(scenario())
    assert (tmp_path / "a.trace").read_bytes() == TRACE


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("", "'': is a folder; give a file name, such as ./{n}.trace"),
        (".", ".: is a folder; give a file name, such as ./{n}.trace"),
        ("..", r"..: is a folder"),
        ("here/", "here/: is a folder; give a file name, such as here/{n}.trace"),
        ("here", "here: is a folder"),
        ("here/..", "here/..: is a folder"),
        ("missing/a.trace", "missing: is no folder that can be written into; make it, or give another name"),
    ],
)
def test_patterns_that_name_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, message: str
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    check_pattern("here/{n}.trace")
    check_pattern("{host}/{n}.trace")
    with pytest.raises(VizzyError) as raised:
        check_pattern(pattern)
    assert message in str(raised.value)


def test_the_oldest_that_opens_nothing_makes_room(tmp_path: Path) -> None:
    """Thousands that connect and say nothing keep nobody out."""
    receiving = Receiving(tmp_path)

    async def scenario() -> None:
        idle = [Client(receiving.receiver) for _ in range(3000)]
        for client in idle:
            client.connect()
        assert sum(not client.wire.closed for client in idle) == 64
        (await send_trace(receiving.receiver)).leave()

    run(scenario())
    assert (tmp_path / "a.trace").read_bytes() == TRACE
    assert len(receiving.said) < 30
    assert any("more of that kind will not be told for 10 s" in text for text in receiving.said)


def test_as_many_streams_as_can_be_taken(tmp_path: Path) -> None:
    receiving = Receiving(tmp_path, "{n}.trace", most_streams=3)

    async def scenario() -> None:
        clients = [await send_trace(receiving.receiver, bytes([k]) * 16, upto=1000) for k in range(3)]
        late = Client(receiving.receiver)
        assert await late.open(ID) is None
        assert late.wire.sent[48:52] == b"\2\0\0\0"  # busy: it will try again
        connection = clients[1].connection
        assert connection is not None
        connection.last_s = time.monotonic() - 11
        assert await late.open(ID) == 0
        assert [client.wire.closed for client in clients] == [False, True, False]

    run(scenario())
    assert any("there are as many streams as can be taken" in text for text in receiving.said)
    assert any("was silent and made room for another stream" in text for text in receiving.said)


def test_who_opens_nothing_in_time_is_left(tmp_path: Path) -> None:
    """A byte now and then does not help."""
    receiving = Receiving(tmp_path)

    async def scenario() -> None:
        client = Client(receiving.receiver)
        client.connect()
        for _ in range(8):
            await client.send(b"\x95")
            await asyncio.sleep(0.02)
        assert client.wire.closed

    with mock.patch.object(connection_module, "OPENING_TIMEOUT_S", 0.1):
        run(scenario())
    assert any("did not open a stream within" in text for text in receiving.said)


def test_a_stream_that_comes_back_takes_over(tmp_path: Path) -> None:
    """Its old connection may be dead without knowing it."""
    receiving = Receiving(tmp_path)

    async def scenario() -> None:
        before = await send_trace(receiving.receiver, upto=1000)
        after = await send_trace(receiving.receiver)
        assert before.wire.closed
        assert not after.wire.closed
        after.leave()

    run(scenario())
    assert (tmp_path / "a.trace").read_bytes() == TRACE


def test_another_stream_is_not_taken_over_without_the_token(tmp_path: Path) -> None:
    receiving = Receiving(tmp_path)

    async def scenario() -> None:
        victim = await send_trace(receiving.receiver, upto=1000)
        thief = Client(receiving.receiver)
        assert await thief.open(ID, proves=False) is None
        assert not victim.wire.closed
        # What the victim once proved proves nothing on another connection.
        assert victim.connection is not None
        opening = victim.connection._opening
        assert opening is not None
        thief.connect()
        await thief.send(struct.pack("<QHHI16s32s", MAGIC, 1, 0, 0, ID, b"n" * 32))
        await thief.send(opening.sender_proof)
        assert thief.wire.sent[48:52] == b"\1\0\0\0"
        # Nor does the receiver's own proof, sent back.
        thief.connect()
        await thief.send(struct.pack("<QHHI16s32s", MAGIC, 1, 0, 0, ID, b"n" * 32))
        assert thief.connection is not None
        assert thief.connection._opening is not None
        await thief.send(thief.connection._opening.receiver_proof)
        assert thief.wire.sent[48:52] == b"\1\0\0\0"
        assert not victim.wire.closed

    run(scenario())


def test_a_broken_network_is_no_broken_file(tmp_path: Path) -> None:
    receiving = Receiving(tmp_path)

    async def scenario() -> None:
        client = await send_trace(receiving.receiver, upto=1000)
        client.leave(OSError(113, "No route to host"))

    run(scenario())
    assert "broke off" in receiving.said[-1]
    assert not any("can't be written" in text for text in receiving.said)


def test_who_reads_no_acknowledgements_is_not_read(tmp_path: Path) -> None:
    async def scenario() -> None:
        client = await send_trace(Receiving(tmp_path).receiver, upto=1000)
        assert client.connection is not None
        client.connection.pause_writing()
        assert client.wire.paused
        client.connection.resume_writing()
        assert not client.wire.paused

    run(scenario())


def test_a_connection_that_ends_while_a_file_is_read(tmp_path: Path) -> None:
    receiving = Receiving(tmp_path)

    async def scenario() -> None:
        (await send_trace(receiving.receiver, upto=1000)).leave(ConnectionResetError())
        client = Client(receiving.receiver)
        client.settle = lambda: asyncio.sleep(0)  # type: ignore[method-assign]
        assert await client.open(ID) is None
        assert client.connection is not None
        assert client.connection._state is connection_module._State.READING
        client.leave(ConnectionResetError())
        for _ in range(100):
            await asyncio.sleep(0.001)
        (await send_trace(receiving.receiver)).leave()

    run(scenario())
    assert (tmp_path / "a.trace").read_bytes() == TRACE


@pytest.mark.parametrize("host", ["../..", "::1", "/etc/passwd", ".", "a/../b", "evil\nhost", "fe80::1%eth0"])
def test_a_host_leads_nowhere(host: str) -> None:
    path = next(list_paths("out/{host}.trace", ID, host))
    assert path.parent == Path("out")
    assert path.name.removesuffix(".trace").replace("_", "").replace(".", "").isalnum() or host in ("../..", ".")
    assert not path.name.startswith("..")


def test_unknown_fields() -> None:
    with pytest.raises(VizzyError, match=r"\{pid\} is no field of a file name; there are"):
        check_pattern("{pid}.trace")


def test_a_connection_without_a_peer() -> None:
    """It was closed before it was accepted."""
    said: list[str] = []

    async def scenario() -> None:
        connection = Connection(Receiver("a", None, said.append))
        transport = mock.Mock()
        transport.get_extra_info.return_value = None
        connection.connection_made(transport)
        connection.connection_lost(None)

    run(scenario())
    assert said == ["?:0: left before it opened a stream"]
