"""Processes that record themselves, by a library of `vizzytrace --emit-library`: as exact as under vizzytrace.

Each process writes a trace of its own. What a program says of itself, or a recording by vizzytrace, must be in it.
"""

import contextlib
import os
import random
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from receiving import receiving
from recording import (
    ENVIRONMENT,
    TIMEOUT_SECONDS,
    Image,
    Program,
    Record,
    Require,
    read_main_images,
    read_recording,
    read_tallies,
)
from test_endings import STATUSES, Ledger, assert_complete, wait_for_threads


@dataclass(frozen=True, slots=True)
class Emitted:
    """A run under an emitted library: how it ended, what was printed, and the images, one of each trace."""

    status: int
    stdout: str
    stderr: str
    traces: tuple[Path, ...]
    images: tuple[Image, ...]

    @property
    def main(self) -> Image:
        """The image of the first trace."""
        return self.images[0]

    def image(self, pid: int) -> Image:
        """The last image of this pid."""
        return [image for image in self.images if image.pid == pid][-1]

    @property
    def anomalies(self) -> list[dict[str, int]]:
        """The anomalies of every image that has some."""
        return [image.anomalies for image in self.images if image.anomalies]


Emit = Callable[..., Emitted]


def emit_library(vizzytrace: Path, folder: Path, log: str, *options: str) -> Path:
    """Writes a library that records into a log of this name."""
    library = folder / "libvizzy.so"
    subprocess.run([vizzytrace, "-q", "--emit-library", library, *options, log], check=True, timeout=TIMEOUT_SECONDS)
    return library


def list_traces(log: Path) -> tuple[Path, ...]:
    """The traces of a log, in the order in which they were begun."""
    return tuple(sorted(log.parent.glob(f"{log.name}*"), key=lambda path: (path != log, path.stat().st_ino)))


@pytest.fixture
def emit(vizzytrace: Path, tmp_path: Path) -> Emit:
    """Runs a command with an emitted library preloaded, and reads the traces."""

    def run_here(
        *command: str | Path,
        options: tuple[str, ...] = (),
        preexec: Callable[[], None] | None = None,
        **run_options: object,
    ) -> Emitted:
        log = tmp_path / "log"
        library = emit_library(vizzytrace, tmp_path, str(log), *options)
        run = subprocess.run(
            list(command),
            env={**ENVIRONMENT, "LD_PRELOAD": str(library)},
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_SECONDS,
            stdin=subprocess.DEVNULL,
            preexec_fn=preexec,
            **run_options,  # type: ignore[call-overload]
        )
        traces = list_traces(log)
        return Emitted(run.returncode, run.stdout, run.stderr, traces, tuple(read_main_images(traces)))

    return run_here


def test_it_equals_a_recording_by_vizzytrace(emit: Emit, record: Record, program: Program) -> None:
    path = program("each_function.c")
    emitted, recording = emit(path), record(path)
    assert (emitted.status, emitted.stdout) == (recording.status, recording.stdout)
    assert emitted.main.counts == recording.main.counts
    assert emitted.main.raw["peak"]["bytes"] == recording.main.raw["peak"]["bytes"]
    assert not emitted.anomalies


@pytest.mark.parametrize("options", [(), ("--buffer", "64K"), ("--free-stacks",), ("--max-depth", "0")], ids=str)
def test_threads_on_one_arena_are_exact(emit: Emit, program: Program, options: tuple[str, ...]) -> None:
    path = program("threads_arena.c")
    none = emit(path, "8", "0", options=options)
    (none.traces[0]).unlink()
    emitted = emit(path, "8", "20000", options=options)
    assert emitted.main.counts - none.main.counts == read_tallies(emitted.stdout)[0].counts
    assert not emitted.anomalies


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("way", STATUSES)
def test_nothing_is_lost(emit: Emit, program: Program, tmp_path: Path, way: str, threads: int) -> None:
    emitted = emit(program("endings.c"), way, tmp_path / "ledger", str(threads), "20011", options=("--buffer", "256K"))
    assert emitted.status == STATUSES[way], emitted.stderr
    ledger = Ledger.read(tmp_path / "ledger")
    assert ledger.allocs_done > 20011
    assert_complete(emitted.main, ledger)
    if threads == 1:
        assert emitted.main.counts.allocs == ledger.allocs_done
        assert emitted.main.counts.frees == ledger.frees_done
    if way == "exec":
        assert emitted.main.raw["exit"] == "exec"
        assert emitted.images[1].raw["exit"] == {"status": 6, "signal": None}
    elif way == "exit":
        assert emitted.main.raw["exit"] == {"status": 5, "signal": None}


