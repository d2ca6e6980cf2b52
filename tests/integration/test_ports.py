"""The recorder on other machines and with another C library.

Emulated by qemu-user, which can't start one emulated program from another: so the library that vizzytrace emits is
preloaded. Where programs run here, as those of i686 and musl do, vizzytrace itself records. Counts are exact; names and
lines come from the target's files, found below --sysroot.
"""

import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from recording import ENVIRONMENT, ROOT, TIMEOUT_SECONDS, Image, Require, read_tallies, run_vizreport

PROGRAMS = ROOT / "tests" / "programs"
C_TESTS = ("clock", "drain", "encode", "losses", "sandbox", "spool", "stacks", "sys", "unwind")
ROUNDS = 2000
OWN_FUNCTIONS = ("leak", "descend", "run_thread", "on_signal", "be_interrupted", "inner", "plugin_allocate", "main")


@dataclass(frozen=True, slots=True)
class Target:
    """A machine and its C library.

    Attributes:
        triple: As scons and the compiler call it.
        emulator: Runs its programs; None: they run here.
        package: Debian's, of the compiler; or PyPI's ziglang.
    """

    triple: str
    emulator: str | None
    package: str

    @property
    def folder(self) -> Path:
        """Where SCons builds for it."""
        return ROOT / "build" / self.triple

    @property
    def vizzytrace(self) -> Path:
        """The launcher, which carries the library."""
        return self.folder / "launcher" / "vizzytrace"

    def command(self, *arguments: str | Path, preload: Path | None = None) -> list[str]:
        """The command that runs one of its programs, with a library preloaded."""
        words = [str(argument) for argument in arguments]
        if self.emulator is None:
            return words
        preloading = ["-E", f"LD_PRELOAD={preload}"] if preload else []
        root = "/" if self.triple in LOADERS else f"/usr/{self.triple}"
        return [self.emulator, "-L", root, *preloading, *words]

    @property
    def compiler(self) -> list[str]:
        """The command that compiles for it."""
        if self.package == "ziglang":
            return [sys.executable, "-m", "ziglang", "cc", "-target", self.triple, "-dynamic", "-fno-builtin"]
        return ["musl-gcc" if self is MUSL else f"{self.triple}-gcc"]

    def run(self, *arguments: str | Path, preload: Path | None = None) -> str:
        """Runs a program to its successful end; its output."""
        command = self.command(*arguments, preload=preload)
        run = subprocess.run(
            command, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS
        )
        assert run.returncode == 0, f"{' '.join(command)}: status {run.returncode}\n{run.stdout}{run.stderr}"
        return run.stdout


GLIBC = (
    Target("aarch64-linux-gnu", "qemu-aarch64", "gcc-aarch64-linux-gnu"),
    Target("arm-linux-gnueabihf", "qemu-arm", "gcc-arm-linux-gnueabihf"),
    Target("riscv64-linux-gnu", "qemu-riscv64", "gcc-riscv64-linux-gnu"),
    Target("i686-linux-gnu", None, "gcc-i686-linux-gnu"),
)
MUSL = Target("x86_64-linux-musl", None, "musl-tools")
EMULATED_MUSL = Target("aarch64-linux-musl", "qemu-aarch64", "ziglang")
# Programs that load the target's C library from where it lies on the target.
LOADERS = {
    "i686-linux-gnu": ("/lib/ld-linux.so.2", "libc6-i386"),
    MUSL.triple: ("/lib/ld-musl-x86_64.so.1", "musl"),
    EMULATED_MUSL.triple: ("/lib/ld-musl-aarch64.so.1", "musl:arm64, after dpkg --add-architecture arm64"),
}

Prepare = Callable[[Target], None]


