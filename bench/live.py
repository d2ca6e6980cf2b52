"""Measures `vizreport live`: whether it keeps up with a stream, and how often pages get something new meanwhile.

`.venv/bin/python bench/live.py TRACE [--rate EVENTS_PER_S] [--pages N]`

A trace is sent as a target sends it, at a rate, to a `vizreport live` that has one core for itself; pages ask as the
live page's script does, from the other cores. Rate 0: as fast as it is taken.
"""

import argparse
import json
import os
import re
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from vizreport.trace import format as fmt
from vizreport.trace.blocks import BLOCK_HEADER_BYTES, read_block_header

VIZREPORT = Path(sys.executable).parent / "vizreport"
HELLO = struct.Struct("<QHHI16s32s")
MAGIC = 0x0A0D5A5953545695
PERIOD_S = 0.4
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def list_pieces(data: bytes) -> list[tuple[int, int]]:
    """Returns where each block ends, and how many events came up to there."""
    view, events, pieces = memoryview(data), 0, []
    header = fmt.FILE_HEADER.fields
    assert header is not None
    at = int.from_bytes(data[header["header_bytes"][1] :][:2], "little")
    while at + BLOCK_HEADER_BYTES <= len(data):
        block = read_block_header(view[at : at + BLOCK_HEADER_BYTES], at)
        if block is None:
            break
        at = block.end
        events += block.count if block.type == fmt.BlockType.EVENTS else 0
        pieces.append((at, events))
    return [*pieces, (len(data), events)]


def send(port: int, data: bytes, rate: float) -> float:
    """Sends a trace, at a rate of events per second; returns after how many seconds all of it was acknowledged."""
    with socket.create_connection(("127.0.0.1", port)) as sender:
        sender.sendall(HELLO.pack(MAGIC, 1, 0, 0, os.urandom(16), os.urandom(32)))
        sender.recv(48, socket.MSG_WAITALL)
        sender.sendall(bytes(32))
        sender.recv(48, socket.MSG_WAITALL)
        sender.sendall(bytes(8))
        start, sent = time.monotonic(), 0
        done = threading.Event()

        def take_acknowledgements() -> None:
            acknowledged = 0
            while acknowledged < len(data):
                acknowledged = int.from_bytes(sender.recv(8, socket.MSG_WAITALL), "little")
            done.set()

        threading.Thread(target=take_acknowledgements, daemon=True).start()
        for end, events in list_pieces(data):
            if rate and (wait := start + events / rate - time.monotonic()) > 0:
                time.sleep(wait)
            sender.sendall(data[sent:end])
            sent = end
        done.wait()
        return time.monotonic() - start


@dataclass
class Page:
    """What one page saw.

    Attributes:
        latencies: From asking to the answer, seconds.
        renewed: When it was told something new.
        behind: How far behind it was told to be, seconds.
        sizes: Of answers with something new, bytes.
    """

    latencies: list[float] = field(default_factory=list)
    renewed: list[float] = field(default_factory=list)
    behind: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    figures: dict[str, int] = field(default_factory=dict)

    def follow(self, url: str, stop: threading.Event) -> None:
        """Asks as often as the page's script does."""
        seen = ""
        while not stop.is_set():
            start = time.monotonic()
            with urllib.request.urlopen(f"{url}look?process=&seen={seen}") as response:
                content = response.read()
            answered = time.monotonic()
            look = json.loads(content)
            self.latencies.append(answered - start)
            self.behind.append(look["behind"])
            if look["shown"] not in (None, "same"):
                self.renewed.append(answered)
                self.sizes.append(len(content))
                self.figures = look["shown"]["figures"]
            seen = look["version"]
            time.sleep(max(PERIOD_S - (time.monotonic() - start), 0.02))


def read_cpu_s(pid: int) -> float:
    """Returns the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def main() -> None:
    """Runs one measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trace", type=Path)
    parser.add_argument("--rate", type=float, default=5e6, help="events per second; 0: as fast as they are taken")
    parser.add_argument("--pages", type=int, default=1)
    parser.add_argument("--core", type=int, default=0, help="that vizreport live has for itself")
    options = parser.parse_args()
    data = options.trace.read_bytes()
    n_events = list_pieces(data)[-1][1]
    with tempfile.TemporaryFile("w+") as said:
        command = ["taskset", "-c", str(options.core), str(VIZREPORT), "live", "--listen", "127.0.0.1:0"]
        process = subprocess.Popen([*command, "--http", "127.0.0.1:0"], stderr=said)
        os.sched_setaffinity(0, os.sched_getaffinity(0) - {options.core})
        try:
            measure(process.pid, *find_addresses(said.fileno()), data, n_events, options)
        finally:
            process.terminate()
            process.wait()


def find_addresses(said: int) -> tuple[int, str]:
    """Waits until vizreport says where it listens; returns the port and the page's address."""
    while True:
        text = os.pread(said, 1 << 16, 0).decode()
        port, url = re.search(r"listening on 127\.0\.0\.1:(\d+)", text), re.search(r"live view is at (\S+)", text)
        if port and url:
            return int(port[1]), url[1]
        time.sleep(0.05)


def measure(pid: int, port: int, url: str, data: bytes, n_events: int, options: argparse.Namespace) -> None:
    """Sends, asks, and prints what happened."""
    stop, pages = threading.Event(), [Page() for _ in range(options.pages)]
    threads = [threading.Thread(target=page.follow, args=(url, stop)) for page in pages]
    for thread in threads:
        thread.start()
    time.sleep(1)
    cpu_s, start = read_cpu_s(pid), time.monotonic()
    took_s = send(port, data, options.rate)
    end = time.monotonic()
    used_s = read_cpu_s(pid) - cpu_s
    deadline = time.monotonic() + 60
    while pages and any(page.behind[-1] > 0 or not page.figures for page in pages) and time.monotonic() < deadline:
        time.sleep(0.05)
    shown_s = time.monotonic() - start
    time.sleep(2 * PERIOD_S)
    stop.set()
    for thread in threads:
        thread.join()
    print(f"{n_events / 1e6:.1f} M events, {len(data) / 1e6:.1f} MB, {options.pages} pages")
    print(f"received in {took_s:.2f} s: {n_events / took_s / 1e6:.2f} M events/s, {len(data) / took_s / 1e6:.1f} MB/s")
    print(f"processor time meanwhile: {used_s:.2f} s, {100 * used_s / took_s:.0f} % of its core")
    for page in pages:
        during = [moment for moment in page.renewed if start <= moment <= end]
        gaps = [after - before for before, after in pairwise(during)]
        print(
            f"a page: {len(during) / took_s:.2f} refreshes/s, at most {max(gaps, default=0):.2f} s apart; answers after"
            f" {1000 * statistics.median(page.latencies):.0f} ms (median), {1000 * max(page.latencies):.0f} ms (most),"
            f" {statistics.median(page.sizes) / 1e3:.0f} kB; behind at most {max(page.behind):.2f} s;"
            f" all {page.figures['allocations'] + page.figures['frees']:,} allocs and frees shown after {shown_s:.2f} s"
        )


if __name__ == "__main__":
    main()