def kill_at_random(library: Path, program: Path, trace: Path, seed: int, threads: int) -> Ledger:
    """Starts the program, and kills it by SIGKILL at a random instant. Returns what it wrote until then."""
    ledger = trace.with_suffix(".ledger")
    environment = {**ENVIRONMENT, "LD_PRELOAD": str(library)}
    process = subprocess.Popen([program, "run", ledger, str(threads), str(1 << 60)], cwd=trace.parent, env=environment)
    wait_for_threads(ledger, threads)
    time.sleep(random.Random(seed).uniform(0, 0.03))
    process.kill()
    assert process.wait(timeout=60) == -signal.SIGKILL
    (trace.parent / "log").rename(trace)
    return Ledger.read(ledger)


@pytest.mark.parametrize("threads", [1, 4])
def test_killed_at_random_instants(vizzytrace: Path, program: Program, tmp_path: Path, threads: int) -> None:
    path, together = program("endings.c"), 20  # read together
    library = emit_library(vizzytrace, tmp_path, "log", "--buffer", "64K")
    n_kills = int(os.environ.get("VIZZY_TEST_KILLS", "50"))
    for first in range(0, n_kills, together):
        seeds = range(first, min(first + together, n_kills))
        traces = [tmp_path / f"{seed - first}.trace" for seed in seeds]
        for trace in traces:
            trace.with_suffix(".ledger").unlink(missing_ok=True)
        ledgers = [
            kill_at_random(library, path, trace, seed, threads) for seed, trace in zip(seeds, traces, strict=True)
        ]
        for image, ledger in zip(read_main_images(traces), ledgers, strict=True):
            assert_complete(image, ledger)


WAYS = ["fork", "clone", "fork_exec", "vfork_exec", "spawn", "exec", "failed_exec", "daemon", "generations", "orphan"]


@pytest.mark.parametrize("way", WAYS)
def test_each_process_has_its_trace(emit: Emit, program: Program, way: str) -> None:
    emitted = emit(program("families.c"), way)
    assert emitted.status == (7 if way == "exec" else 0), emitted.stderr
    tallies = read_tallies(emitted.stdout)
    assert tallies
    for tally in tallies:
        counts = [image.counts for image in emitted.images if image.pid == tally.pid]
        assert tally.counts.as_tuple()[:3] in [each.as_tuple()[:3] for each in counts]
    assert not emitted.anomalies


def test_children_can_be_left_out(emit: Emit, program: Program) -> None:
    emitted = emit(program("families.c"), "fork_exec", options=("--children", "none"))
    assert emitted.status == 0
    assert len(emitted.images) == 1


def test_a_child_without_descriptors_goes_on_unrecorded(emit: Emit, program: Program) -> None:
    emitted = emit(program("families.c"), "crowded_fork")
    assert emitted.status == 0
    assert len(emitted.images) == 1
    assert emitted.stderr.count("there are too few descriptors; the recording stops here") == 1


