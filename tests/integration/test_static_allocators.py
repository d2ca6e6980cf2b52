"""An allocator that is linked into a program or a library can't be hooked: the user and the trace are told."""

import re

import pytest
from recording import Program, Record, Recording, run_vizreport


def warnings(recording: Recording) -> list[str]:
    """What vizzytrace warned of."""
    return [line for line in recording.stderr.splitlines() if line.startswith("vizzytrace: warning: ")]


def noted(recording: Recording) -> list[str]:
    """The allocators that the trace names, for each process."""
    texts = [run_vizreport("summary", "--pid", str(image.pid), str(recording.trace)) for image in recording.images]
    return re.findall(r"(\S+ in \S+) is linked statically", "".join(texts))


@pytest.mark.parametrize("name", ["malloc", "je_malloc", "tc_malloc", "mi_malloc", "_rjem_malloc"])
def test_in_the_command(record: Record, program: Program, name: str) -> None:
    path = program("own_allocator.c", f"-DOWN_MALLOC={name}", output=f"own_{name}")
    recording = record(path)
    assert recording.stdout == "done\n"
    (warning,) = warnings(recording)
    assert str(path) in warning
    assert f"({name})" in warning
    assert noted(recording) == [f"{name} in {path}"]


def test_in_a_child_and_said_once(record: Record, program: Program) -> None:
    path = program("own_allocator.c")
    recording = record("sh", "-c", '"$0"; "$0"; "$0"', path, options=["-q"])
    assert recording.stdout == "done\n" * 3
    assert len(warnings(recording)) == 1
    assert noted(recording) == [f"je_malloc in {path}"] * 3


def test_in_a_library(record: Record, program: Program) -> None:
    library = program("own_allocator.c", "-shared", "-fPIC", output="own_library.so")
    linked = program(
        "plugin_user.c",
        f"-L{library.parent}",
        f"-Wl,--no-as-needed,-rpath,{library.parent}",
        f"-l:{library.name}",
        output="plugin_user_linked",
    )
    recording = record(linked, library)
    assert recording.status == 0
    assert noted(recording) == [f"je_malloc in {library}"]
    assert len(warnings(recording)) == 1


def test_an_allocator_that_can_be_hooked_is_none(record: Record, program: Program) -> None:
    library = program("own_allocator.c", "-shared", "-fPIC", "-DOWN_MALLOC=malloc", output="shared_allocator.so")
    recording = record(program("plugin_user.c"), library)
    assert (recording.status, warnings(recording), noted(recording)) == (0, [], [])
