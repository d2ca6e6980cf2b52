"""Call stacks begin at their call site: what containers and operator new do inside is left out, and nothing is lost."""

import json
from typing import Any

import pytest
from recording import Program, Record, run_vizreport

# As they are called at the leaf end of a stack, in programs that were built with and without optimisation.
ALLOCATORS = (
    "operator new",
    "std::allocator",
    "std::__new_allocator",
    "__gnu_cxx::",
    "std::__detail::_Hashtable_alloc",
)


def read_leaks(trace: str, *options: str) -> list[dict[str, Any]]:
    summary = json.loads(run_vizreport("summary", "--json", *options, trace))
    leaks: list[dict[str, Any]] = summary["processes"][0]["leaks"]
    return leaks


def leaf(leak: dict[str, Any]) -> str:
    return str(leak["stack"][0]["function"])


def total(leaks: list[dict[str, Any]]) -> tuple[int, int]:
    return sum(leak["bytes"] for leak in leaks), sum(leak["blocks"] for leak in leaks)


@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_stacks_begin_at_their_call_site(record: Record, program: Program, level: str) -> None:
    recording = record(program("keeper.cpp", level, output=f"keeper{level}"))
    folded = read_leaks(str(recording.trace))
    whole = read_leaks(str(recording.trace), "--allocator-frames")
    in_use = recording.main.counts
    assert total(folded) == total(whole) == (in_use.in_use_bytes, in_use.in_use_blocks)
    assert not any(leaf(leak).startswith(ALLOCATORS) for leak in folded)
    assert any(leaf(leak).startswith("operator new") for leak in whole)
    # Only frames at the leaf end went.
    ends = {tuple(json.dumps(frame) for frame in leak["stack"]) for leak in whole}
    for leak in folded:
        stack = tuple(json.dumps(frame) for frame in leak["stack"])
        assert any(end[len(end) - len(stack) :] == stack for end in ends)


def test_the_tree_has_the_same_sums(record: Record, program: Program) -> None:
    trace = str(record(program("keeper.cpp", "-O2", output="keeper-O2")).trace)
    for options in ([], ["--inverted"], ["--allocator-frames"], ["--inverted", "--allocator-frames"]):
        tree = json.loads(run_vizreport("tree", "--json", "--metric", "leaked", "--min-share", "0", *options, trace))
        (process,) = tree["processes"]
        assert process["total"] == total(read_leaks(trace))[0]
        top = [node for node in process["nodes"] if node["depth"] == 1]
        assert process["no_stack"] + process["other"] + sum(node["total"] for node in top) == process["total"]
        called = {node["function"] for node in (top if "--inverted" in options else process["nodes"])}
        named = any(str(function).startswith("operator new") for function in called)
        assert named == ("--allocator-frames" in options)