def test_no_trace_is_overwritten(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    library = emit_library(vizzytrace, tmp_path, "log")
    (tmp_path / "log").write_text("older")
    environment = {**ENVIRONMENT, "LD_PRELOAD": str(library)}
    runs = [subprocess.Popen([program("nothing.c")], cwd=tmp_path, env=environment) for _ in range(5)]
    assert [run.wait(timeout=60) for run in runs] == [0] * 5
    assert (tmp_path / "log").read_text() == "older"
    assert {path.name for path in tmp_path.glob("log.*")} == {f"log.{run.pid}" for run in runs}


@pytest.mark.parametrize("where", ["file", "stream"])
def test_closed_descriptors_are_the_programs_own(
    emit: Emit, vizzytrace: Path, program: Program, tmp_path: Path, where: str
) -> None:
    command: list[str | Path] = [program("closes_descriptors.c"), "3000", "100"]
    if where == "file":
        emitted = emit(*command)
        [image], stdout, status = emitted.images, emitted.stdout, emitted.status
    else:
        with receiving(tmp_path / "stream", "--once") as receiver:
            library = emit_library(vizzytrace, tmp_path, f"tcp://127.0.0.1:{receiver.port}", "--when-full", "block")
            run = run_preloaded(library, *command)
            receiver.wait()
        [image], stdout, status = read_main_images([tmp_path / "stream"]), run.stdout, run.returncode
    assert status == 0
    assert image.counts.as_tuple()[:2] == tuple(n + 1 for n in read_tallies(stdout)[0].counts.as_tuple()[:2]) or (
        image.counts.as_tuple()[:2] == read_tallies(stdout)[0].counts.as_tuple()[:2]
    )
    assert not image.anomalies


def run_preloaded(library: Path, *command: str | Path) -> "subprocess.CompletedProcess[str]":
    """Runs a command with a library preloaded."""
    return subprocess.run(
        list(command),
        env={**ENVIRONMENT, "LD_PRELOAD": str(library)},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("options", [("--when-full", "block"), ("--when-full", "drop"), ("--buffer", "64K")], ids=str)
def test_a_stream_is_exact(vizzytrace: Path, program: Program, tmp_path: Path, options: tuple[str, ...]) -> None:
    counts = []
    for rounds in ("0", "5000"):
        output = tmp_path / rounds
        with receiving(output, "--once") as receiver:
            library = emit_library(vizzytrace, tmp_path, f"tcp://127.0.0.1:{receiver.port}", *options)
            run = run_preloaded(library, program("threads_arena.c"), "4", rounds)
            receiver.wait()
        [image] = read_main_images([output])
        counts.append(image.counts)
        lost = image.anomalies.pop("dropped_events", 0)
    if not lost:
        assert counts[1] - counts[0] == read_tallies(run.stdout)[0].counts
        assert not image.anomalies
    assert "block" not in options or not lost


def test_a_token_opens_the_stream(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text("one secret\n")
    wrong.write_text("another\n")
    output = tmp_path / "stream"
    with receiving(output, "--token-file", str(right)) as receiver:
        log = f"tcp://127.0.0.1:{receiver.port}"
        library = emit_library(vizzytrace, tmp_path, log, "--token-file", str(wrong))
        run = run_preloaded(library, program("nothing.c"))
        assert run.returncode == 0
        assert run.stderr.count("the receiver has another token, or is none; the recording stops here") == 1
        library = emit_library(vizzytrace, tmp_path, log, "--token-file", str(right))
        run = run_preloaded(library, program("nothing.c"))
        assert (run.returncode, run.stderr) == (0, "")
    assert read_recording(output, 0, "", "").summary["trace"]["complete"]


def test_a_receiver_may_come_later_and_vanish(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    output = tmp_path / "stream"
    with receiving(tmp_path / "port") as receiver:
        port = receiver.port  # free again when it is needed
    library = emit_library(vizzytrace, tmp_path, f"tcp://127.0.0.1:{port}", "--when-full", "block")
    process = subprocess.Popen(
        [program("closes_descriptors.c"), "40000", "50"],
        env={**ENVIRONMENT, "LD_PRELOAD": str(library)},
        stdout=subprocess.PIPE,
        text=True,
    )
    time.sleep(0.5)
    for _ in range(2):
        with receiving(output, listen=f"127.0.0.1:{port}"):
            time.sleep(0.6)
    with receiving(output, "--once", listen=f"127.0.0.1:{port}") as receiver:
        stdout, _ = process.communicate(timeout=TIMEOUT_SECONDS)
        receiver.wait()
    recording = read_recording(output, process.returncode, stdout, "")
    assert process.returncode == 0
    assert recording.summary["trace"]["complete"]
    assert recording.main.counts.frees >= read_tallies(stdout)[0].counts.frees
    assert not recording.anomalies


def test_nobody_waits_for_a_receiver_that_is_not_there(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    with receiving(tmp_path / "port") as receiver:
        port = receiver.port
    library = emit_library(vizzytrace, tmp_path, f"tcp://127.0.0.1:{port}")
    began = time.monotonic()
    run = run_preloaded(library, program("threads_arena.c"), "4", "20000")
    assert (run.returncode, run.stderr) == (0, "")
    assert time.monotonic() - began < 10


def test_a_limit_on_file_sizes_ends_the_recording_only(emit: Emit, program: Program) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (600 << 10, 600 << 10))

    emitted = emit(program("threads_arena.c"), "4", "20000", options=("--buffer", "256K"), preexec=limit)
    assert emitted.status == 0
    assert emitted.stderr.count("the trace is as large as a file may be here") == 1
    assert emitted.main.counts.allocs > 1000
    assert emitted.main.raw["anomalies"]["unmatched_frees"] == 0
    assert emitted.main.raw["anomalies"]["duplicate_allocations"] == 0


def test_a_trace_that_is_removed_ends_the_recording_only(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    library = emit_library(vizzytrace, tmp_path, str(tmp_path / "log"))
    process = subprocess.Popen(
        [program("closes_descriptors.c"), "4000", "200"],
        env={**ENVIRONMENT, "LD_PRELOAD": str(library)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(0.3)
    (tmp_path / "log").rename(tmp_path / "moved")
    _, stderr = process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode == 0
    assert stderr.count("there is no such directory; the recording stops here") <= 1
    [image] = read_main_images([tmp_path / "moved"])
    assert image.counts.allocs > 100
    assert not {"unmatched_frees", "duplicate_allocations"} & set(image.anomalies)


BEHAVIOURS: list[tuple[str, ...]] = [
    ("handlers.c", "100"),
    ("mishaps.c", "atfork"),
    ("mishaps.c", "overflow"),
    ("early_late.c",),
    ("exceptions.cpp", "500"),
    ("thread_ends.c", "1000"),
    ("threads_many.c", "6", "3"),
    ("fork_storm.c", "10"),
    ("storm.c",),
]


@pytest.mark.parametrize("command", BEHAVIOURS, ids=str)
def test_programs_behave_as_without(emit: Emit, program: Program, command: tuple[str, ...]) -> None:
    path = program(command[0])
    plain = subprocess.run(
        [path, *command[1:]], env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS
    )
    emitted = emit(path, *command[1:], options=("--buffer", "64K"))
    assert (emitted.status, emitted.stderr) == (plain.returncode, plain.stderr)
    for tally in read_tallies(emitted.stdout):
        found = [image.counts.as_tuple() for image in emitted.images if image.pid == tally.pid]
        assert any(counts[1] >= tally.counts.frees and counts[0] >= tally.counts.allocs for counts in found)
    assert not emitted.anomalies


@pytest.mark.parametrize("way", ["strict", "strict_syscall", "filter", "filter_syscall"])
def test_a_sandbox_that_kills_is_kept_away_from(emit: Emit, program: Program, way: str) -> None:
    emitted = emit(program("sandboxed.c"), way)
    assert (emitted.status, emitted.stdout, emitted.stderr) == (3, "done\n", "")
    assert emitted.main.counts.allocs == 4096
    assert not emitted.anomalies


def test_a_fork_in_a_handler_that_interrupted_a_hook(emit: Emit, program: Program) -> None:
    emitted = emit(program("mishaps.c"), "handler")
    assert emitted.status == 0, emitted.stderr
    assert not emitted.main.anomalies
    for child in emitted.images[1:]:
        assert child.raw["anomalies"]["unmatched_frees"] <= child.raw["anomalies"]["dropped_events"]


def test_a_chroot_ends_the_recording_only(emit: Emit, program: Program, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may chroot")
    (tmp_path / "root").mkdir()
    emitted = emit(program("confines.c"), "chroot", tmp_path / "root", "/nothing")
    assert emitted.status == 0
    assert emitted.stderr.count("the recording stops here") == 1
    assert not {"unmatched_frees", "duplicate_allocations"} & set(emitted.main.anomalies)


def test_an_exit_gives_the_memorys_room_back(emit: Emit, program: Program) -> None:
    emitted = emit(program("nothing.c"))
    assert emitted.traces[0].stat().st_size > 128 << 10
    assert emitted.traces[0].stat().st_blocks * 512 < 64 << 10
    assert emitted.main.raw["exit"] == {"status": 0, "signal": None}


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_descriptors(emit: Emit, program: Program, closed: str) -> None:
    command = ["sh", "-c", f"exec '{program('churn.c')}' 2000 16 {closed}"]
    plain = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS)
    emitted = emit(*command, options=("--buffer", "64K"))
    assert (emitted.status, emitted.stderr) == (plain.returncode, plain.stderr)
    assert emitted.images[-1].counts.allocs >= 2000
    assert not emitted.anomalies


def test_a_stream_outlives_an_exec_that_fails(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    with receiving(tmp_path / "stream") as receiver:
        library = emit_library(vizzytrace, tmp_path, f"tcp://127.0.0.1:{receiver.port}")
        run = run_preloaded(library, program("families.c"), "failed_exec")
    assert (run.returncode, run.stderr) == (0, "")
    recording = read_recording(tmp_path / "stream", run.returncode, run.stdout, run.stderr)
    assert recording.summary["trace"]["complete"]
    assert recording.main.raw["exit"] == {"status": 0, "signal": None}
    assert recording.main.counts.as_tuple()[:3] == read_tallies(run.stdout)[-1].counts.as_tuple()[:3]


@pytest.mark.parametrize("is_full", [False, True], ids=["nobody reads", "full"])
def test_what_is_said_at_the_end_hurts_nobody(
    vizzytrace: Path, program: Program, tmp_path: Path, *, is_full: bool
) -> None:
    """Standard error is a pipe that would end or block the program, which itself never writes there."""
    library = emit_library(vizzytrace, tmp_path, str(tmp_path / "log"), "--buffer", "64K")
    reader, writer = os.pipe()
    if is_full:
        os.set_blocking(writer, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, bytes(4096))
        os.set_blocking(writer, True)
    else:
        os.close(reader)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300 << 10, 300 << 10))

    run = subprocess.run(
        [program("threads_arena.c"), "4", "20000"],
        env={**ENVIRONMENT, "LD_PRELOAD": str(library)},
        stdout=subprocess.PIPE,
        stderr=writer,
        check=False,
        timeout=TIMEOUT_SECONDS,
        preexec_fn=limit,
        restore_signals=True,
    )
    os.close(writer)
    assert run.returncode == 0
    [image] = read_main_images([tmp_path / "log"])
    assert image.counts.allocs > 100
    assert image.raw["exit"] == {"status": None, "signal": None}


def test_a_child_that_can_not_be_recorded_says_nothing_of_its_parent(emit: Emit, tmp_path: Path) -> None:
    code = tmp_path / "forks.py"
    code.write_text(
        "import os, resource\n"
        "old = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50 << 10, old[1]))\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    os._exit(0)\n"
        "os.waitpid(pid, 0)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, old)\n"
    )
    emitted = emit("python3", code)
    assert emitted.status == 0
    assert emitted.main.raw["exit"] == {"status": 0, "signal": None}
    assert not emitted.main.anomalies


def test_a_thread_that_closes_all_descriptors_ends_nothing(emit: Emit, require: Require, tmp_path: Path) -> None:
    source = tmp_path / "closer.c"
    source.write_text(
        """#define _GNU_SOURCE
        #include <pthread.h>
        #include <stdatomic.h>
        #include <stdlib.h>
        #include <unistd.h>
        static _Atomic int done;
        static void *closes(void *argument)
        {
            while (!done)
                for (int fd = 3; fd < 1024; fd++)
                    close(fd);
            return argument;
        }
        int main(void)
        {
            pthread_t thread;
            pthread_create(&thread, NULL, closes, NULL);
            for (int i = 0; i < 200000; i++)
                free(malloc(1 + (size_t)i % 99));
            done = 1;
            return pthread_join(thread, NULL);
        }
        """
    )
    subprocess.run([require("cc"), "-O1", "-fno-builtin", "-pthread", "-o", tmp_path / "closer", source], check=True)
    emitted = emit(tmp_path / "closer", options=("--buffer", "64K"))
    assert (emitted.status, emitted.stderr) == (0, "")
    assert emitted.main.counts.frees >= 200000
    assert not emitted.anomalies


def test_a_library_with_a_token_is_its_owners_alone(vizzytrace: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret")
    library = emit_library(vizzytrace, tmp_path, "tcp://127.0.0.1:1", "--token-file", str(tmp_path / "token"))
    assert library.stat().st_mode & 0o777 == 0o700
    library.unlink()
    assert emit_library(vizzytrace, tmp_path, "log").stat().st_mode & 0o777 == 0o755


def test_forks_wait_for_nobody_who_writes(emit: Emit, require: Require, tmp_path: Path) -> None:
    """A thread allocates with a lock that fork() takes too, the C library's of all its files."""
    source = tmp_path / "forks.c"
    source.write_text(
        """#define _GNU_SOURCE
        #include <pthread.h>
        #include <stdatomic.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <sys/wait.h>
        #include <unistd.h>
        static _Atomic int done;
        static ssize_t take(void *cookie, const char *bytes, size_t n)
        {
            (void)cookie, (void)bytes;
            for (int i = 0; i < 500; i++)
                free(malloc(1 + (size_t)i));
            return (ssize_t)n;
        }
        static void *writes(void *argument)
        {
            FILE *file = fopencookie(NULL, "w", (cookie_io_functions_t){.write = take});
            while (!done) {
                fputc('x', file);
                fflush(NULL);
            }
            return argument;
        }
        int main(void)
        {
            pthread_t thread;
            pthread_create(&thread, NULL, writes, NULL);
            for (int i = 0; i < 20; i++) {
                pid_t child = fork();
                if (child == 0)
                    _exit(0);
                waitpid(child, NULL, 0);
            }
            done = 1;
            return pthread_join(thread, NULL);
        }
        """
    )
    subprocess.run([require("cc"), "-O1", "-fno-builtin", "-pthread", "-o", tmp_path / "forks", source], check=True)
    began = time.monotonic()
    emitted = emit(tmp_path / "forks", options=("--buffer", "64K"))
    assert (emitted.status, emitted.stderr) == (0, "")
    assert time.monotonic() - began < 60
    assert not emitted.main.anomalies