@functools.cache
def build(triple: str) -> None:
    """Builds vizzytrace and the C test programs for a target."""
    scons = [sys.executable, "-m", "SCons", "-Q", "-s", f"-j{os.cpu_count() or 1}"]
    run = subprocess.run(
        [*scons, f"target={triple}", triple, *(() if triple.endswith("musl") else ("test-programs",))],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "CC"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.fixture
def prepare(require: Require) -> Prepare:
    """Finds what a target needs, and builds for it."""

    def prepare_target(target: Target) -> None:
        if target.package != "ziglang":
            require(*target.compiler, target.package)
        if target.emulator:
            require(target.emulator, "qemu-user")
        if target.triple in LOADERS:
            require(*LOADERS[target.triple])
        if target.triple.endswith("musl"):
            pytest.importorskip("ziglang")
        build(target.triple)

    return prepare_target


def compile_for(target: Target, source: str, output: Path, *flags: str) -> Path:
    """Builds a test program with the target's compiler."""
    tables = "-funwind-tables" if target.triple.startswith("arm") else "-fasynchronous-unwind-tables"
    table = ["-Wl,--eh-frame-hdr"] if target is MUSL else []  # which Debian's wrapper, unlike Alpine's gcc, leaves out
    options = ["-g", "-O1", tables, *table, "-pthread", *flags]
    command = [*target.compiler, *options, "-o", str(output), str(PROGRAMS / source)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return output


def move_below(sysroot: Path, target: Target, *files: Path) -> Path:
    """Moves files below a folder, as they lie on the target, with the target's C library: what is on the desk then."""
    for file in files:
        place = sysroot / file.relative_to("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        file.rename(place)
    if not target.triple.endswith("musl"):
        (sysroot / "lib").symlink_to(f"/usr/{target.triple}/lib")
    return sysroot


def read_processes(trace: Path, sysroot: Path) -> list[dict[str, Any]]:
    """The processes of a trace, with names from the files below a folder."""
    summary = json.loads(run_vizreport("summary", "--json", "--leaks", "--sysroot", str(sysroot), str(trace)))
    processes: list[dict[str, Any]] = summary["processes"]
    return processes


def find_leak(process: dict[str, Any], size: int) -> list[dict[str, Any]]:
    """The call stack of the blocks of this size, as the functions of the program itself."""
    (leak,) = [leak for leak in process["leaks"] if leak["bytes"] == size * leak["blocks"]]
    return [frame for frame in leak["stack"] if frame["function"] in OWN_FUNCTIONS]


def line_of(source: str, text: str) -> int:
    """The number of the only line that contains this text."""
    lines = (PROGRAMS / source).read_text().splitlines()
    (number,) = [number for number, line in enumerate(lines, 1) if text in line]
    return number


def check_leaks(parent: dict[str, Any], child: dict[str, Any]) -> None:
    """Each leak of ported.c has its whole call stack."""
    expected = {
        10007: ["leak", *["descend"] * 21, "main"],
        10009: ["leak", "run_thread"],
        10011: ["inner", "plugin_allocate", "main"],
        10013: ["leak", "on_signal", "be_interrupted", "main"],
    }
    for size, functions in expected.items():
        frames = find_leak(parent, size)
        assert [frame["function"] for frame in frames] == functions
        source, text = (
            ("plugin.c", "block = malloc(bytes);") if size == 10011 else ("ported.c", "kept = tally_malloc(own")
        )
        assert frames[0]["line"] == line_of(source, text)
    assert [frame["function"] for frame in find_leak(child, 10015)] == ["leak", "main"]


@pytest.mark.parametrize("name", C_TESTS)
@pytest.mark.parametrize("target", GLIBC, ids=lambda target: target.triple)
def test_the_c_tests_pass(prepare: Prepare, target: Target, name: str) -> None:
    prepare(target)
    target.run(target.folder / "tests" / "c" / f"test_{name}")


def check_runs(processes: list[list[dict[str, Any]]], outputs: list[str]) -> None:
    """Two runs, of 0 and ROUNDS rounds: all leaks have their stacks, and the rounds count what the program did in them.

    What the C library allocates for itself is the same in both.
    """
    counts = []
    for parent, child in processes:
        check_leaks(parent, child)
        counts.append(Image.from_json(parent).counts)
        assert Image.from_json(parent).anomalies.keys() <= {"unwind_gaps"}  # of a C library without unwind data
    tallies = [tally.counts for output in outputs for tally in read_tallies(output) if tally.name == "parent"]
    assert counts[1] - counts[0] == tallies[1] - tallies[0]


@pytest.mark.parametrize("target", [*GLIBC[:-1], EMULATED_MUSL], ids=lambda target: target.triple)
def test_an_emulated_program_is_recorded(prepare: Prepare, target: Target, tmp_path: Path) -> None:
    prepare(target)
    program = compile_for(target, "ported.c", tmp_path / "ported", "-ldl")
    plugin = compile_for(target, "plugin.c", tmp_path / "plugin.so", "-shared", "-fPIC")
    library, logs, outputs = tmp_path / "libvizzy.so", [tmp_path / "none", tmp_path / "many"], []
    for log, rounds in zip(logs, (0, ROUNDS), strict=True):
        target.run(target.vizzytrace, "-q", "--emit-library", library, log)
        outputs.append(target.run(program, plugin, str(rounds), preload=library))
    sysroot = move_below(tmp_path / "sysroot", target, program, plugin)
    traces = [sorted(tmp_path.glob(f"{log.name}*")) for log in logs]
    check_runs([[read_processes(trace, sysroot)[0] for trace in both] for both in traces], outputs)


@pytest.mark.parametrize("target", [GLIBC[-1], MUSL], ids=lambda target: target.triple)
def test_a_program_that_runs_here_is_recorded(prepare: Prepare, target: Target, tmp_path: Path) -> None:
    prepare(target)
    program = compile_for(target, "ported.c", tmp_path / "ported")
    plugin = compile_for(target, "plugin.c", tmp_path / "plugin.so", "-shared", "-fPIC")
    traces, outputs = [tmp_path / "none.trace", tmp_path / "many.trace"], []
    for trace, rounds in zip(traces, (0, ROUNDS), strict=True):
        outputs.append(target.run(target.vizzytrace, "-q", trace, program, plugin, str(rounds)))
    sysroot = move_below(tmp_path / "sysroot", target, program, plugin)
    check_runs([read_processes(trace, sysroot) for trace in traces], outputs)
