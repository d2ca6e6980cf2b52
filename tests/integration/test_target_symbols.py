"""Names for what another machine recorded: stripped files ran there, unstripped ones lie here, under other paths."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from recording import ENVIRONMENT, ROOT, Program, Record, Require, run_vizreport
from tmux import Terminal

OBJCOPY = ("objcopy", "binutils")
SHARED = ("-shared", "-fPIC", "-fvisibility=hidden")
BYTES = {229: "plugin_a.so", 233: "plugin_b.so"}


@dataclass(frozen=True)
class Target:
    """What is left when the target is gone.

    Attributes:
        trace: Recorded there: an executable that loads two libraries in turn, at one address, and unloads them.
        folder: Where its files lay; none is there any more.
        root: A copy of its files, stripped.
        build: The files as they were built, in folders that the target does not have.
    """

    trace: Path
    folder: Path
    root: Path
    build: Path


@pytest.fixture
def target(
    record: Record, program: Program, require: Require, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Target:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("DEBUGINFOD_URLS", "")
    folder, build = tmp_path / "target", tmp_path / "build"
    built = {"bin/plugins": program("plugins.c")}
    built |= {f"lib/{name}": program("plugin.c", *SHARED, output=name) for name in BYTES.values()}
    for place, path in built.items():
        kept, runs = build / "out" / place, folder / place
        for copy in (kept, runs):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
        subprocess.run([require(*OBJCOPY), "--strip-all", runs], check=True)
    libraries = [folder / "lib" / name for name in BYTES.values()]
    trace = record(folder / "bin/plugins", *libraries, "4").trace
    root = tmp_path / "root"
    shutil.copytree(folder, root / str(folder).lstrip("/"))
    shutil.rmtree(folder)
    shutil.rmtree(tmp_path / "cache")  # nothing is known of what was recorded
    return Target(trace, folder, root, build)


def list_leaks(target: Target, *options: str) -> dict[int, list[dict[str, Any]]]:
    """The stacks of the blocks that only the libraries allocate, by their sizes."""
    summary = json.loads(run_vizreport("summary", "--json", *options, str(target.trace)))
    leaks = summary["processes"][0]["leaks"]
    return {size: leak["stack"] for leak in leaks for size in BYTES if leak["bytes"] == size * leak["blocks"]}


def check_names(target: Target, *options: str) -> None:
    """All names and lines are there, of libraries that lay at one address one after the other too."""
    leaks = list_leaks(target, *options)
    assert set(leaks) == set(BYTES)
    for size, stack in leaks.items():
        functions = [(frame["function"], Path(frame["module"]).name) for frame in stack[:3]]
        assert functions[:2] == [("inner", BYTES[size]), ("plugin_allocate", BYTES[size])]
        assert {frame["function"] for frame in stack} >= {"main"}
        for frame in stack[:3]:
            assert frame["file"].endswith((".c", ".h"))
            assert frame["line"] > 0
            assert frame["module"].startswith(str(target.folder))


def check_no_names(target: Target, *options: str) -> None:
    """No name is shown rather than a wrong one."""
    for size, stack in list_leaks(target, *options).items():
        for frame in stack[:2]:
            assert Path(frame["module"]).name == BYTES[size]
            assert frame["function"] in (None, "plugin_allocate")  # stripped libraries have what they export
            assert frame["line"] is None


def test_without_files(target: Target) -> None:
    check_no_names(target)


def test_a_stripped_root_and_a_build_folder(target: Target) -> None:
    check_no_names(target, "--sysroot", str(target.root))
    check_names(target, "--sysroot", str(target.root), "--debug-dir", str(target.build))


def test_a_build_folder_alone(target: Target) -> None:
    check_names(target, "--debug-dir", str(target.build))


def test_the_build_folder_may_hold_other_builds(target: Target, require: Require) -> None:
    """Nearer files of the same name but of another build are passed over."""
    for name in BYTES.values():
        other = target.build / name / name
        other.parent.mkdir()
        shutil.copy(target.build / "out/lib" / name, other)
        section = target.build / "id"
        section.write_bytes(b"\4\0\0\0\24\0\0\0\3\0\0\0GNU\0" + bytes(20))
        subprocess.run([require(*OBJCOPY), "--update-section", f".note.gnu.build-id={section}", other], check=True)
    check_names(target, "--debug-dir", str(target.build))


def test_debug_links(target: Target, require: Require) -> None:
    """Stripped files that name their debug files, which lie in a folder of their own."""
    debug = target.build / "debug"
    debug.mkdir()
    for place in ("bin/plugins", *(f"lib/{name}" for name in BYTES.values())):
        path, link = target.build / "out" / place, debug / f"{Path(place).stem}-symbols"
        subprocess.run([require(*OBJCOPY), "--only-keep-debug", path, link], check=True)
        stripped = target.root / str(target.folder / place).lstrip("/")
        subprocess.run([require(*OBJCOPY), f"--add-gnu-debuglink={link}", stripped], check=True)
    shutil.rmtree(target.build / "out")
    check_names(target, "--sysroot", str(target.root), "--debug-dir", str(debug))


def test_build_id_directories(target: Target, require: Require) -> None:
    for path in [*(target.build / "out").rglob("*.so"), target.build / "out/bin/plugins"]:
        notes = subprocess.run([require("readelf", "binutils"), "-n", path], capture_output=True, text=True, check=True)
        build_id = notes.stdout.split("Build ID: ")[1].split()[0]
        place = target.build / "ids/.build-id" / build_id[:2] / f"{build_id[2:]}.debug"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    shutil.rmtree(target.build / "out")
    check_names(target, "--debug-dir", str(target.build / "ids"))


def test_another_build_is_a_warning(target: Target, program: Program) -> None:
    """In the root lie files that were built anew, with other code."""
    for name in BYTES.values():
        other = program("plugin.c", *SHARED, "-O0", "-Wl,--build-id=sha1", output=f"other_{name}")
        shutil.copy(other, target.root / str(target.folder / "lib" / name).lstrip("/"))
    options = ("--sysroot", str(target.root))
    leaks = list_leaks(target, *options)
    assert all(frame["function"] is None for stack in leaks.values() for frame in stack[:2])
    text = run_vizreport("summary", "--leaks", *options, str(target.trace))
    for name in BYTES.values():
        assert f"{name}: is another build than the recorded one" in text


def test_links_of_the_root_stay_in_it(target: Target, tmp_path: Path) -> None:
    """A root whose folders are links, absolute ones, as its own system sees them."""
    lib = target.root / str(target.folder / "lib").lstrip("/")
    lib.rename(target.root / "moved")
    for name in BYTES.values():
        shutil.copy(target.build / "out/lib" / name, target.root / "moved" / name)
    lib.symlink_to("/moved")
    for size, stack in list_leaks(target, "--sysroot", str(target.root)).items():
        assert [frame["function"] for frame in stack[:2]] == ["inner", "plugin_allocate"], size


def test_the_executable_by_its_build_id(target: Target, record: Record, tmp_path: Path) -> None:
    """COMMAND is a shell; --exe names what it ran, under another name."""
    unstripped, stripped = target.build / "out/bin/plugins", tmp_path / "run/program"
    stripped.parent.mkdir()
    shutil.copy(target.root / str(target.folder / "bin/plugins").lstrip("/"), stripped)
    shutil.copy(unstripped, target.build / "renamed")
    libraries = [target.build / "out/lib" / name for name in BYTES.values()]
    script = f"{stripped} {libraries[0]} {libraries[1]} 4; true"
    trace = record("/bin/sh", "-c", script, env={**ENVIRONMENT}).trace
    stripped.unlink()
    shutil.rmtree(tmp_path / "cache")
    run = run_vizreport("summary", "--json", "--exe", str(target.build / "renamed"), str(trace))
    process = next(each for each in json.loads(run)["processes"] if Path(each["command"][0]) == stripped)
    mains = [frame for leak in process["leaks"] for frame in leak["stack"] if frame["function"] == "main"]
    assert mains
    assert all(frame["file"].endswith("plugins.c") for frame in mains)
    assert "another build" not in run_vizreport("summary", "--exe", str(target.build / "renamed"), str(trace))


def test_folders_that_are_not_there(target: Target) -> None:
    for option in ("--debug-dir", "--sysroot"):
        command = [sys.executable, "-c", "from vizreport.cli.main import main; main()", "summary", str(target.trace)]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        wrong = [*command, option, "/no/such/folder"]
        run = subprocess.run(wrong, capture_output=True, text=True, env=env, check=False)
        assert (run.returncode, run.stdout) == (1, "")
        assert run.stderr == f"vizreport: {option} /no/such/folder: there is no such folder\n"


def test_every_command_takes_them(target: Target) -> None:
    options = ("--sysroot", str(target.root), "--debug-dir", str(target.build))
    assert "inner" not in run_vizreport("tree", str(target.trace))
    assert "inner" in run_vizreport("tree", *options, str(target.trace))
    said = run_vizreport("symbolize", *options, str(target.trace), "-o", str(target.build / "named.trace"))
    assert "addresses have names" in said
    shutil.rmtree(target.root)
    check_names(Target(target.build / "named.trace", target.folder, target.root, target.build))


@pytest.fixture
def terminal(require: Require, tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(require("tmux"), tmp_path)
    yield terminal
    terminal.close()


def test_the_live_view_takes_them(target: Target, terminal: Terminal) -> None:
    env = {**ENVIRONMENT, "LC_ALL": "C.UTF-8", "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": os.devnull}
    code = "import sys; from vizreport.cli.main import main; sys.exit(main())"
    arguments = ["replay", "--tui", str(target.trace), "--start", "end", "--debug-dir", str(target.build)]
    terminal.start([sys.executable, "-c", code, *arguments], env, width=120)
    terminal.wait("inner ← plugin_allocate ← ")
