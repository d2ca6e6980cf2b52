"""`tree`: its rows, text and JSON, of traces known by construction."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import TraceBuilder, free, malloc
from click.testing import CliRunner

from vizreport.cli.main import group
from vizreport.errors import VizzyError
from vizreport.reports.tree import TreeAsked, make_trees
from vizreport.reports.tree_json import describe_trees
from vizreport.reports.tree_rows import list_rows
from vizreport.reports.tree_text import UNICODE_LINES, write_trees
from vizreport.trace import format as fmt
from vizreport.trace.reader import Trace, parse_trace

Load = Callable[[bytes], Trace]

# A (0x100) calls B (0x200), which calls C (0x300) and D (0x400); A calls C itself too.
NODES = [(3, 0, 0x1100), (4, 3, 0x1200), (5, 4, 0x1300), (6, 4, 0x1400), (7, 3, 0x1300)]


def build(*, args: tuple[str, ...] = ("prog",)) -> TraceBuilder:
    builder = TraceBuilder().session().image(args=args).thread().module().nodes(NODES)
    events = [
        malloc(0x10, 600, stack=5, time=1),
        malloc(0x20, 290, stack=6, time=2),
        malloc(0x30, 100, stack=7, time=3),
        malloc(0x40, 5, stack=4, time=4),
        malloc(0x50, 5, stack=0, time=5),
        free(0x10, time=6),
    ]
    return builder.events(events).image_end()


def text_of(trace: Trace, max_depth: int | None = None, **asked: Any) -> list[str]:
    request = TreeAsked(**{"min_share": 0.0, **asked})
    return list(write_trees(make_trees(trace, asked=request), request, max_depth=max_depth, lines=UNICODE_LINES))


def test_the_text(load: Load) -> None:
    assert text_of(load(build().build())) == [
        "ALLOCATION TREE: bytes live at the peak, who called, then whom",
        "    1000 bytes in all, prog (pid 100)",
        "             total       self",
        "  0.5 %    5 bytes (no call stack recorded)",
        " 99.5 %  995 bytes            └─ prog+0x100",
        " 89.5 %  895 bytes    5 bytes    ├─ prog+0x200",
        " 60.0 %  600 bytes  600 bytes    │  ├─ prog+0x300",
        " 29.0 %  290 bytes  290 bytes    │  └─ prog+0x400",
        " 10.0 %  100 bytes  100 bytes    └─ prog+0x300",
    ]


def test_the_text_inverted(load: Load) -> None:
    assert text_of(load(build().build()), inverted=True, metric="count")[1:] == [
        "    5 in all, prog (pid 100)",
        "             total",
        " 20.0 %          1 (no call stack recorded)",
        " 40.0 %          2 ├─ prog+0x300",
        " 20.0 %          1 │  ├─ prog+0x100",
        " 20.0 %          1 │  └─ prog+0x200",
        " 20.0 %          1 │     prog+0x100",
        " 20.0 %          1 ├─ prog+0x200",
        " 20.0 %          1 │  prog+0x100",
        " 20.0 %          1 └─ prog+0x400",
        " 20.0 %          1    prog+0x200",
        " 20.0 %          1    prog+0x100",
    ]


def test_what_is_too_small_is_said(load: Load) -> None:
    assert text_of(load(build().build()), min_share=0.2)[4:] == [
        " 99.5 %  995 bytes            └─ prog+0x100",
        " 89.5 %  895 bytes    5 bytes    prog+0x200",
        " 60.0 %  600 bytes  600 bytes    ├─ prog+0x300",
        " 29.0 %  290 bytes  290 bytes    └─ prog+0x400",
    ]
    assert text_of(load(build().build()), min_share=0.3, inverted=True, metric="count")[3:] == [
        " 20.0 %          1 (no call stack recorded)",
        " 40.0 %          2 ├─ prog+0x300 ...",
        " 40.0 %          2 └─ (other, each too small to be shown)",
    ]
    assert text_of(load(build().build()), max_depth=2)[-2:] == [
        " 89.5 %  895 bytes    5 bytes    ├─ prog+0x200 ...",
        " 10.0 %  100 bytes  100 bytes    └─ prog+0x300",
    ]


def test_the_json(load: Load) -> None:
    trace, asked = load(build().build()), TreeAsked(metric="leaked", min_share=0.0)
    described = json.loads(json.dumps(describe_trees(trace, make_trees(trace, asked=asked), asked)))
    assert list(described) == ["schema", "trace", "metric", "unit", "inverted", "processes", "warnings"]
    assert (described["schema"], described["metric"], described["unit"]) == ("vizzy.tree/1", "leaked", "bytes")
    (process,) = described["processes"]
    assert (process["pid"], process["total"], process["no_stack"], process["other"]) == (100, 400, 5, 0)
    rows = [(node["parent"], node["depth"], node["address"], node["total"], node["self"]) for node in process["nodes"]]
    assert rows == [
        (None, 1, 0x100, 395, 0),
        (0, 2, 0x200, 295, 5),
        (1, 3, 0x400, 290, 290),
        (0, 2, 0x300, 100, 100),
    ]


@pytest.mark.parametrize("metric", ["peak", "leaked", "allocated", "count", "temporary"])
def test_the_smallest_traces(load: Load, metric: str) -> None:
    for builder in (TraceBuilder().image(), TraceBuilder().image().events([malloc(16, 1)])):
        assert text_of(load(builder.build()), metric=metric)[0].startswith("ALLOCATION TREE: ")
    with pytest.raises(VizzyError, match="describes no process"):
        make_trees(load(TraceBuilder().build()))


def test_which_process(load: Load) -> None:
    builder = build().image(1, pid=200, args=("child",)).image(2, pid=300, not_recorded=fmt.NotRecorded.STATIC)
    trace = load(builder.build())
    assert [each.image.pid for each in make_trees(trace)] == [100]
    assert [each.image.pid for each in make_trees(trace, pid=200)] == [200]
    with pytest.raises(VizzyError, match="no process has the pid 7"):
        make_trees(trace, pid=7)
    with pytest.raises(VizzyError, match="process 300 was not recorded"):
        make_trees(trace, pid=300)


def test_stacks_that_are_cut_are_told_of(load: Load) -> None:
    builder = TraceBuilder().image().nodes([(3, 0, 0x10), (4, 1, 0x20), (5, 2, 0x30)])
    events = [malloc(16 * size, size, stack=stack) for size, stack in ((100, 3), (20, 4), (3, 5), (4, 2))]
    trace = load(builder.events(events).build())
    assert text_of(trace)[1:5] == [
        "    127 bytes in all, prog (pid 100)",
        "    20 bytes of these have call stacks that are cut at the depth limit",
        "    7 bytes of these have call stacks that are cut for want of unwind data",
        "             total       self",
    ]


def test_other_processes_are_told_of(tmp_path: Path) -> None:
    path = tmp_path / "t.trace"
    path.write_bytes(build().image(1, pid=200, args=("child",)).build())
    run = CliRunner().invoke
    assert run(group, ["tree", str(path)]).output.endswith(
        "1 more process in the trace: `vizreport summary` lists them, --pid PID shows the tree of one\n"
    )
    assert "in the trace" not in run(group, ["tree", str(path), "--pid", "200"]).output


def test_names_cannot_drive_the_terminal(load: Load) -> None:
    assert "\x1b" not in "\n".join(text_of(load(build(args=("a\x1b[2J",)).build())))


def test_deep_stacks_are_neither_indented_nor_recursed_into() -> None:
    depth = 3000
    nodes = [(3 + k, k + 2 if k else 0, 0x1000 + k) for k in range(depth)]
    builder = TraceBuilder().image().nodes(nodes).events([malloc(16, 1, stack=2 + depth)])
    (each,) = make_trees(parse_trace("-", memoryview(builder.build())))
    rows = list(list_rows(each.tree))
    assert len(rows) == depth
    assert all(row.lead == () for row in rows)


def test_the_command(tmp_path: Path) -> None:
    path = tmp_path / "t.trace"
    path.write_bytes(build().build())
    run = CliRunner().invoke
    assert "`- prog+0x300" in run(group, ["tree", str(path)]).output
    assert run(group, ["tree", str(path), "--inverted", "--metric", "leaked"]).output.count("prog+0x400") == 1
    shown = json.loads(run(group, ["tree", str(path), "--json", "--depth", "1"]).output)
    assert len(shown["processes"][0]["nodes"]) == 1
    assert run(group, ["tree", str(path), "--metric", "size"]).exit_code == 2
    assert run(group, ["tree", "-", "--json"], input=path.read_bytes()).exit_code == 0


def test_the_command_tells_of_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "t.trace"
    path.write_bytes(build().build(end=False, index=False))
    assert "NOT complete" in CliRunner().invoke(group, ["tree", str(path)]).output
