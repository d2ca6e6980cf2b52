"""`summary` and `info`: figures of traces known by construction, their JSON, and their text."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import Event, TraceBuilder, free, malloc, move, release
from click.testing import CliRunner

from vizreport.cli.main import group
from vizreport.cli.output import wrap_lines
from vizreport.errors import VizzyError
from vizreport.reports.summary import Asked, summarize
from vizreport.reports.summary_json import describe_summary
from vizreport.reports.summary_text import write_summary
from vizreport.trace import format as fmt
from vizreport.trace.reader import Trace

Load = Callable[[bytes], Trace]

PROCESS_FIELDS = [
    "pid", "ppid", "command", "exit", "threads", "allocs", "frees", "bytes_allocated", "in_use_at_exit", "peak",
    "temporary", "inherited", "exec_number", "not_recorded", "anomalies", "leaks", "suppressed", "peak_stacks",
    "temporary_stacks", "mapped", "dropped", "uncertain",
]  # fmt: skip


def describe(trace: Trace, **options: Any) -> dict[str, Any]:
    described = describe_summary(trace, summarize(trace, asked=Asked(**options)))
    loaded: dict[str, Any] = json.loads(json.dumps(described))
    return loaded


def text_of(trace: Trace, *, in_full: bool = True) -> str:
    return "\n".join(write_summary(trace, summarize(trace), in_full=in_full))


def one_process() -> TraceBuilder:
    builder = TraceBuilder().session().image().thread().module()
    builder.nodes([(3, 0, 0x1100), (4, 3, 0x1200), (5, 0, 0x1100), (6, 5, 0x1200), (7, 2, 0x1300), (8, 1, 0x1400)])
    events = [
        malloc(0x10, 100, stack=4, time=10),
        malloc(0x20, 50, stack=6, time=20),
        malloc(0x30, 7, stack=7, time=30),
        free(0x30, time=40),
        release(0x10, time=50),
        move(0x40, 10, stack=8, time=60),
    ]
    return builder.events(events).image_end(fate_value=3, dropped=2)


def test_one_process(load: Load) -> None:
    summary = describe(load(one_process().build()))
    assert list(summary) == ["schema", "trace", "processes", "warnings"]
    assert summary["schema"] == "vizzy.summary/1"
    assert list(summary["trace"]) == ["path", "complete", "version"]
    (process,) = summary["processes"]
    assert list(process) == PROCESS_FIELDS
    assert process["exit"] == {"status": 3, "signal": None}
    assert (process["allocs"], process["frees"], process["bytes_allocated"]) == (4, 2, 167)
    assert process["in_use_at_exit"] == {"bytes": 60, "blocks": 2}
    assert process["peak"] == {"bytes": 157, "blocks": 3, "time_ns": 30}
    assert process["temporary"] == {"allocs": 1}
    assert process["anomalies"] == {
        "unmatched_frees": 0,
        "duplicate_allocations": 0,
        "dropped_events": 2,
        "damaged_blocks": 0,
        "unwind_gaps": 1,
    }
    assert [(leak["bytes"], leak["blocks"], len(leak["stack"])) for leak in process["leaks"]] == [
        (50, 1, 2),
        (10, 1, 1),
    ]
    assert [(held["bytes"], held["blocks"], len(held["stack"])) for held in process["peak_stacks"]] == [
        (150, 2, 2),
        (7, 1, 1),
    ]
    assert [(made["temporary"], made["allocs"]) for made in process["temporary_stacks"]] == [(1, 1)]
    assert process["suppressed"] == {"bytes": 0, "blocks": 0, "rules": []}
    frame = process["leaks"][0]["stack"][0]
    assert list(frame) == ["function", "file", "line", "module", "address", "inlined"]
    assert frame == {
        "function": None, "file": None, "line": None, "module": "/bin/prog", "address": 0x200, "inlined": False,
    }  # fmt: skip


def test_two_names_of_one_path_are_one_leak(load: Load) -> None:
    builder = TraceBuilder().image().nodes([(3, 0, 1), (4, 3, 2), (5, 0, 1), (6, 5, 2), (7, 1, 2)])
    trace = load(builder.events([malloc(16 * k, 10, stack=k) for k in (4, 6, 7)]).build())
    (process,) = describe(trace)["processes"]
    assert [(leak["bytes"], leak["blocks"], len(leak["stack"])) for leak in process["leaks"]] == [
        (20, 2, 2),
        (10, 1, 1),
    ]


def family() -> TraceBuilder:
    """A parent, its fork, and what the fork executed; the fork stands before the parent in the file."""
    builder = TraceBuilder().session()
    builder.image(1, pid=101, ppid=100, parent=0, origin=fmt.Origin.FORK, start_time=20)
    builder.image(0, pid=100).events([malloc(0x10, 8, time=10), malloc(0x20, 9, time=20), malloc(0x30, 5, time=21)])
    builder.events([free(0x10, time=25), malloc(0x50, 4, time=26)], image=1)
    builder.image_end(1, fate=fmt.Fate.EXEC)
    builder.image(2, pid=101, ppid=100, parent=1, origin=fmt.Origin.EXEC, exec_number=1, start_time=30, args=("ls",))
    builder.image_end(2, fate=fmt.Fate.SIGNAL, fate_value=9).image_end(0)
    return builder.image(3, pid=102, not_recorded=fmt.NotRecorded.STATIC, args=("busybox",))


def test_a_family_of_processes(load: Load) -> None:
    parent, child, executed, static = describe(load(family().build()))["processes"]
    assert (parent["pid"], parent["in_use_at_exit"], parent["inherited"]["blocks"]) == (
        100,
        {"bytes": 22, "blocks": 3},
        0,
    )
    assert (child["exit"], child["allocs"], child["frees"]) == ("exec", 1, 1)
    assert child["inherited"] == {"bytes": 9, "blocks": 1}
    assert child["anomalies"]["unmatched_frees"] == 0
    assert [leak["bytes"] for leak in child["leaks"]] == [4]
    assert (executed["command"], executed["exec_number"], executed["inherited"]["blocks"]) == (["ls"], 1, 0)
    assert executed["exit"] == {"status": None, "signal": 9}
    assert "static" in static["not_recorded"]
    assert static["command"] == ["busybox"]


def test_an_executed_image_is_still_the_same_process(load: Load) -> None:
    text = text_of(load(family().build()))
    assert "(pid 101, forked by 100, replaced by exec)" in text
    assert "ls (pid 101, after exec 1, killed by SIGKILL)" in text


def test_an_executable_stands_for_a_command_that_is_not_known(load: Load) -> None:
    trace = load(TraceBuilder().image(not_recorded=fmt.NotRecorded.STATIC, args=(), exe=b"/bin/busybox").build())
    assert describe(trace)["processes"][0]["command"] == ["/bin/busybox"]
    assert "process          : /bin/busybox (pid 100" in text_of(trace)


def test_one_process_of_a_family(load: Load) -> None:
    trace = load(family().build())
    assert [process["exec_number"] for process in describe(trace, pid=101)["processes"]] == [0, 1]
    assert describe(trace, pid=101)["processes"][0]["inherited"]["blocks"] == 1
    with pytest.raises(VizzyError, match="no process has the pid 7"):
        summarize(trace, asked=Asked(pid=7))


def test_further_processes_have_a_line_each(load: Load) -> None:
    trace = load(family().build())
    lines = list(write_summary(trace, summarize(trace), in_full=False))
    assert lines[:2] == ["HEAP SUMMARY:", "    in use at exit   : 22 bytes in 3 blocks"]
    assert sum(line == "HEAP SUMMARY:" for line in lines) == 1
    at = next(k for k, line in enumerate(lines) if line.startswith("OTHER PROCESSES: 3;"))
    rows = [line.split() for line in lines[at + 1 : -2]]
    assert rows[0] == ["pid", "allocs", "frees", "in", "use", "peak", "exit", "command"]
    assert rows[1] == ["101", "1", "1", "4", "bytes", "4", "bytes", "exec", "prog"]
    assert rows[2] == ["101", "0", "0", "0", "bytes", "0", "bytes", "SIGKILL", "ls"]
    assert rows[3] == ["102", "not", "recorded", "?", "busybox"]
    assert rows[4][:2] == ["statically", "linked:"]
    assert max(map(len, lines)) <= 80
    cut = list(write_summary(trace, summarize(trace), in_full=False, width=68))
    assert cut[at + 4].endswith("bus...")


def test_of_many_processes_the_largest_have_a_line(load: Load) -> None:
    builder = TraceBuilder().session().image(0, pid=1)
    for index in range(1, 101):
        builder.image(index, pid=1000 + index).events([malloc(0x10, index)], image=index).image_end(index)
    builder.image_end(0).image(101, pid=2000, not_recorded=fmt.NotRecorded.STATIC)
    lines = text_of(load(builder.build()), in_full=False).splitlines()
    rows = [line.split()[0] for line in lines if line.startswith("    ") and line.split()[0].isdigit()]
    assert rows == [*(str(1000 + index) for index in range(71, 101)), "2000", "70"]
    assert "    70 more, with nothing to tell of and no higher peak" in lines


def test_only_the_first_process_has_lists_if_no_more_are_asked_for(load: Load) -> None:
    parent, *others = summarize(load(family().build()), asked=Asked(only_first=True))
    assert parent.leaks.entries
    assert not any(other.leaks.entries or other.held.entries for other in others)
    assert [other.totals.live_bytes for other in others] == [4, 0, 0]


def test_long_lines_are_broken_between_words() -> None:
    lines = ["short", "    in a frame: std::map<int, " + "x" * 90 + ">::find (prog+0x10)", "", "    " + "y" * 100]
    wrapped = list(wrap_lines(lines, 40))
    assert wrapped[0] == "short"
    assert wrapped[1] == "    in a frame: std::map<int,"
    assert wrapped[2] == "        " + "x" * 90 + ">::find"
    assert " ".join(" ".join(wrapped).split()) == " ".join(" ".join(lines).split())


def test_the_text_begins_in_valgrinds_words(load: Load) -> None:
    lines = text_of(load(one_process().build())).splitlines()
    assert lines[:3] == [
        "HEAP SUMMARY:",
        "    in use at exit   : 60 bytes in 2 blocks",
        "    total heap usage : 4 allocs, 2 frees, 167 bytes allocated",
    ]
    assert any("2 events dropped, 1 call stack cut for want of unwind data" in line for line in lines)
    assert "        (cut at the depth limit)" in lines
    assert lines[-1] == "The trace is complete."


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda data: data[:-30], "it ends before the recording was ended"),
        (lambda data: data[:-30], "it is cut"),
        (lambda data: data.replace(b"host", b"hxst"), "1 block damaged and left out"),
    ],
)
def test_what_is_missing_is_said(load: Load, change: Callable[[bytes], bytes], expected: str) -> None:
    text = text_of(load(change(one_process().build(end=False, index=False))))
    assert "NOT complete" in text
    assert expected in text


def test_notes_and_reasons_are_said(load: Load) -> None:
    builder = family().note("mimalloc", kind=fmt.NoteType.STATIC_ALLOCATOR, image=0)
    text = text_of(load(builder.build()))
    assert "mimalloc is linked statically" in text
    assert "not recorded     : statically linked" in text
    assert "killed by SIGKILL" in text


def test_names_cannot_drive_the_terminal(load: Load) -> None:
    text = text_of(load(TraceBuilder().image(args=("a\x1b[2Jb\nc",)).note("\x07").build()))
    assert "a\\x1b[2Jb\\nc" in text
    assert "\x1b" not in text
    assert "\x07" not in text


@pytest.mark.parametrize("events", [[], [malloc(16, 1)], [Event(32, 4096, 4096)]])
def test_the_smallest_traces(load: Load, events: list[Event]) -> None:
    builder = TraceBuilder().image()
    trace = load((builder.events(events) if events else builder).build())
    (process,) = describe(trace)["processes"]
    assert process["allocs"] == sum(event.kind == 1 for event in events)
    assert text_of(trace).startswith("HEAP SUMMARY:")
    assert text_of(load(TraceBuilder().build())).startswith("HEAP SUMMARY:")


def test_the_commands(tmp_path: Path) -> None:
    path = tmp_path / "t.trace"
    path.write_bytes(one_process().build())
    run = CliRunner().invoke
    assert run(group, ["summary", str(path)]).output.startswith("HEAP SUMMARY:")
    assert (
        len(json.loads(run(group, ["summary", str(path), "--json", "--top", "1"]).output)["processes"][0]["leaks"]) == 1
    )
    assert len(json.loads(run(group, ["summary", "-", "--json"], input=path.read_bytes()).output)["processes"]) == 1
    assert "the 1 largest, --top N" in run(group, ["summary", str(path), "--top", "1"]).output
    info = json.loads(run(group, ["info", str(path), "--json"]).output)
    assert info["blocks"]["events"] == {
        "blocks": 1,
        "records": 6,
        "stored_bytes": info["blocks"]["events"]["stored_bytes"],
    }
    assert (info["processes"][0]["events"], info["trace"]["host"]) == (6, "host")
    assert "6 events, 1 thread, 1 module" in run(group, ["info", str(path)]).output
    assert isinstance(run(group, ["summary", "/nowhere"]).exception, VizzyError)
    assert run(group, ["summary"]).exit_code == 2
    help_text = run(group, ["--help"]).output
    assert "summary" in help_text
    assert "info" in help_text
