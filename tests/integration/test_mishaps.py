"""Bad moments and scarce means: the program must not notice, and what is recorded must stay true."""

import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from recording import Program, Record, read_recording, read_tallies


def test_fork_in_a_handler_that_interrupted_a_hook(record: Record, program: Program) -> None:
    recording = record(program("mishaps.c"), "handler", timeout=60)
    assert recording.status == 0, recording.stderr
    assert not recording.main.anomalies
    for child in recording.images[1:]:
        # The block that the interrupted call made was its own, and what the handler did could not be recorded.
        assert child.raw["anomalies"]["unmatched_frees"] <= child.raw["anomalies"]["dropped_events"]


def test_atfork_handler_that_runs_before_the_recorders(record: Record, program: Program) -> None:
    recording = record(program("mishaps.c"), "atfork")
    (tally,) = read_tallies(recording.stdout)
    assert [image.pid for image in recording.images].count(tally.pid) == 1
    assert recording.image(tally.pid).counts == tally.counts
    assert not recording.anomalies


def test_stack_that_was_unmapped(record: Record, program: Program) -> None:
    """What is known to be readable is forgotten with it."""
    recording = record(program("mishaps.c"), "unmap")
    assert recording.status == 0, recording.stderr
    assert recording.main.counts == read_tallies(recording.stdout)[0].counts
    anomalies = {**recording.main.anomalies}
    assert anomalies.pop("unwind_gaps") > 0
    assert not anomalies


def find_least_stack(program: Path) -> int:
    """The smallest alternate stack on which the program's handler runs natively: most of it is the kernel's."""
    low, high = 2048, 65536
    while low < high:
        middle = (low + high) // 2
        run = subprocess.run([program, str(middle)], capture_output=True, check=False)
        low, high = (low, middle) if run.returncode == 0 else (middle + 1, high)
    return high


@pytest.mark.parametrize("to_spare", [256, 1024, 3072, 4096])
def test_small_signal_stacks(record: Record, program: Program, to_spare: int) -> None:
    """The library takes hardly more of it than malloc; where a walk might not fit there is a gap."""
    path = program("small_signal_stack.c", "-Wl,-z,now")
    recording = record(path, str(find_least_stack(path) + to_spare))
    assert recording.status == 0, recording.stderr
    assert recording.main.counts == read_tallies(recording.stdout)[0].counts
    gaps = {"unwind_gaps": 3} if to_spare < 2048 else {}
    assert recording.main.anomalies == gaps


def test_product_that_overflows(record: Record, program: Program) -> None:
    recording = record(program("mishaps.c"), "overflow")
    (tally,) = read_tallies(recording.stdout)
    assert recording.main.counts == tally.counts
    assert not recording.anomalies


def test_exec_of_a_fifo_fails_at_once(record: Record, program: Program, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo", 0o755)
    assert record(program("mishaps.c"), tmp_path / "fifo", timeout=20).status == 0


@pytest.mark.parametrize("closed", ["0", "1", "2", "0 1 2"])
def test_closed_standard_descriptors(vizzytrace: Path, tmp_path: Path, closed: str) -> None:
    trace = tmp_path / "t.trace"
    see = f"for n in {closed}; do test ! -e /proc/$$/fd/$n || exit 9; done"
    close = " ".join(f"{number}>&-" for number in closed.split())
    run = subprocess.run(
        ["sh", "-c", f'exec {close}; exec "$0" -q "$@"', vizzytrace, trace, "sh", "-c", see], check=False, timeout=60
    )
    recording = read_recording(trace, run.returncode, "", "")
    assert recording.status == 0
    assert recording.main.counts.allocs > 0
    assert not recording.anomalies


def limit_descriptors() -> None:
    """Too few for one descriptor of each process."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (12, 12))


def lose_privileges() -> None:
    """To a user that may not look into processes that are not dumpable."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)


@pytest.mark.parametrize("scarcity", [limit_descriptors, lose_privileges])
def test_processes_that_can_not_be_watched(vizzytrace: Path, program: Program, scarcity: Callable[[], None]) -> None:
    """They are neither taken for dead nor waited for in vain."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o777)
        trace = Path(directory, "t.trace")
        recorder, hidden = (shutil.copy(path, directory) for path in (vizzytrace, program("mishaps.c")))
        run = subprocess.run(
            [recorder, "-q", "--buffer", "64K", trace, hidden, "hidden"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            preexec_fn=scarcity,
        )
        recording = read_recording(trace, run.returncode, run.stdout, run.stderr)
    assert recording.status == 0, recording.stderr
    tallies = read_tallies(recording.stdout)
    assert len(tallies) == 4
    for tally in tallies:
        assert recording.image(tally.pid).counts == tally.counts
    assert not recording.anomalies


def limit_address_space() -> None:
    """To an amount that the library must leave to the program, as it must leave room for itself."""
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, resource.RLIM_INFINITY))


def test_limited_address_space(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    trace = tmp_path / "t.trace"
    run = subprocess.run(
        [vizzytrace, "-q", trace, program("mishaps.c"), "fill"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=limit_address_space,
    )
    recording = read_recording(trace, run.returncode, run.stdout, run.stderr)
    tallies = read_tallies(recording.stdout)
    assert [tally.name for tally in tallies] == ["child", "main"]
    for tally in tallies:
        assert recording.image(tally.pid).counts.in_use_blocks == tally.counts.in_use_blocks
        assert tally.counts.allocs > 850  # MiB of 1,024
