"""Pages as text: what they hold, and what they must not."""

import base64
import gzip
import hashlib
import re
from pathlib import Path

import pytest
from builders import TraceBuilder, malloc
from click.testing import CliRunner

from vizreport.cli.main import group
from vizreport.trace import format as fmt

SECRETS = (
    "secret-host",
    "secret-program",
    "--secret-argument",
    "/secret/directory",
    "secret-thread",
    "secret-note",
    "secret-child",
)


def write(tmp_path: Path, data: bytes, *options: str, command: str = "report") -> str:
    trace, output = tmp_path / "t.trace", tmp_path / "page.html"
    trace.write_bytes(data)
    run = CliRunner().invoke(group, [command, str(trace), "-o", str(output), *options], catch_exceptions=False)
    assert run.output == f"{output}\n"
    return output.read_text()


def unpack(page: str) -> str:
    """Returns the page with its data readable, and without the scripts, which are the same in all pages."""
    data = [gzip.decompress(base64.b64decode(text)).decode() for text in re.findall(r'id="data-[^"]*">([^<]*)<', page)]
    return re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL) + "".join(data)


@pytest.fixture
def secret_trace() -> bytes:
    builder = TraceBuilder().session(host=SECRETS[0], args=[SECRETS[1], SECRETS[2]])
    builder.image(args=["/secret/directory/secret-program", SECRETS[2]], exe=b"/secret/directory/secret-program")
    builder.module(path=b"/secret/directory/secret-program").module(
        path=b"/secret/directory/libplain.so", module=2, start=0x10000, end=0x20000
    )
    builder.thread(name=b"secret-thread").note("a secret-note")
    builder.nodes([(8, 0, 0x1100), (9, 8, 0x11000)])
    builder.events([malloc(0x1000, 77, stack=8), malloc(0x2000, 99, stack=9)]).image_end()
    builder.image(1, pid=101, parent=0, origin=fmt.Origin.FORK, args=["secret-child"], exe=b"/secret/directory/child")
    builder.note("a secret-note of the child", image=1).thread(1, thread=1, tid=101, name=b"secret-worker")
    return builder.image_end(1).build()


def test_anonymous_pages_hold_nothing_that_tells(tmp_path: Path, secret_trace: bytes) -> None:
    plain = unpack(write(tmp_path, secret_trace))
    for secret in SECRETS:
        assert secret in plain
    anonymous = unpack(write(tmp_path, secret_trace, "--anonymize"))
    assert "secret" not in anonymous.lower()
    assert "libplain.so" in anonymous
    assert str(tmp_path) not in anonymous


def test_anonymous_pages_show_no_sources(tmp_path: Path, secret_trace: bytes) -> None:
    (tmp_path / "t.trace").write_bytes(secret_trace)
    run = CliRunner().invoke(group, ["report", str(tmp_path / "t.trace"), "--anonymize", "--sources"])
    assert run.exit_code == 2


def test_only_the_scripts_of_the_page_may_run(tmp_path: Path, secret_trace: bytes) -> None:
    page = write(tmp_path, secret_trace)
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert found is not None
    policy = found[1].replace("&#39;", "'")
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    sums = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert re.findall(r"sha256-([^']*)", policy) == sums


