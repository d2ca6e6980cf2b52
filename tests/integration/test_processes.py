"""Every way to start a process: each image is in the trace with its own totals, what it inherited apart."""

import os
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from recording import Counts, Program, Record, Require, read_recording, read_tallies


@pytest.mark.parametrize(
    "way", ["fork", "clone", "fork_exec", "vfork_exec", "spawn", "generations", "failed_exec", "crowded_fork"]
)
def test_each_image_has_its_own_totals(record: Record, program: Program, way: str) -> None:
    recording = record(program("families.c"), way)
    assert recording.status == 0, recording.stderr
    assert not recording.anomalies
    tallies = read_tallies(recording.stdout)
    assert len(tallies) == {"failed_exec": 1, "fork_exec": 3, "generations": 4}.get(way, 2)
    for tally in tallies:
        exec_number = 0 if way == "fork_exec" and tally.name == "child" else None
        image = recording.image(tally.pid, exec_number)
        if tally.name == "child" and way != "generations":
            assert image.counts == tally.counts
            # Of the two that it inherited it frees one.
            assert image.raw["inherited"] == {"bytes": 173, "blocks": 1}
        else:
            assert image.counts == tally.counts
    assert recording.main.inherited_blocks == 0
    assert len(recording.images) == len(tallies)


def test_generations_inherit_what_their_parents_had(record: Record, program: Program) -> None:
    recording = record(program("families.c"), "generations")
    children = [image for image in recording.images if image.pid != recording.main.pid]
    assert [image.inherited_blocks for image in children] == [2, 3, 4]
    assert [image.ppid for image in children] == [recording.main.pid, children[0].pid, children[1].pid]


def test_forks_of_a_busy_process_are_exact(record: Record, program: Program) -> None:
    recording = record(program("fork_storm.c"), "40")
    assert recording.status == 0, recording.stderr
    assert not recording.anomalies
    children = [tally for tally in read_tallies(recording.stdout) if tally.name == "child"]
    assert len(children) == 40
    assert len(recording.images) == 41
    for child in children:
        assert recording.image(child.pid).counts == child.counts
        assert recording.image(child.pid).ppid == recording.main.pid


def test_exec_ends_one_image_and_starts_another(record: Record, program: Program) -> None:
    recording = record(program("families.c"), "exec")
    assert recording.status == 7
    before, leaf = read_tallies(recording.stdout)
    assert before.pid == leaf.pid
    assert [image.counts for image in recording.images] == [before.counts, leaf.counts]
    assert [image.raw["exec_number"] for image in recording.images] == [0, 1]
    assert recording.images[0].raw["exit"] == "exec"
    assert recording.images[1].raw["exit"] == {"status": 7, "signal": None}
    assert recording.images[1].command == (str(program("families.c")), "leaf")
    assert not recording.anomalies


@pytest.mark.parametrize("attempt", range(5))
@pytest.mark.parametrize("way", ["daemon", "orphan"])
def test_processes_that_outlive_the_command_are_waited_for(
    record: Record, program: Program, way: str, attempt: int
) -> None:
    recording = record(program("families.c"), way)
    assert recording.status == 0
    assert not recording.anomalies
    tallies = {tally.name: tally for tally in read_tallies(recording.stdout)}
    assert set(tallies) == {"parent", way}
    assert recording.image(tallies[way].pid).counts == tallies[way].counts
    assert recording.image(tallies["parent"].pid).counts == tallies["parent"].counts


@pytest.mark.parametrize("way", ["wait", "waitpid", "wait3", "wait4", "waitid", "careless"])
def test_how_short_children_ended_is_known(record: Record, program: Program, way: str) -> None:
    """Though most are gone before the collector has seen them: their parent was told, whether it asked or not."""
    recording = record(program("waits.c"), way, "60")
    assert recording.status == 0, recording.stderr
    told = [tuple(map(int, line.split())) for line in recording.stdout.splitlines()]
    assert len(told) == 61
    for pid, status in told:
        ended = (
            {"status": None, "signal": status} if status < 256 and status else {"status": status >> 8, "signal": None}
        )
        assert recording.image(pid).raw["exit"] == ended


def test_wait_command_ends_with_the_command(record: Record, program: Program) -> None:
    recording = record(program("families.c"), "orphan", options=["--wait", "command"])
    assert recording.status == 0
    parent = read_tallies(recording.stdout)[0]
    assert recording.main.counts == parent.counts


