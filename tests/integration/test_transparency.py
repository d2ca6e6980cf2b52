"""The program comes first: what it sees and does is the same with and without vizzytrace."""

import os
import pty
import resource
import select
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from recording import Program, Record, Require, read_recording, read_tallies


def run_both(
    vizzytrace: Path, trace: Path, command: list[str | Path], **options: object
) -> tuple[subprocess.CompletedProcess[str], subprocess.CompletedProcess[str]]:
    """Runs a command natively and under vizzytrace, from the same state."""
    native = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **options)  # type: ignore[call-overload]
    recorded = subprocess.run(
        [vizzytrace, trace, *command], capture_output=True, text=True, check=False, timeout=60, **options
    )  # type: ignore[call-overload]
    return native, recorded


def unusual_state() -> None:
    """Leaves a child with an unusual umask, priority, signal mask, dispositions, limits and descriptors."""
    os.umask(0o027)
    os.nice(3)
    for number in (signal.SIGUSR1, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2, signal.SIGALRM})
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, 300))
    resource.setrlimit(resource.RLIMIT_STACK, (4 << 20, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 4096))
    os.dup2(1, 7)


@pytest.mark.parametrize("prepare", [None, unusual_state], ids=["usual", "unusual"])
def test_surroundings_are_the_same(
    vizzytrace: Path, program: Program, tmp_path: Path, prepare: Callable[[], None] | None
) -> None:
    command: list[str | Path] = [program("surroundings.c"), str(os.getpgrp()), "", "an argument"]
    native, recorded = run_both(
        vizzytrace,
        tmp_path / "t.trace",
        command,
        preexec_fn=prepare,
        close_fds=prepare is None,
        stdin=subprocess.DEVNULL,
        cwd=tmp_path,
    )
    assert native.returncode == recorded.returncode == 0
    assert recorded.stdout.splitlines() == native.stdout.splitlines()