def test_nothing_is_loaded(tmp_path: Path, secret_trace: bytes) -> None:
    page = write(tmp_path, secret_trace, command="plot")
    outside = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', outside) == []
    assert "url(" not in outside


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["plot", "t.trace", "--text"], 2, "--text goes with --heap-layout-time"),
        (["plot", "t.trace", "--heap-layout-time", "soon"], 2, "is no time"),
        (["plot", "t.trace", "--flamegraph=most"], 2, "'most'"),
        (["plot", "t.trace", "--flamegraph", "most"], 2, "most"),
        (["tree", "t.trace", "--min-share", "nan"], 2, "'nan' is no number"),
        (["report", "t.trace", "--pid", "7"], 1, "no process has the pid 7"),
        (["report", "t.trace", "-o", "missing/page.html"], 1, "missing/page.html"),
    ],
)
def test_wrong_usage(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    secret_trace: bytes,
    arguments: list[str],
    status: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.trace").write_bytes(secret_trace)
    run = CliRunner().invoke(group, arguments)
    assert message in (run.output if status == 2 else str(run.exception))
    assert run.exit_code == status


@pytest.mark.parametrize("words", [["t.trace", "--flamegraph"], ["--flamegraph", "t.trace"]])
def test_the_metric_of_a_flame_graph_may_be_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret_trace: bytes, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.trace").write_bytes(secret_trace)
    run = CliRunner().invoke(group, ["plot", "--no-symbols", *words, "-o", "page.html"], catch_exceptions=False)
    assert run.output == "page.html\n"


@pytest.mark.parametrize("moment", ["99999999999999999999s", "9" * 400])
def test_a_time_after_the_end_means_the_end(tmp_path: Path, secret_trace: bytes, moment: str) -> None:
    (tmp_path / "t.trace").write_bytes(secret_trace)
    words = ["plot", str(tmp_path / "t.trace"), "--text", "--heap-layout-time"]
    late, end = (CliRunner().invoke(group, [*words, at], catch_exceptions=False).output for at in (moment, "end"))
    assert late == end


def test_layout_as_text(tmp_path: Path, secret_trace: bytes) -> None:
    (tmp_path / "t.trace").write_bytes(secret_trace)
    run = CliRunner().invoke(group, ["plot", str(tmp_path / "t.trace"), "--heap-layout-time", "end", "--text"])
    head, *lines = run.output.splitlines()
    assert head.startswith("HEAP VMEM LAYOUT @")
    assert [line.partition(" (")[0] for line in lines] == ["...", "0x1000 - 77", "...", "0x2000 - 99"]


def test_a_child_that_was_not_recorded_is_told_of(tmp_path: Path) -> None:
    builder = TraceBuilder().session().image().image_end()
    builder.image(1, pid=200, args=("busybox",), not_recorded=fmt.NotRecorded.STATIC).image_end(1)
    page = write(tmp_path, builder.build())
    assert "Not recorded: busybox (pid 200): " in page
    assert "nothing unusual" not in page


def test_a_command_of_many_arguments_is_no_title_of_many_lines(tmp_path: Path) -> None:
    arguments = tuple(str(number) for number in range(900))
    page = write(tmp_path, TraceBuilder().session().image(args=("/bin/prog", *arguments)).image_end().build())
    (title,) = re.findall("<h1>(.*)</h1>", page)
    assert title.startswith("prog 0 1 2 ")
    assert title.endswith("...")
    assert len(title) < 150
    assert " 898 899</p>" in page


def test_the_head_says_when_a_process_began(tmp_path: Path) -> None:
    builder = TraceBuilder().session().image(start_time=2_000_000).thread()
    page = write(tmp_path, builder.events([malloc(0x1000, 9, time=3_000_000)]).image_end(time=5_000_000).build())
    assert "<b>3.000 ms, begun after 2.000 ms</b>" in page
    assert "after 3.000 ms" in page


def test_source_lines_are_shown_when_asked_for(tmp_path: Path) -> None:
    from vizreport.reports.source_lines import SourceLines

    (tmp_path / "a.c").write_text("one\ntwo\nthree\nfour\n")
    found = SourceLines().find(str(tmp_path / "a.c"), 1)
    assert found == ((1, "one", True), (2, "two", False), (3, "three", False))
    assert SourceLines().find(str(tmp_path / "b.c"), 1) == ()
    assert SourceLines().find(str(tmp_path / "a.c"), 9) == ()


def test_a_page_of_the_original_csv(tmp_path: Path) -> None:
    lines = "1,0,malloc,0x1000,100\n1,500000,malloc,0x2000,200\n2,0,free,0x1000,\n"
    page = unpack(write(tmp_path, lines.encode()))
    assert "in 2 blocks" in page
    assert ", 1 free\n" in page or ", 1 free<" in page
    assert "1970" not in page
