"""CSV traces: the same figures as the trace file's, whatever is cut, missing or foreign; and files of the original."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import Event, free, malloc, move, release, undo
from click.testing import CliRunner

from vizreport.cli.main import COMMANDS, group
from vizreport.errors import TraceFormatError
from vizreport.reports.summary import ImageSummary, summarize
from vizreport.reports.summary_text import write_summary
from vizreport.trace import format as fmt
from vizreport.trace.csv_facts import HEADER
from vizreport.trace.csv_table import fold_name, split_lines
from vizreport.trace.csv_trace import EVENTS_HEADER, ORIGINAL_HEADER
from vizreport.trace.reader import Trace, read_trace

Write = Callable[..., Trace]

EVENTS = [
    malloc(0x10, 100, stack=4, time=10),
    malloc(0x20, 50, stack=4, time=20),
    release(0x10, time=30),
    move(0x40, 10, stack=3, time=40),
    Event(3, 0x50, 7, stack=2, time=50),
    release(0x20, time=60),
    undo(0x20, time=70),
    free(0x50, time=80),
]

FACTS = """image,0,100,,,,,,,"prog a ""b"" ",5,start
exe,0,1,,,,,,,"/bin/prog",0,
module,0,1,,0x1000,0x9000,0x1000,0,0a0b,"/bin/a,
prog",5,
node,0,3,0,0x1100,,,0,,,,
interrupted,0,4,3,0x1200,,,0,,,,
drops,0,2,,,,,,,"",25,28
dropped,0,2,,,,,,,"",0,
image_end,0,9,,,,,,,"",90,signal
note,,4,,,,,,,"beware",0,
end,,8,,,,,,,"",95,
"""


def line(event: Event, image: int = 0, pid: int = 100) -> str:
    name = fmt.KINDS[event.kind][2]
    stack = image << 24 | event.stack
    return f"{event.time or 0},{pid},{pid + event.thread},{name},{event.address:#x},{event.size},{stack}\n"


def lines(events: Sequence[Event]) -> bytes:
    return EVENTS_HEADER + "".join(line(event) for event in events).encode()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_files(data: bytes, facts: str | None = FACTS, header: bytes = HEADER) -> Trace:
        path = tmp_path / "t.csv"
        path.write_bytes(data)
        if facts is not None:
            (tmp_path / "t.stacks.csv").write_bytes(header + facts.encode())
        return read_trace(str(path))

    return write_files


def only(trace: Trace) -> ImageSummary:
    (summary,) = summarize(trace)
    return summary


def text_of(trace: Trace) -> str:
    return "\n".join(write_summary(trace, summarize(trace)))


def test_one_process(write: Write) -> None:
    trace = write(lines(EVENTS))
    summary = only(trace)
    image, totals = summary.image, summary.totals
    assert trace.completeness.complete
    assert (totals.allocs, totals.frees, totals.bytes_allocated) == (4, 2, 167)
    assert (totals.live_bytes, totals.live_blocks, summary.peak.bytes) == (60, 2, 150)
    assert (summary.totals.n_unmatched_frees, summary.totals.n_duplicates, summary.unwind_gaps) == (0, 0, 1)
    assert (image.pid, image.ppid, image.args, image.exe) == (100, 1, ("prog", "a", '"b"'), "/bin/prog")
    assert image.end is not None
    assert (image.end.fate, image.end.fate_value, image.end.dropped) == (fmt.Fate.SIGNAL, 9, 2)
    assert [column.tolist() for column in (image.drops.starts, image.drops.ends, image.drops.events)] == [
        [25],
        [28],
        [2],
    ]
    assert (summary.uncertain.bytes, summary.uncertain.blocks) == (50, 1)
    assert (image.modules[0].path, image.modules[0].build_id.hex()) == ("/bin/a,\nprog", "0a0b")
    assert [(leak.values[0], [frame.address for frame in leak.stack]) for leak in summary.leaks.entries] == [
        (50, [0x200, 0x100]),
        (10, [0x100]),
    ]
    assert [note.text for note in trace.notes] == ["beware"]
    assert trace.read_stacks(0).interrupted.tolist() == [False, True]


def test_a_family_of_processes(write: Write) -> None:
    rows = [
        line(malloc(0x10, 8, time=10, stack=3)),
        line(malloc(0x20, 9, time=20)),
        line(free(0x10, time=25), 1, 101),
        line(malloc(0x30, 5, time=21)),
        line(malloc(0x10, 4, time=40, stack=3), 2, 101),
    ]
    facts = (
        'image,0,100,,,,,,,"prog ",0,start\nnode,0,3,0,0x1100,,,0,,,,\n'
        'image,1,101,0,,,,,,"prog ",20,fork\nimage_end,1,0,,,,,,,"",30,exec\n'
        f'image,2,101,1,,,,,,"ls ",30,exec\nnode,2,{(2 << 24) + 3},{2 << 24},0x2200,,,0,,,,\n'
        'image,3,102,1,,,,,,"",30,spawn\nunrecorded,3,1,,,,,,,"",0,\nend,,5,,,,,,,"",50,\n'
    )
    trace = write(EVENTS_HEADER + "".join(rows).encode(), facts)
    parent, child, executed, static = summarize(trace)
    assert (parent.totals.live_bytes, child.totals.inherited_bytes, child.totals.n_unmatched_frees) == (22, 9, 0)
    assert (executed.image.exec_number, executed.image.args, executed.totals.live_bytes) == (1, ("ls",), 4)
    assert executed.leaks.entries[0].stack[0].address == 0x2200
    assert "statically" in (static.not_recorded or "")
    assert trace.completeness.complete


def test_cut_anywhere(write: Write) -> None:
    whole = lines(EVENTS)
    for at in range(len(EVENTS_HEADER), len(whole)):
        trace = write(whole[:at])
        n_lines = whole[:at].count(b"\n") - 1
        assert len(trace.read_events(0)) == n_lines
        assert trace.completeness.cut_bytes == at - whole.rfind(b"\n", 0, at) - 1
        assert not trace.completeness.complete
    facts = FACTS.encode()
    for at in range(len(facts)):
        trace = write(whole, facts[:at].decode())
        assert only(trace).totals.allocs == 4
        assert not trace.completeness.complete


def test_without_the_second_file(write: Write) -> None:
    trace = write(lines(EVENTS), None)
    assert only(trace).totals.live_bytes == 60
    assert only(trace).image.pid == 100
    assert only(trace).unwind_gaps == 0
    assert "NAME.stacks.csv, is not there" in text_of(trace)
    assert not trace.completeness.complete
    assert text_of(write(EVENTS_HEADER, None)).startswith("HEAP SUMMARY:")
    assert len(write(EVENTS_HEADER[:10], None).images) == 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"time_ns,what\n1,2\n", "its columns are not time_ns,pid"),
        (EVENTS_HEADER + b"1,2,3,malloc,0x10,5,6\n1,2\n", "line 3 has not the 7 fields"),
        (EVENTS_HEADER + b"1,2,3,malloc,0x10,5,6\nx,2,3,malloc,0x10,5,6\n", "line 3: 'x' stands"),
        (EVENTS_HEADER + b"1,2,3,malloc,16,5,6\n", "line 2: '16' stands"),
        (EVENTS_HEADER + b"1,2,3,malloc,0x10,,6\n", "line 2: '' stands"),
        (EVENTS_HEADER + b"1,2,3,malloc,0x10," + b"9" * 30 + b",6\n", "line 2: '999"),
        (EVENTS_HEADER + b"1,2,3,mallic,0x10,5,6\n", "'mallic' is no function"),
        (EVENTS_HEADER + bytes(64) + b"\n", "line 2 has not"),
    ],
)
def test_foreign_files_are_refused(write: Write, data: bytes, message: str) -> None:
    with pytest.raises(TraceFormatError, match=message):
        write(data, None)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ("node,0,3,4,0x1,,,0,,,,\n", "does not come after"),
        ('exe,5,1,,,,,,,"x",0,\n', "line 2 can't be understood"),
        ('image,0,abc,,,,,,,"x",0,start\n', "line 2 can't be understood"),
        ("image,0\n", "line 2 has not the 12 fields"),
    ],
)
def test_a_foreign_second_file_is_refused(write: Write, facts: str, message: str) -> None:
    with pytest.raises(TraceFormatError, match=f"stacks.csv: .*{message}"):
        write(lines(EVENTS), facts)
    with pytest.raises(TraceFormatError, match="its columns are not"):
        write(lines(EVENTS), FACTS, b"a,b\n" + b"," * 90 + b"\n")


def test_names_have_different_numbers() -> None:
    assert len({fold_name(text) for _, _, text in fmt.KINDS.values()}) == len(fmt.KINDS)


def test_long_files_are_read_in_parts(monkeypatch: Any) -> None:
    data = b"".join(b"%d,%x\n" % (k * k, k) for k in range(1000))
    monkeypatch.setattr("vizreport.trace.csv_table.CHUNK_BYTES", 500)
    tables = list(split_lines(memoryview(data), 2, first_line=1, at=0))
    assert sum(len(table) for table in tables) == 1000
    assert [table.first_line for table in tables] == np.cumsum([1, *(len(table) for table in tables[:-1])]).tolist()


@pytest.mark.parametrize("header", [b"", ORIGINAL_HEADER])
def test_a_file_of_the_original(write: Write, header: bytes) -> None:
    rows = (
        b"1600000000,7,malloc,0x10,100\n1600000000,7,malloc,0x20,5\n1600000000,7,strdup,0x20,5\n"
        b"1600000000,8,free,0x10,\n1600000000,8,realloc,0x30,200\n1600000001,1,mmap,0xffffffffffffffff,4096\n"
        b"1600000001,2,calloc,(nil),4\n1600000001,3,munmap,0x9000,4096\n1600000001,3,free,0x2"
    )
    trace = write(header + rows, None)
    summary = only(trace)
    assert (summary.totals.allocs, summary.totals.frees, summary.totals.live_bytes) == (3, 1, 205)
    assert (summary.totals.n_unmatched_frees, summary.totals.n_duplicates) == (0, 0)
    assert (summary.peak.time_ns, trace.session.start_wall_ns) == (1000, 1_600_000_000_000_007_000)
    assert trace.completeness.cut_bytes == 21
    assert "the original vizzy" in text_of(trace)
    assert write(header + rows[:-21], None).completeness.complete


ORIGINAL = ORIGINAL_HEADER + b"1600000000,7,malloc,0x10,100\n1600000000,8,malloc,0x20,5\n1600000001,8,free,0x10,\n"


# These write or follow a trace's blocks, of which CSV has none.
NO_CSV = ("symbolize", "receive", "live", "replay")


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in NO_CSV])
@pytest.mark.parametrize(("data", "facts"), [(lines(EVENTS), FACTS), (ORIGINAL, None)], ids=["own", "original"])
def test_every_command_reads_csv(write: Write, tmp_path: Path, command: str, data: bytes, facts: str | None) -> None:
    write(data, facts)
    path = tmp_path / "t.csv"
    output = ["-o", str(tmp_path / "page.html")] if command in ("plot", "report") else []
    result = CliRunner().invoke(group, [command, str(path), *output], catch_exceptions=False)
    assert result.exit_code == 0
    assert result.output