def test_children_can_be_left_out(record: Record, program: Program) -> None:
    recording = record(program("families.c"), "fork_exec", options=["--children", "none"])
    assert [tally.name for tally in read_tallies(recording.stdout)] == ["child", "leaf", "parent"]
    recorded = [image for image in recording.images if image.counts.allocs]
    assert [image.counts for image in recorded] == [read_tallies(recording.stdout)[2].counts]


def test_a_shell_pipeline_is_recorded(record: Record, program: Program, require: Require) -> None:
    require("sort")
    leaf = program("families.c")
    script = f"{leaf} leaf | sort | cat > /dev/null; {leaf} fork | cat; {leaf} leaf"
    recording = record("sh", "-c", script)
    assert recording.status == 7
    assert not recording.anomalies
    leaves = [image for image in recording.images if image.command[1:] == ("leaf",)]
    assert [image.counts for image in leaves] == [Counts(1, 0, 197, 197, 1)] * 2
    assert {Path(image.command[0]).name for image in recording.images} >= {"sh", "sort", "cat", "families"}


def test_make_with_two_jobs_is_recorded(record: Record, require: Require, tmp_path: Path) -> None:
    require("make")
    require("cc", "gcc")
    sources = {f"part{i}.c": f"int part{i}(void) {{ return {i}; }}\n" for i in range(4)}
    sources["main.c"] = "int part0(void); int main(void) { return part0(); }\n"
    sources["Makefile"] = textwrap.dedent("""\
        OBJECTS = main.o part0.o part1.o part2.o part3.o
        program: $(OBJECTS)
        \tcc -o $@ $(OBJECTS)
        %.o: %.c
        \tcc -O1 -c -o $@ $<
        """)
    for name, text in sources.items():
        (tmp_path / name).write_text(text)
    recording = record("make", "-j2", "program", cwd=tmp_path)
    assert recording.status == 0, recording.stderr
    assert (tmp_path / "program").exists()
    assert not recording.anomalies
    ended = [image for image in recording.images if image.raw["exit"] != "exec"]
    names = [Path(image.command[0]).name for image in ended]
    assert names.count("cc1") == 5
    assert names.count("as") == 5
    assert all(image.raw["exit"]["status"] == 0 for image in ended)
    assert recording.main.raw["exit"] == {"status": 0, "signal": None}


def test_a_cleared_environment_is_followed(record: Record, program: Program) -> None:
    recording = record("env", "-i", program("families.c"), "fork_exec")
    assert recording.status == 0
    assert not recording.anomalies
    tallies = {tally.name: tally for tally in read_tallies(recording.stdout)}
    assert recording.image(tallies["leaf"].pid).counts == tallies["leaf"].counts
    assert recording.image(tallies["parent"].pid).counts == tallies["parent"].counts


def test_pythons_ways_to_start_processes(record: Record, program: Program) -> None:
    leaf = program("families.c")
    code = f"""
import multiprocessing, subprocess
subprocess.run([{str(leaf)!r}, "leaf"], close_fds=True)
subprocess.run("{leaf} leaf", shell=True, env={{}})
def work(n):
    return [n] * 1000
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(len(pool.map(work, range(50))))
"""
    recording = record(os.path.realpath(sys.executable), "-B", "-c", code)
    assert recording.status == 0, recording.stderr
    assert recording.stdout.endswith("50\n")
    assert not recording.anomalies
    assert [recording.image(tally.pid).counts for tally in read_tallies(recording.stdout)] == [
        Counts(1, 0, 197, 197, 1)
    ] * 2
    forked = [image for image in recording.images if image.ppid == recording.main.pid and image.inherited_blocks]
    assert len(forked) >= 2


@pytest.fixture
def namespace(require: Require) -> list[str]:
    """The command that runs another in a pid namespace of its own, where it is process 1."""
    command = [require("unshare", "util-linux"), "-pf"]
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no right to make a pid namespace")
    return command


def test_processes_of_another_pid_namespace(record: Record, program: Program, namespace: list[str]) -> None:
    begin = time.monotonic()
    recording = record(*namespace, program("families.c"), "fork")
    assert time.monotonic() - begin < 5, "the end of its processes was not noticed"
    assert recording.status == 0, recording.stderr
    assert not recording.anomalies
    for tally in read_tallies(recording.stdout):
        assert recording.image(tally.pid).counts == tally.counts


def test_a_pid_namespace_that_hides_the_recorder(record: Record, namespace: list[str]) -> None:
    """With a /proc of its own: what it executes can't find vizzytrace, and the trace says so."""
    begin = time.monotonic()
    recording = record(*namespace, "--mount-proc", "sh", "-c", "exit 3")
    assert time.monotonic() - begin < 5, "the end of its processes was not noticed"
    assert recording.status == 3
    assert "name space" in recording.image(1).raw["not_recorded"]


