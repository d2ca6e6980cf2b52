"""Every hooked function, with its results, failures and edge cases, is counted as the program itself counts it."""

from pathlib import Path

import pytest
from recording import Program, Record, read_tallies


def test_every_function_is_counted(record: Record, program: Program) -> None:
    recording = record(program("every_function.c"))
    assert recording.status == 0, recording.stderr
    assert recording.main.counts == read_tallies(recording.stdout)[0].counts
    assert not recording.anomalies


def test_every_function_is_counted_without_stacks(record: Record, program: Program) -> None:
    recording = record(program("every_function.c"), options=["--max-depth", "0"])
    assert recording.main.counts == read_tallies(recording.stdout)[0].counts


def test_every_function_is_counted_with_stacks_of_frees(record: Record, program: Program) -> None:
    recording = record(program("every_function.c"), options=["--free-stacks"])
    assert recording.main.counts == read_tallies(recording.stdout)[0].counts
    assert not recording.anomalies


def test_a_program_that_allocates_nothing_has_an_empty_summary(record: Record, program: Program) -> None:
    recording = record(program("nothing.c"))
    assert recording.main.counts.as_tuple() == (0, 0, 0, 0, 0)
    assert recording.summary["trace"]["complete"] is True


def test_calls_before_and_after_main_are_counted(record: Record, program: Program) -> None:
    recording = record(program("early_late.c"))
    assert recording.main.counts == read_tallies(recording.stdout)[0].counts
    assert not recording.anomalies


@pytest.mark.parametrize("live", [1, 7, 4096])
def test_churn_is_counted(record: Record, program: Program, live: int) -> None:
    recording = record(program("churn.c"), "50000", str(live))
    assert recording.main.counts == read_tallies(recording.stdout)[0].counts
    assert recording.main.raw["peak"]["blocks"] == live
    assert not recording.anomalies


def test_handlers_that_allocate_are_counted(record: Record, program: Program) -> None:
    recording = record(program("handlers.c"), "100")
    assert recording.status == 0, recording.stderr
    assert recording.main.counts == read_tallies(recording.stdout)[0].counts
    assert not recording.anomalies


def test_handlers_on_a_small_stack_are_counted(record: Record, program: Program) -> None:
    """SIGSTKSZ, as most programs have it. The kernel takes up to half of it for the registers."""
    recording = record(program("handlers.c"), "100", "8192")
    assert recording.status == 0, recording.stderr
    assert recording.main.counts == read_tallies(recording.stdout)[0].counts
    assert not recording.anomalies


def test_hard_frames_are_counted(record: Record, program: Program) -> None:
    recording = record(program("frames.c", "-Wl,-z,lazy"), "1000")
    without = record(program("frames.c", "-Wl,-z,lazy"), "0")
    assert recording.status == 0, recording.stderr
    assert not recording.anomalies
    extra = recording.main.counts - without.main.counts - read_tallies(recording.stdout)[0].counts
    # What is left is one thread's own block, made by the C library and kept with the cached stack.
    assert (extra.allocs, extra.frees, extra.in_use_blocks) == (1, 0, 1)


def test_exceptions_and_failed_new_are_counted(record: Record, program: Program) -> None:
    recording = record(program("exceptions.cpp"), "500")
    assert (recording.status, recording.stdout) == (0, "500 1000\n")
    counts = recording.main.counts
    assert counts.allocs - counts.frees == counts.in_use_blocks
    assert not recording.anomalies
    again = record(program("exceptions.cpp"), "700")
    per_round = again.main.counts - recording.main.counts
    assert per_round.allocs == per_round.frees


def test_unloaded_libraries_are_told_apart(record: Record, program: Program) -> None:
    shared = ("-shared", "-fPIC", "-fvisibility=hidden")
    first = program("plugin.c", *shared, output="plugin_a.so")
    second = program("plugin.c", *shared, output="plugin_b.so")
    recording = record(program("plugins.c"), first, second, "50")
    assert recording.status == 0, recording.stderr
    assert not recording.anomalies
    modules = {
        leak["bytes"]: [Path(frame["module"]).name for frame in leak["stack"][:2]]
        for leak in recording.main.raw["leaks"]
        if leak["bytes"] in (229, 233)
    }
    assert modules == {229: ["plugin_a.so"] * 2, 233: ["plugin_b.so"] * 2}
