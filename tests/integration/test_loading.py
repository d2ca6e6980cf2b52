"""Libraries that come and go: programs find and run them as before, and call stacks name the one that was there."""

from pathlib import Path

import pytest
from recording import Program, Record, Recording

SHARED = ("-shared", "-fPIC", "-fvisibility=hidden")


@pytest.fixture
def plugins(program: Program) -> list[Path]:
    """Two libraries of the same size, so that each fits where the other was."""
    return [program("plugin.c", *SHARED, output=f"plugin_{name}.so") for name in "ab"]


def modules_of(recording: Recording, bytes_leaked: int) -> list[str]:
    """The modules of the one leak of that size, leaf first."""
    (leak,) = (leak for leak in recording.main.raw["leaks"] if leak["bytes"] == bytes_leaked)
    return [Path(frame["module"]).name for frame in leak["stack"]]


@pytest.mark.parametrize("run_path", ["$ORIGIN", "the directory"])
@pytest.mark.parametrize("way", ["dlopen", "deepbind"])
def test_found_by_run_path(record: Record, program: Program, plugins: list[Path], way: str, run_path: str) -> None:
    """glibc goes by the return address of dlopen to know whose RUNPATH counts."""
    directory, name = (run_path, "origin") if run_path == "$ORIGIN" else (str(plugins[0].parent), "path")
    path = program("loading.c", f"-Wl,-rpath,{directory},--enable-new-dtags", output=f"loading_{name}")
    recording = record(path, way, plugins[0].name)
    assert (recording.status, recording.stdout) == (0, "done\n"), recording.stderr
    if way == "dlopen":
        assert modules_of(recording, 229)[:3] == ["plugin_a.so", "plugin_a.so", path.name]
        assert not recording.anomalies
    else:
        # Such a library calls the C library past us: the one block of its own that the program frees is unknown.
        assert recording.anomalies == [{"unmatched_frees": 1}]


def test_a_namespace_of_its_own(record: Record, program: Program, plugins: list[Path]) -> None:
    """It has a C library of its own, whose calls are not seen; everything else is as before."""
    recording = record(program("loading.c"), "dlmopen", plugins[0])
    assert (recording.status, recording.stdout) == (0, "done\n"), recording.stderr
    assert not recording.anomalies


def test_two_libraries_in_turn_at_one_address(record: Record, program: Program, plugins: list[Path]) -> None:
    recording = record(program("plugins.c"), *plugins, "200")
    assert recording.status == 0, recording.stderr
    assert not recording.anomalies
    assert modules_of(recording, 229)[:3] == ["plugin_a.so", "plugin_a.so", "plugins"]
    assert modules_of(recording, 233)[:3] == ["plugin_b.so", "plugin_b.so", "plugins"]
