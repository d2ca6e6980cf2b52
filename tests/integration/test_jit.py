"""Code that a just-in-time compiler makes has the names of its perf map, which the trace carries."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from recording import Program, Record, Recording, Require


def stacks(recording: Recording, image: int = 0) -> list[list[tuple[str | None, str | None]]]:
    """The leaks of an image as (function, module), leaf first."""
    leaks = recording.images[image].raw["leaks"]
    return [[(frame["function"], frame["module"]) for frame in leak["stack"]] for leak in leaks]


def test_a_program_that_makes_code(record: Record, program: Program) -> None:
    recording = record(program("jit.c"))
    (path,) = Path("/tmp").glob(f"perf-{recording.main.pid}.map")
    path.unlink()
    (stack,) = [stack for stack in stacks(recording) if ("made at run time", "[jit]") in stack]
    assert stack[0] == ("made at run time", "[jit]")
    assert "main" in [function for function, _ in stack]
    names = {function for stack in stacks(recording) for function, _ in stack}
    assert "another function" not in names  # nothing in the trace runs there


def test_a_forked_child_runs_its_parents_code(record: Record, program: Program) -> None:
    recording = record(program("jit.c"), "fork")
    Path(f"/tmp/perf-{recording.main.pid}.map").unlink()
    assert any(("made at run time", "[jit]") in stack for stack in stacks(recording, 1))


@pytest.mark.parametrize("content", ["", "deadbeef", "1 2\n3 x y\n", "-1 5 x\n", "0 ffffffffffffffff all\n" * 3])
def test_no_map_spoils_a_trace(record: Record, program: Program, tmp_path: Path, content: str) -> None:
    """A shell writes the map that belongs to its own pid."""
    script = f"printf '{content}' >/tmp/perf-$$.map; exec {program('nothing.c')}"
    recording = record("/bin/sh", "-c", script)
    assert recording.anomalies == []
    for path in Path("/tmp").glob(f"perf-{recording.main.pid}.map"):
        path.unlink()


def test_a_link_is_not_followed(record: Record, program: Program, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("0 ffffffffffffffff secret\n")
    recording = record("/bin/sh", "-c", f"ln -s {secret} /tmp/perf-$$.map; exec {program('nothing.c')}")
    Path(f"/tmp/perf-{recording.main.pid}.map").unlink()
    assert b"secret\n" not in recording.trace.read_bytes()


def test_node(record: Record, require: Require, tmp_path: Path) -> None:
    script = tmp_path / "app.js"
    script.write_text(
        "function makeBuffers(n) { const kept = []; for (let i = 0; i < n; i++) kept.push(Buffer.alloc(9999, i)); "
        "return kept; }\nglobalThis.kept = makeBuffers(2000);\nprocess.kill(process.pid, 'SIGKILL');\n"
    )
    node = require("node", "nodejs")
    recording = record(node, "--perf-basic-prof", "--interpreted-frames-native-stack", script, cwd=tmp_path)
    Path(f"/tmp/perf-{recording.main.pid}.map").unlink(missing_ok=True)
    frames = [frame for leak in recording.main.raw["leaks"] for frame in leak["stack"] if frame["module"] == "[jit]"]
    assert frames, "no frame of JavaScript has a name"
    assert any("app.js" in (frame["file"] or "") for frame in frames)


def find_pythons() -> list[str]:
    """Pythons that could be new enough: pyenv's own are no commands unless they are chosen."""
    names = [shutil.which(f"python3.{minor}") for minor in range(12, 20)]
    return [sys.executable, *filter(None, names), *glob.glob(os.path.expanduser("~/.pyenv/versions/*/bin/python3"))]


def has_perf_support(python: str) -> bool:
    check = "import sys; sys.exit(not sys.is_stack_trampoline_active())"
    run = subprocess.run([python, "-X", "perf", "-c", check], capture_output=True, check=False)
    return run.returncode == 0


def test_python(record: Record, tmp_path: Path) -> None:
    python = next((path for path in find_pythons() if has_perf_support(path)), None)
    if python is None:
        pytest.skip("no Python of 3.12 or later with -X perf is installed")
    script = tmp_path / "app.py"
    script.write_text(
        "import os\ndef make_blocks():\n    return [bytearray(4321) for _ in range(100)]\n"
        "kept = make_blocks()\nos._exit(0)\n"
    )
    recording = record(python, "-X", "perf", script)
    Path(f"/tmp/perf-{recording.main.pid}.map").unlink(missing_ok=True)
    frames = [frame for leak in recording.main.raw["leaks"] for frame in leak["stack"]]
    assert any(frame["function"] == "make_blocks" and frame["file"] == str(script) for frame in frames)