def test_a_recording_can_be_recorded(record: Record, vizzytrace: Path, program: Program, tmp_path: Path) -> None:
    outer = record(vizzytrace, tmp_path / "inner.trace", program("churn.c"), "1000")
    assert outer.status == 0, outer.stderr
    inner = read_recording(tmp_path / "inner.trace", 0, outer.stdout, "")
    tally = read_tallies(outer.stdout)[0]
    assert inner.main.counts == outer.image(tally.pid).counts == tally.counts
    assert not outer.anomalies


def test_sanitized_children_run_all_the_same(record: Record, program: Program) -> None:
    sanitized = program("nothing.c", "-fsanitize=address", output="nothing_sanitized")
    recording = record("sh", "-c", f"{sanitized} 3; {program('nothing.c')} 4")
    assert recording.status == 4
    assert len(read_tallies(recording.stdout)) == 2
    reasons = [image.raw["not_recorded"] for image in recording.images if image.raw["not_recorded"]]
    assert len(reasons) == 1
    assert "sanitizer" in reasons[0]


def test_programs_that_cannot_be_recorded_run_all_the_same(record: Record, program: Program) -> None:
    static = program("nothing.c", "-static", output="nothing_static")
    dynamic = program("nothing.c")
    recording = record("sh", "-c", f"{static} 3; {dynamic} 4")
    assert recording.status == 4
    assert len(read_tallies(recording.stdout)) == 2
    reasons = [image.raw["not_recorded"] for image in recording.images if image.raw["not_recorded"]]
    assert len(reasons) == 1
    assert "static" in reasons[0]


def test_programs_for_another_libc_run_all_the_same(record: Record, require: Require, tmp_path: Path) -> None:
    require("musl-gcc", "musl-tools")
    if not Path("/lib/ld-musl-x86_64.so.1").exists():
        pytest.skip("musl's loader is not installed")
    source = tmp_path / "hello.c"
    source.write_text('#include <stdio.h>\nint main(void) { return puts("hello") < 0; }\n')
    record("musl-gcc", "-o", tmp_path / "hello", source)
    recording = record("sh", "-c", f"{tmp_path}/hello; exit 5")
    assert (recording.status, recording.stdout, recording.stderr.count("ERROR")) == (5, "hello\n", 0)


def assert_left_alone(record: Record, script: str, output: str, reason: str) -> None:
    """Runs a script that starts what can't be recorded: it does as without us, and the trace says why it is missing."""
    recording = record("sh", "-c", script, options=["-q"])
    assert (recording.status, recording.stdout, recording.stderr) == (6, output, "")
    (not_recorded,) = (image.raw["not_recorded"] for image in recording.images if image.raw["not_recorded"])
    assert reason in not_recorded


def test_32_bit_programs_run_all_the_same(record: Record, require: Require, tmp_path: Path) -> None:
    source = Path(__file__).parent.parent / "programs" / "nothing32.s"
    steps: tuple[list[str | Path], ...] = (
        [require("as", "binutils"), "--32", "-o", "32.o", source],
        [require("ld", "binutils"), "-m", "elf_i386"],
    )
    subprocess.run(steps[0], cwd=tmp_path, check=True)
    subprocess.run([*steps[1], "-o", "32", "32.o"], cwd=tmp_path, check=True)
    try:
        subprocess.run([tmp_path / "32"], capture_output=True, check=False)
    except OSError:
        pytest.skip("this kernel runs no 32-bit programs")
    assert_left_alone(record, f"{tmp_path}/32", "32 bits\n", "another architecture")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the user")
@pytest.mark.parametrize("mode", [0o4755, 0o2755], ids=["setuid", "setgid"])
def test_setuid_programs_run_all_the_same(record: Record, program: Program, tmp_path: Path, mode: int) -> None:
    copy = tmp_path / "changes-user"
    shutil.copy(program("nothing.c"), copy)
    os.chown(copy, 65534, 65534)
    copy.chmod(mode)
    assert_left_alone(record, f"{copy} 6 >/dev/null; exit 6", "", "other privileges")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the user")
def test_programs_of_another_user_run_all_the_same(record: Record, require: Require) -> None:
    become = f"{require('setpriv', 'util-linux')} --reuid 65534 --clear-groups"
    assert_left_alone(record, f"{become} id -u; exit 6", "65534\n", "another user")
