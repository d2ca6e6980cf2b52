"""Traces over TCP: what arrives is what a file would hold, whatever the network, the receiver or the target do."""

import hashlib
import json
import os
import re
import resource
import signal
import socket
import struct
import subprocess
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from receiving import TIMEOUT_S, check_exact, finish, has_come, receiving, start, stream, vizreport, wait_until
from recording import Program, Record, Recording, read_recording, read_tallies, run_vizreport
from stream_proxy import Proxy

CHURN = ("400000", "64")  # compresses well: about 70 KB of trace


def test_whole(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    trace = tmp_path / "a.trace"
    with receiving(trace, "--once") as receiver:
        recording = finish(stream(vizzytrace, receiver.port, program("churn.c"), *CHURN), trace)
        said = receiver.wait()
    check_exact(recording)
    assert f"{trace} is complete" in said
    assert not trace.with_name("a.trace.stream").exists()


# Few at a time: the sender waits ever longer after connections by which nothing was acknowledged.
@pytest.mark.parametrize("cuts", [[0, 50, 97], [150, 1000, 10_000]])
def test_cut_and_fragmented(vizzytrace: Path, program: Program, tmp_path: Path, cuts: list[int]) -> None:
    trace = tmp_path / "a.trace"
    with receiving(trace, "--once") as receiver, Proxy(receiver.port, fragment=700) as proxy:
        # The first connection must succeed, or vizzytrace does not start.
        proxy.cut_after = [9_000, *cuts]
        recording = finish(
            stream(vizzytrace, proxy.port, program("churn.c"), *CHURN, options=("--when-full", "block")), trace
        )
    check_exact(recording)
    assert proxy.n_connections == len(cuts) + 2


def test_receiver_killed_and_restarted(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    trace = tmp_path / "a.trace"
    with receiving(trace) as receiver, Proxy(receiver.port, bytes_per_second=40_000, fragment=1000) as proxy:
        process = stream(vizzytrace, proxy.port, program("churn.c"), *CHURN, options=("--when-full", "block"))
        wait_until(lambda: has_come(trace, 20_000), process)
        receiver.process.kill()
        receiver.process.wait()
        with receiving(trace, "--once") as second:
            proxy.target = second.port
            check_exact(finish(process, trace))
            assert "goes on with" in second.wait()
    assert sorted(path.name for path in tmp_path.glob("*.trace*")) == sorted(
        ["a.trace", *(path.name for path in tmp_path.glob("*.said"))]
    )


@pytest.mark.parametrize(("processes", "threads"), [(1, 1), (3, 2)])
def test_losses_by_process_and_time(
    vizzytrace: Path, program: Program, record: Record, tmp_path: Path, processes: int, threads: int
) -> None:
    """A slow receiver: what each process did less what arrived of it is what the trace says was dropped, and when."""
    trace = tmp_path / "a.trace"
    losses, pairs = program("losses.c", "-pthread"), 1_200_000 // (processes * threads)
    idle = record(losses, str(processes), str(threads), "0")  # what threads and output allocate
    n_idle = [image["events"] for image in idle.info()["processes"]]
    options = ("--spool", "64K", "--buffer", "64K", "--when-full", "drop", "--rss-interval", "0")
    with receiving(trace, "--once") as receiver, Proxy(receiver.port, bytes_per_second=100_000) as proxy:
        process = stream(vizzytrace, proxy.port, losses, *map(str, (processes, threads, pairs)), options=options)
        time.sleep(1.0)  # what is between them fills, then the spool, then the pool
        proxy.bytes_per_second = float("inf")
        wait_until(lambda: trace.exists() and count_running_losses(trace) > 0, process)
        recording = finish(process, trace)
    assert recording.status == 0, recording.stderr
    assert recording.summary["trace"]["complete"]
    told = {tally.pid: tally.counts for tally in read_tallies(recording.stdout)}
    assert len(told) == processes
    information = {image["pid"]: image for image in recording.info()["processes"]}
    n_dropped = 0
    for image, n_other in zip(recording.images, n_idle, strict=True):
        sent, dropped = told[image.pid], image.raw["anomalies"]["dropped_events"]
        assert information[image.pid]["events"] + dropped == sent.allocs + sent.frees + n_other
        spans = information[image.pid]["dropped"]
        assert sum(span["events"] for span in spans) == dropped
        assert sum(span["events"] for span in image.raw["dropped"]) == dropped
        assert all(span["start_ns"] <= span["end_ns"] for span in spans)
        assert [span["start_ns"] for span in spans] == sorted(span["start_ns"] for span in spans)
        # Nothing is in use, and nothing is said to be for certain: a block or two of the threads' and of stdout's.
        assert image.counts.in_use_blocks - image.raw["uncertain"]["blocks"] <= 2 * threads + 1
        n_dropped += dropped
    assert n_dropped > 0
    assert "may have been freed" in run_vizreport("summary", str(trace))


def count_running_losses(trace: Path) -> int:
    """How many events are known to be dropped of processes that have not ended."""
    information = json.loads(run_vizreport("info", "--json", str(trace)))
    return sum(image["dropped_events"] for image in information["processes"] if image["end_time_ns"] is None)


def test_losses_on_the_live_page(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    """While the program runs, and in the end: the page says what the trace that it saves says."""
    trace, said = tmp_path / "a.trace", tmp_path / "said"
    options = ("--spool", "64K", "--buffer", "64K", "--when-full", "drop", "--rss-interval", "0")
    with said.open("w") as stderr:
        live = subprocess.Popen(
            vizreport("live", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--save", str(trace)),
            stderr=stderr,
            text=True,
        )
    try:
        wait_until(lambda: "listening on" in said.read_text() and "the live view is at" in said.read_text(), live)
        port, url = (
            re.search(r"listening on 127.0.0.1:(\d+)", said.read_text()),
            re.search(r"at (http\S+)", said.read_text()),
        )
        assert port
        assert url

        def look() -> dict[str, Any]:
            with urllib.request.urlopen(f"{url[1]}look?", timeout=TIMEOUT_S) as answer:
                shown: dict[str, Any] = json.load(answer)["shown"]
                return shown

        with Proxy(int(port[1]), bytes_per_second=100_000) as proxy:
            process = stream(
                vizzytrace, proxy.port, program("losses.c", "-pthread"), "1", "2", "500000", options=options
            )
            time.sleep(1)
            proxy.bytes_per_second = float("inf")
            wait_until(lambda: has_come(trace) and look()["figures"]["dropped events"] > 0, process)
            assert not look()["ended"]
            recording = finish(process, trace)
        wait_until(lambda: look()["ended"], live)
        shown = look()["figures"]
    finally:
        live.send_signal(signal.SIGINT)
        live.wait(TIMEOUT_S)
    (image,) = recording.images
    assert (
        shown["dropped events"]
        == image.raw["anomalies"]["dropped_events"]
        == sum(span["events"] for span in image.raw["dropped"])
    )
    assert (shown["allocations"], shown["frees"]) == (image.counts.allocs, image.counts.frees)
    (told,) = (tally.counts for tally in read_tallies(recording.stdout))
    n_sent, n_received = told.allocs + told.frees, shown["allocations"] + shown["frees"]
    assert 0 <= n_received + shown["dropped events"] - n_sent <= 2  # and what its thread and stdout need


def test_nothing_changes_for_the_program(vizzytrace: Path, tmp_path: Path) -> None:
    """Descriptors and signals are what they are without us, also when the receiver is gone: no SIGPIPE for anybody."""
    command = ("sh", "-c", "sleep 1; ls /proc/self/fd; grep ^Sig /proc/self/status; kill -PIPE 0; echo survived")
    guarded = ("sh", "-c", f"trap '' PIPE; exec {command[0]} -c '{command[2]}'")
    native = start(*guarded)
    expected = native.communicate(timeout=TIMEOUT_S)[0]
    with receiving(tmp_path / "a.trace") as receiver:
        process = stream(vizzytrace, receiver.port, *guarded, options=("--wait", "command"))
        time.sleep(0.3)
        receiver.process.kill()
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    stdout, _ = process.communicate(timeout=TIMEOUT_S)
    assert stdout == expected


def test_another_receiver_has_nothing_of_it(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    """A new receiver without the old one's file can't go on with a stream; it is not asked without a pause."""
    trace = tmp_path / "a.trace"
    with receiving(trace) as receiver, Proxy(receiver.port) as proxy:
        process = stream(vizzytrace, proxy.port, program("churn.c"), str(1 << 40))
        wait_until(lambda: has_come(trace, 20_000), process)
        with receiving(tmp_path / "other.trace") as second:
            proxy.target = second.port
            receiver.process.kill()
            second.wait_for("its beginning went to another receiver: to go on with it")
            before = proxy.n_connections
            time.sleep(2)
            assert proxy.n_connections - before <= 5
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate(timeout=TIMEOUT_S)
    assert not (tmp_path / "other.trace").exists()


def test_twenty_targets(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    with receiving(tmp_path / "t-{n}.trace") as receiver:
        processes = [stream(vizzytrace, receiver.port, program("churn.c"), str(1000 + i)) for i in range(20)]
        told = sorted(read_tallies(process.communicate(timeout=TIMEOUT_S)[0])[0].counts.allocs for process in processes)
    traces = list(tmp_path.glob("t-*.trace"))
    received = sorted(read_recording(trace, 0, "", "").main.counts.allocs for trace in traces)
    assert received == told == [1000 + i for i in range(20)]


def test_target_killed(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    trace = tmp_path / "a.trace"
    with receiving(trace) as receiver:
        process = stream(vizzytrace, receiver.port, program("churn.c"), str(1 << 40))
        wait_until(lambda: has_come(trace, 20_000), process)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=TIMEOUT_S)
        receiver.wait_for("broke off")
    recording = read_recording(trace, 0, "", "")
    assert not recording.summary["trace"]["complete"]
    assert recording.main.counts.allocs > 0
    assert not recording.anomalies


def test_receiver_gone(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    """Without a receiver the program runs to its end; then vizzytrace says what did not arrive."""
    trace = tmp_path / "a.trace"
    with receiving(trace) as receiver:
        process = stream(vizzytrace, receiver.port, program("churn.c"), "4000000", "64")
        wait_until(lambda: has_come(trace, 20_000), process)
    stdout, stderr = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0
    assert read_tallies(stdout)
    assert re.search(r"the last \d+ bytes of the trace did not reach it", stderr)


def test_disk_full_at_the_receiver(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    """The stream is kept by the target, and goes on when there is room again."""
    trace = tmp_path / "a.trace"
    options = ("--when-full", "block")
    with receiving(trace, limit_bytes=30_000) as receiver, Proxy(receiver.port) as proxy:
        process = stream(vizzytrace, proxy.port, program("churn.c"), *CHURN, options=options)
        receiver.wait_for("can't be written: File too large")
        with receiving(trace, "--once") as second:
            proxy.target = second.port
            receiver.process.kill()
            check_exact(finish(process, trace))


TEE = ("2", "2", "60000")  # of losses.c: about 1 MB of trace that compresses badly


def test_tee_holds_the_same(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    """One run, written locally and streamed through a network that delays, fragments, throttles and cuts."""
    trace, local = tmp_path / "a.trace", tmp_path / "local.trace"
    cuts = [70_000, 0, 50, 97, 150, 1000, 10_000, 100_000]
    with (
        receiving(trace, "--once") as receiver,
        Proxy(receiver.port, list(cuts), fragment=3000, bytes_per_second=1_000_000, delay_s=0.002) as proxy,
    ):
        process = stream(
            vizzytrace,
            proxy.port,
            program("losses.c", "-pthread"),
            *TEE,
            options=("--tee", str(local), "--buffer", "64K"),
        )
        recording = finish(process, trace)
        assert "is complete" in receiver.wait()
    assert recording.status == 0, recording.stderr
    assert recording.summary["trace"]["complete"]
    assert proxy.n_connections == len(cuts) + 1
    assert trace.read_bytes() == local.read_bytes()
    recorded = read_recording(local, 0, "", "")
    assert [image.anomalies for image in recorded.images] == [{}, {}]
    for tally in read_tallies(recording.stdout):
        counts = recorded.image(tally.pid).counts
        assert counts.allocs - tally.counts.allocs == counts.in_use_blocks <= 3  # its threads' and stdout's


def test_tee_needs_no_receiver_that_lives(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    """The receiver dies: the file is whole all the same, what arrived is its beginning, and nobody has to wait."""
    trace, local = tmp_path / "a.trace", tmp_path / "local.trace"
    with receiving(trace) as receiver:
        process = stream(vizzytrace, receiver.port, program("churn.c"), *CHURN, options=("--tee", str(local)))
        wait_until(lambda: has_come(trace, 1), process)
        receiver.process.kill()
    wait_until(lambda: ends_in_trailer(local), process)
    process.send_signal(signal.SIGINT)
    begin = time.monotonic()
    recording = finish(process, local)
    assert time.monotonic() - begin < 5
    check_exact(recording)
    assert re.search(
        rf"the last \d+ bytes of the trace did not reach the receiver; {local} has all of it", recording.stderr
    )
    assert local.read_bytes().startswith(trace.read_bytes()[:100])


def ends_in_trailer(trace: Path) -> bool:
    """Tells whether a recording has ended in order."""
    return trace.read_bytes()[-16:-8] == struct.pack("<Q", 0x0A0D5A5945565695)


def test_tee_goes_on_when_the_receiver_refuses(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    trace, local, token = tmp_path / "a.trace", tmp_path / "local.trace", tmp_path / "token"
    token.write_text("secret")
    with receiving(trace) as receiver, Proxy(receiver.port) as proxy:
        options = ("--tee", str(local))
        process = stream(vizzytrace, proxy.port, program("losses.c", "-pthread"), "1", "1", "400000", options=options)
        wait_until(lambda: has_come(trace, 1), process)
        with receiving(trace, "--token-file", str(token)) as second:
            proxy.target = second.port
            receiver.process.kill()
            recording = finish(process, local)
    assert recording.status == 0
    assert (
        f"nothing more is sent: it wants a token: give --token-file; the recording goes on in {local}"
        in recording.stderr
    )
    assert recording.summary["trace"]["complete"]
    assert not recording.anomalies


def test_tee_drops_nothing_while_the_viewer_is_slow(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    trace, local = tmp_path / "a.trace", tmp_path / "local.trace"
    with receiving(trace) as receiver, Proxy(receiver.port, bytes_per_second=10_000) as proxy:
        options = ("--tee", str(local), "--buffer", "64K")
        process = stream(vizzytrace, proxy.port, program("churn.c"), "2000000", "64", options=options)
        wait_until(lambda: local.exists() and ends_in_trailer(local), process)
        process.send_signal(signal.SIGTERM)
        check_exact(finish(process, local))


@pytest.mark.parametrize(
    ("options", "log", "message"),
    [
        (("--tee", "local.trace"), "other.trace", "--tee local.trace: is for streams; other.trace is a file itself"),
        (("--tee", "/dev/null"), "tcp://127.0.0.1:1", "/dev/null: --tee takes a regular file"),
        (("--tee", "missing/local.trace"), "tcp://127.0.0.1:1", "missing/local.trace: can't write the trace"),
        (("--tee", "/bin/true"), "tcp://127.0.0.1:1", "--tee /bin/true: is a program, which the trace would overwrite"),
    ],
)
def test_wrong_tees(vizzytrace: Path, tmp_path: Path, options: tuple[str, ...], log: str, message: str) -> None:
    run = subprocess.run([vizzytrace, *options, log, "true"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert run.returncode == 125
    assert message in run.stderr
    assert list(tmp_path.iterdir()) == []


HELLO = struct.pack("<QHHI16s32s", 0x0A0D5A5953545695, 1, 0, 0, b"i" * 16, b"n" * 32)


def open_by_hand(port: int, hello: bytes = HELLO) -> socket.socket:
    """Goes through the opening without a token."""
    sender = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
    sender.sendall(hello)
    if sender.recv(48, socket.MSG_WAITALL):
        sender.sendall(bytes(32))
        sender.recv(48, socket.MSG_WAITALL)
        sender.sendall(bytes(8))
    return sender


@pytest.mark.parametrize(
    ("bytes_sent", "message"),
    [
        (b"GET / HTTP/1.1\r\n\r\n" * 10, "this is no vizzy trace"),
        (b"", None),
    ],
)
def test_garbage_harms_nobody(
    vizzytrace: Path, program: Program, tmp_path: Path, bytes_sent: bytes, message: str | None
) -> None:
    with receiving(tmp_path / "t-{n}.trace") as receiver:
        for hello in (b"GET / HTTP/1.1\r\n\r\n" * 10, HELLO[:8] + b"\7" + HELLO[9:], HELLO[:30]):
            sender = socket.create_connection(("127.0.0.1", receiver.port))
            sender.sendall(hello)
            sender.shutdown(socket.SHUT_WR)
            with suppress(ConnectionError):
                sender.recv(100)
            sender.close()
        sender = open_by_hand(receiver.port)
        sender.sendall(bytes_sent)
        process = stream(vizzytrace, receiver.port, program("churn.c"), "1000")
        stdout, stderr = process.communicate(timeout=TIMEOUT_S)
        sender.close()
        if message:
            receiver.wait_for(message)
    said = receiver.said.read_text()
    assert "what came is no vizzy stream" in said
    assert "the stream has version 7" in said
    assert "Traceback" not in said
    (trace,) = tmp_path.glob("t-*.trace")  # what the others sent left nothing
    check_exact(read_recording(trace, process.returncode, stdout, stderr))


def test_thousands_that_say_nothing(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    """They neither keep a sender out nor fill the receiver's memory."""
    trace = tmp_path / "a.trace"
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    idle: list[socket.socket] = []
    try:
        with receiving(trace) as receiver:
            before = measure_memory(receiver.process.pid)
            for _ in range(2000):
                idle.append(socket.create_connection(("127.0.0.1", receiver.port)))
                with suppress(ConnectionError):
                    idle[-1].sendall(HELLO[:60])
            process = stream(vizzytrace, receiver.port, program("churn.c"), "1000")
            check_exact(finish(process, trace))
            assert measure_memory(receiver.process.pid) - before < 16 << 20
    finally:
        for connection in idle:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_too_few_descriptors(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    """Connections that can't be taken are told of now and then, and nobody who sends is kept out for long."""
    trace = tmp_path / "a.trace"
    idle: list[socket.socket] = []
    with receiving(trace, prefix=("sh", "-c", 'ulimit -n 40; exec "$@"', "sh")) as receiver:
        try:
            for _ in range(90):
                idle.append(socket.create_connection(("127.0.0.1", receiver.port)))
            check_exact(finish(stream(vizzytrace, receiver.port, program("churn.c"), "1000"), trace))
        finally:
            for connection in idle:
                connection.close()
        said = receiver.said.read_text()
    assert "Traceback" not in said
    assert said.count("\n") < 60


def measure_memory(pid: int) -> int:
    """Returns the most memory that a process has had, bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024


def test_malformed_stream_keeps_what_was_sound(
    vizzytrace: Path, program: Program, record: Callable[..., Recording], tmp_path: Path
) -> None:
    whole = record(program("churn.c"), "100000")
    data = bytearray(whole.trace.read_bytes())
    data[len(data) // 2] ^= 1
    trace = tmp_path / "cut.trace"
    with receiving(trace) as receiver:
        sender = open_by_hand(receiver.port)
        sender.sendall(data)
        receiver.wait_for("is damaged; the connection is closed")
        sender.close()
    received = trace.read_bytes()
    assert 100 < len(received) <= len(data) // 2
    assert whole.trace.read_bytes().startswith(received)
    assert not read_recording(trace, 0, "", "").summary["trace"]["complete"]


@pytest.mark.parametrize(
    ("ours", "theirs", "message"),
    [
        ("secret", "secret", None),
        ("secret", "wrong", "it has another token"),
        (None, "secret", "it wants a token: give --token-file"),
        ("secret", None, "it does not know our token"),
    ],
)
def test_tokens(
    vizzytrace: Path, program: Program, tmp_path: Path, ours: str | None, theirs: str | None, message: str | None
) -> None:
    def token_option(token: str | None) -> tuple[str, ...]:
        path = tmp_path / f"token-{hashlib.sha256(str(token).encode()).hexdigest()[:8]}"
        path.write_text(f"{token}\n")
        return ("--token-file", str(path)) if token else ()

    trace = tmp_path / "a.trace"
    with receiving(trace, *token_option(theirs)) as receiver:
        process = stream(vizzytrace, receiver.port, program("churn.c"), "1000", options=token_option(ours))
        stdout, stderr = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == (125 if message else 0)
    assert (message or "") in stderr
    assert bool(stdout) is (message is None), "the program must not run if nothing can be recorded"


def test_nobody_listens(vizzytrace: Path, program: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    process = stream(vizzytrace, port, program("churn.c"))
    stdout, stderr = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, stdout) == (125, "")
    assert stderr.count("\n") == 1
    assert "nobody listens there; start `vizreport receive`" in stderr


@pytest.mark.parametrize("target", ["tcp://", "tcp://host", "tcp://:1", "tcp://::1:7788", "tcp://host:"])
def test_wrong_targets(vizzytrace: Path, target: str) -> None:
    run = subprocess.run([vizzytrace, target, "true"], capture_output=True, text=True, check=False)
    assert run.returncode == 125
    assert "is no tcp://HOST:PORT" in run.stderr


def test_beyond_this_machine_wants_a_token(tmp_path: Path) -> None:
    run = subprocess.run(
        vizreport("receive", "--listen", "0.0.0.0:0", "-o", str(tmp_path / "a")),
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    assert run.returncode == 1
    assert "give --token-file FILE, or --insecure" in run.stderr
