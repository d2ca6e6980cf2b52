"""What vizzytrace does with a receiver that lies, floods, stalls or says nothing: the program notices nothing of it."""

import os
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from receiving import TIMEOUT_S, check_exact, finish, stream
from recording import Program, read_tallies

MAGIC = 0x0A0D5A5953545695
CHALLENGE = struct.pack("<QHHI32s", MAGIC, 1, 0, 0, b"r" * 32)

Behaviour = Callable[[socket.socket, int], None]


@contextmanager
def hostile_receiver(behave: Behaviour) -> Iterator[tuple[int, list[int]]]:
    """Listens, and does to each connection, by its number, what it is told; yields the port, and what was offered."""
    offers: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                connection.settimeout(TIMEOUT_S)
                with connection, suppress(OSError):
                    offers.append(len(offers))
                    behave(connection, offers[-1])

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1], offers


def welcome(connection: socket.socket, offset: int = 0, status: int = 0) -> int:
    """Goes through the opening; returns where the sender begins."""
    connection.recv(64, socket.MSG_WAITALL)
    connection.sendall(CHALLENGE)
    connection.recv(32, socket.MSG_WAITALL)
    connection.sendall(struct.pack("<IIQ32s", status, 0, offset, bytes(32)))
    return int.from_bytes(connection.recv(8, socket.MSG_WAITALL), "little")


def take(connection: socket.socket, begin: int) -> None:
    """Receives and acknowledges all that comes."""
    n = begin
    while data := connection.recv(1 << 16):
        n += len(data)
        connection.sendall(struct.pack("<Q", n))


def acknowledge_too_much(connection: socket.socket, number: int) -> None:
    begin = welcome(connection)
    if number < 2:
        connection.recv(1)
        connection.sendall(struct.pack("<Q", 1 << 62))
        connection.recv(1 << 20)
    else:
        take(connection, begin)


def acknowledge_backwards(connection: socket.socket, number: int) -> None:
    begin = welcome(connection)
    if number == 0:
        connection.sendall(bytes(21))  # the sender hangs up
        while connection.recv(1 << 16):
            pass
    take(connection, begin)


def claim_too_much(connection: socket.socket, number: int) -> None:
    """It claims to have what was never sent: it must get all from the beginning of what is kept."""
    begin = welcome(connection, offset=0 if number == 0 else (1 << 64) - 1)
    if number == 0:
        connection.recv(100)
        return
    assert begin == 0
    take(connection, begin)


def answer_slowly(connection: socket.socket, number: int) -> None:
    """Its opening comes in single bytes."""
    connection.recv(64, socket.MSG_WAITALL)
    for byte in CHALLENGE:
        connection.sendall(bytes([byte]))
        time.sleep(0.002)
    connection.recv(32, socket.MSG_WAITALL)
    for byte in struct.pack("<IIQ32s", 0, 0, 0, bytes(32)):
        connection.sendall(bytes([byte]))
        time.sleep(0.002)
    take(connection, int.from_bytes(connection.recv(8, socket.MSG_WAITALL), "little"))


def have_no_room_for_a_while(connection: socket.socket, number: int) -> None:
    if number in (1, 2):
        welcome(connection, status=number + 1)
    elif number == 0:
        welcome(connection)
        connection.recv(100)
    else:
        take(connection, welcome(connection))


@pytest.mark.parametrize(
    "behave",
    [acknowledge_too_much, acknowledge_backwards, claim_too_much, answer_slowly, have_no_room_for_a_while],
    ids=lambda behave: behave.__name__,
)
def test_all_arrives_in_the_end(vizzytrace: Path, program: Program, tmp_path: Path, behave: Behaviour) -> None:
    """The file beside it is what would have been sent; that all was acknowledged is seen by nobody's complaining."""
    local = tmp_path / "local.trace"
    with hostile_receiver(behave) as (port, _):
        process = stream(vizzytrace, port, program("churn.c"), "100000", "64", options=("--tee", str(local)))
        recording = finish(process, local)
    check_exact(recording)
    assert "did not reach" not in recording.stderr


def flood(connection: socket.socket, number: int) -> None:
    """It sends without an end, and reads nothing."""
    welcome(connection)
    while True:
        connection.sendall(bytes(1 << 16))


def say_nothing(connection: socket.socket, number: int) -> None:
    if number == 0:
        welcome(connection)
    connection.recv(100)
    time.sleep(TIMEOUT_S)


def hang_up(connection: socket.socket, number: int) -> None:
    if number == 0:
        welcome(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize("behave", [flood, say_nothing, hang_up], ids=lambda behave: behave.__name__)
def test_the_program_is_not_held_up(vizzytrace: Path, program: Program, behave: Behaviour) -> None:
    with hostile_receiver(behave) as (port, offers):
        process = stream(vizzytrace, port, program("churn.c"), "1000000", "64", options=("--spool", "64K"))
        assert process.stdout is not None
        begin = time.monotonic()
        told = process.stdout.readline()  # the program has come to its end
        assert time.monotonic() - begin < 20
        time.sleep(2)
        process.send_signal(signal.SIGINT)  # it would wait for 10 s
        stdout, stderr = process.communicate(timeout=TIMEOUT_S)
        assert len(offers) < 30, "it is asked again and again"
    assert process.returncode == 0
    assert read_tallies(told + stdout)
    assert "bytes of the trace did not reach it" in stderr


@pytest.mark.parametrize("behave", [flood, hang_up], ids=lambda behave: behave.__name__)
def test_a_program_that_records_itself_is_not_held_up(
    vizzytrace: Path, program: Program, tmp_path: Path, behave: Behaviour
) -> None:
    """A preloaded library sends from the program's own threads: they must not be kept."""
    library = tmp_path / "libvizzy.so"
    with hostile_receiver(behave) as (port, offers):
        emit: list[str | Path] = [vizzytrace, "-q", "--emit-library", library, f"tcp://127.0.0.1:{port}"]
        subprocess.run(emit, check=True, timeout=TIMEOUT_S)
        begin = time.monotonic()
        run = subprocess.run(
            [program("churn.c"), "1000000", "64"],
            env={**os.environ, "LD_PRELOAD": str(library)},
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )
        assert time.monotonic() - begin < 25  # 10 s of them at the end, at most
        assert len(offers) < 30, "it is asked again and again"
    assert run.returncode == 0
    assert read_tallies(run.stdout)


def test_no_room_at_the_start(vizzytrace: Path, program: Program) -> None:
    def behave(connection: socket.socket, number: int) -> None:
        welcome(connection, status=2)

    with hostile_receiver(behave) as (port, _):
        process = stream(vizzytrace, port, program("churn.c"))
        stdout, stderr = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, stdout) == (125, "")
    assert "the receiver takes no more streams now, or can't write its file: it says which" in stderr


@pytest.mark.parametrize(
    "answer", [b"", b"\0" * 48, b"HTTP/1.1 400 Bad Request\r\n\r\n" * 4, CHALLENGE, CHALLENGE[:47]]
)
def test_what_is_no_receiver(vizzytrace: Path, program: Program, answer: bytes) -> None:
    def behave(connection: socket.socket, number: int) -> None:
        connection.recv(64, socket.MSG_WAITALL)
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(100)

    with hostile_receiver(behave) as (port, _):
        process = stream(vizzytrace, port, program("churn.c"))
        stdout, stderr = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, stdout) == (125, "")
    assert stderr.count("\n") == 1
    assert f"tcp://127.0.0.1:{port}" in stderr
