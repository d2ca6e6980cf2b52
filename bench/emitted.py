"""What recording without vizzytrace costs: `python bench/emitted.py`, about a minute.

The churn workload runs natively, under vizzytrace, and with libraries preloaded that were emitted for different
buffers. Processor time is that of all processes; resident memory that of the process that was started.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VIZZYTRACE = ROOT / "build/release/launcher/vizzytrace"
ROUNDS, RUNS = 5_000_000, 5
LOOK_SECONDS = 0.02
BUFFERS = ("64K", "256K", "1M", "16M")
N_EVENTS = 2 * ROUNDS


def build(folder: Path) -> Path:
    """Compiles the workload."""
    program = folder / "churn"
    subprocess.run(["cc", "-O2", "-pthread", "-o", program, ROOT / "bench/workloads/churn.c"], check=True)
    return program


def run(command: list[str | Path], library: Path | None) -> tuple[float, int]:
    """Runs a command, and returns processor seconds and the most resident bytes of its process that were seen."""
    environment = dict(os.environ)
    if library is not None:
        environment["LD_PRELOAD"] = str(library)
    pid = os.posix_spawn(command[0], [str(word) for word in command], environment)
    resident = 0
    while True:
        try:
            pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
            resident = max(resident, int(pages) * os.sysconf("SC_PAGESIZE"))
        except (OSError, IndexError):
            pass  # it has just ended
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            break
        time.sleep(LOOK_SECONDS)
    if status:
        sys.exit(f"{command[0]}: ended with wait status {status}")
    return usage.ru_utime + usage.ru_stime, resident


def main() -> None:
    """Prints a table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        trace = folder / "trace"
        workload: list[str | Path] = [build(folder), str(ROUNDS), "1"]
        ways: dict[str, tuple[list[str | Path], Path | None]] = {
            "native": (workload, None),
            "vizzytrace": ([VIZZYTRACE, "-q", trace, *workload], None),
        }
        for size in BUFFERS:
            library = folder / f"lib{size}.so"
            subprocess.run([VIZZYTRACE, "-q", "--emit-library", library, "--buffer", size, trace], check=True)
            ways[f"emitted, {size}"] = (workload, library)
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        facts: dict[str, tuple[int, int]] = {}
        for _ in range(RUNS):  # in turn: a machine gets slower and faster
            for way, (command, preloaded) in ways.items():
                trace.unlink(missing_ok=True)
                taken, resident = run(command, preloaded)
                seconds[way].append(taken)
                facts[way] = resident, trace.stat().st_size if trace.exists() else 0
        native = statistics.median(seconds["native"])
        print("| way | added ns per event | resident MiB | bytes per event |\n|---|---:|---:|---:|")
        for way in ways:
            added = (statistics.median(seconds[way]) - native) / N_EVENTS * 1e9
            resident, stored = facts[way]
            print(f"| {way} | {added:.1f} | {resident / 2**20:.1f} | {stored / N_EVENTS:.2f} |")


if __name__ == "__main__":
    main()