def test_closed_standard_descriptors_stay_closed(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    script = '"$@" 0<&- 2<&-'
    surroundings = str(program("surroundings.c"))
    native, recorded = run_both(vizzytrace, tmp_path / "t.trace", ["sh", "-c", script, "sh", surroundings])
    assert recorded.stdout.splitlines() == native.stdout.splitlines()
    direct = subprocess.run(
        ["sh", "-c", script, "sh", vizzytrace, tmp_path / "u.trace", surroundings],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    shown = [line for line in direct.stdout.splitlines() if line.startswith("descriptor")]
    assert shown == [line for line in native.stdout.splitlines() if line.startswith("descriptor")]


def test_output_input_and_status_pass_through(record: Record, tmp_path: Path) -> None:
    recording = record("sh", "-c", "cat; echo to stderr >&2; exit 42", stdin="line 1\nline 2", options=["-q"])
    assert (recording.status, recording.stdout, recording.stderr) == (42, "line 1\nline 2", "to stderr\n")


def test_a_file_size_limit_is_the_programs_alone(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    script = 'ulimit -f 16; "$@"'
    run = subprocess.run(
        ["sh", "-c", script, "sh", program("churn.c"), "200000"], capture_output=True, check=False, timeout=60
    )
    assert run.returncode == 0
    run = subprocess.run(
        [vizzytrace, tmp_path / "t.trace", "sh", "-c", script, "sh", program("churn.c"), "200000"],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0
    recording = read_recording(tmp_path / "t.trace", 0, "", "")
    assert recording.images[-1].counts.allocs >= 200000


def test_an_address_space_limit_stops_the_recording_and_not_the_program(
    vizzytrace: Path, program: Program, tmp_path: Path
) -> None:
    run = subprocess.run(
        [
            vizzytrace,
            tmp_path / "t.trace",
            "sh",
            "-c",
            'ulimit -v 60000; exec "$@"',
            "sh",
            program("churn.c"),
            "200000",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert "allocs=200000" in run.stdout


@pytest.mark.parametrize("pairs", [1000, 2_000_000])
def test_a_sandboxed_program_goes_on_and_what_is_lost_is_counted(record: Record, program: Program, pairs: int) -> None:
    recording = record(program("confined.c"), str(pairs))
    assert recording.status == 0, recording.stderr
    tally = read_tallies(recording.stdout)[0].counts
    counts = recording.main.counts
    lost = tally.allocs + tally.frees - counts.allocs - counts.frees
    assert recording.main.raw["anomalies"]["dropped_events"] == lost
    said = [line for line in recording.stderr.splitlines() if "its recording stops here" in line]
    if pairs == 1000:
        assert counts == tally
        assert not said
    else:
        assert len(said) == 1
        assert f"confined (pid {recording.main.pid})" in said[0]


@pytest.mark.parametrize("way", ["strict", "strict_syscall", "filter", "filter_syscall", "tsc"])
def test_a_sandbox_that_kills_is_kept_away_from(record: Record, program: Program, way: str) -> None:
    recording = record(program("sandboxed.c"), way, options=["-q"])
    assert (recording.status, recording.stdout) == (3, "done\n")
    assert recording.main.counts.allocs == 4096
    assert recording.main.raw["exit"] == {"status": 3, "signal": None}
    (said,) = recording.stderr.splitlines()
    assert "its recording stops here: the kernel refused it" in said


def signal_count(stdout: str) -> int:
    """How many signals tests/programs/interrupts.c says have arrived."""
    return int(stdout.rsplit("arrived ", 1)[1].split()[0])


def start_interrupts(vizzytrace: Path, trace: Path, *arguments: str | Path) -> subprocess.Popen[str]:
    """Starts the program that counts signals under vizzytrace, and waits until it is ready."""
    process = subprocess.Popen(
        [vizzytrace, trace, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("ready")
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGQUIT])
def test_a_signal_to_vizzytrace_alone_is_forwarded(
    vizzytrace: Path, program: Program, tmp_path: Path, number: signal.Signals
) -> None:
    process = start_interrupts(vizzytrace, tmp_path / "t.trace", program("interrupts.c"), str(int(number)))
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 0, stderr
    assert signal_count(stdout) == 1
    assert read_recording(tmp_path / "t.trace", 0, stdout, stderr).summary["trace"]["complete"] is True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_vizzytrace_ends_by_the_signal_that_ended_the_command(
    vizzytrace: Path, program: Program, tmp_path: Path, number: signal.Signals
) -> None:
    process = start_interrupts(vizzytrace, tmp_path / "t.trace", program("interrupts.c"), str(int(number)), "die")
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == -number
    recording = read_recording(tmp_path / "t.trace", process.returncode, stdout, stderr)
    assert recording.main.raw["exit"] == {"status": None, "signal": int(number)}
    assert (recording.main.counts.allocs, recording.main.counts.frees) == (1, 1)


def run_on_terminal(command: list[str], keys: bytes, cwd: Path) -> tuple[int, str]:
    """Runs a command on a terminal of its own, types keys once it is ready, and returns its wait status and output."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.execv(command[0], command)
    output = b""
    typed = False
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            data = os.read(terminal, 4096)
        except OSError:  # the last descriptor of the terminal's other side is closed
            break
        output += data
        if not data:
            break
        if b"ready" in output and not typed:
            typed = True
            os.write(terminal, keys)
    os.close(terminal)
    return os.waitpid(pid, 0)[1], output.decode(errors="replace")


def test_control_c_arrives_once(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    command = [str(vizzytrace), "t.trace", str(program("interrupts.c")), str(int(signal.SIGINT))]
    status, output = run_on_terminal(command, b"\x03", tmp_path)
    assert os.waitstatus_to_exitcode(status) == 0, output
    assert signal_count(output) == 1


def test_control_c_ends_both(vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    command = [str(vizzytrace), "t.trace", str(program("interrupts.c")), str(int(signal.SIGINT)), "die"]
    status, output = run_on_terminal(command, b"\x03", tmp_path)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGINT, output
    recording = read_recording(tmp_path / "t.trace", status, output, "")
    assert recording.main.raw["exit"] == {"status": None, "signal": int(signal.SIGINT)}


@pytest.mark.parametrize("number", [None, signal.SIGINT, signal.SIGTERM])
def test_nothing_stays_in_the_temporary_directory(
    vizzytrace: Path, program: Program, tmp_path: Path, number: signal.Signals | None
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    wait_for = str(int(number or signal.SIGTERM))
    process = subprocess.Popen(
        [vizzytrace, tmp_path / "t.trace", program("interrupts.c"), wait_for, "die"],
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    pid = int(process.stdout.readline().split()[1])
    preload = next(
        entry.split(b"=", 1)[1].decode()
        for entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        if entry.startswith(b"LD_PRELOAD=")
    )
    library = Path(preload.split(":")[0])
    assert library.exists()
    assert library.parent.stat().st_mode & 0o7777 == 0o711
    if number is None:
        os.kill(pid, signal.SIGKILL)
    else:
        process.send_signal(number)
    process.communicate(timeout=30)
    assert not library.parent.exists()
    assert list(temporary.iterdir()) == []


def test_a_preload_of_the_users_own_is_kept(record: Record, program: Program, require: Require, tmp_path: Path) -> None:
    require("cc", "gcc")
    own = program("plugin.c", "-shared", "-fPIC", output="plugin_preloaded.so")
    env = {"PATH": os.environ["PATH"], "LD_PRELOAD": str(own)}
    recording = record("sh", "-c", 'echo "$LD_PRELOAD"', env=env)
    assert recording.stdout.strip().split(":")[1:] == [str(own)]


def test_a_library_that_nobody_configured_does_nothing(vizzytrace: Path) -> None:
    """Preloaded as it was built, without a vizzytrace that says where to record to; through an exec, too."""
    library = vizzytrace.parents[1] / "libtrace" / "record" / "libvizzy.so"
    run = subprocess.run(
        ["sh", "-c", "exec env sh -c 'echo $LD_PRELOAD; exit 7'"],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
        env={"PATH": os.environ["PATH"], "LD_PRELOAD": str(library)},
    )
    assert (run.returncode, run.stdout, run.stderr) == (7, f"{library}\n", "")
