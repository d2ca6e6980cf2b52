"""A TCP proxy that mistreats what goes through it: for tests of streams."""

import random
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field


@dataclass(slots=True)
class Proxy:
    """Forwards connections to a port of this machine.

    Attributes:
        target: The port to forward to; may change between connections.
        cut_after: Bytes from the sender after which a connection is broken, one for each connection; then none is.
        fragment: Largest piece to forward at once, bytes.
        bytes_per_second: How fast it reads from the sender.
        delay_s: Longest time that a piece is held back, in each direction.
        n_connections: How many there were.
    """

    target: int
    cut_after: list[int] = field(default_factory=list)
    fragment: int = 1 << 16
    bytes_per_second: float = float("inf")
    delay_s: float = 0.0
    n_connections: int = 0
    port: int = 0
    _listener: socket.socket | None = None

    def __enter__(self) -> "Proxy":
        """Listens."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Takes no more connections."""
        assert self._listener
        self._listener.close()

    def _accept(self) -> None:
        assert self._listener
        while True:
            try:
                sender, _ = self._listener.accept()
            except OSError:
                return
            self.n_connections += 1
            limit = self.cut_after.pop(0) if self.cut_after else None
            try:
                receiver = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                sender.close()
                continue
            threading.Thread(target=self._forward, args=(sender, receiver, limit), daemon=True).start()
            threading.Thread(target=_pump, args=(receiver, sender, self._hold_back), daemon=True).start()

    def _forward(self, sender: socket.socket, receiver: socket.socket, limit: int | None) -> None:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        rest = limit

        def forward(data: bytes) -> bytes:
            nonlocal rest
            time.sleep(len(data) / self.bytes_per_second)
            self._hold_back(data)
            if rest is not None:
                data, rest = data[:rest], rest - len(data)
                if rest <= 0:
                    raise ConnectionError("cut")
            return data

        _pump(sender, receiver, forward, self.fragment)

    def _hold_back(self, data: bytes) -> bytes:
        if self.delay_s:
            time.sleep(random.random() * self.delay_s)
        return data


def _pump(
    source: socket.socket, sink: socket.socket, forward: Callable[[bytes], bytes], fragment: int = 1 << 16
) -> None:
    """Copies until one side ends; then both are closed."""
    generator = random.Random(fragment)
    with suppress(OSError):
        while data := source.recv(generator.randint(1, fragment)):
            sink.sendall(forward(data))
    for side in (source, sink):
        with suppress(OSError):
            side.shutdown(socket.SHUT_RDWR)
        side.close()
