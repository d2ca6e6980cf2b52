"""Where suppressions come from, and what a summary makes of them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import TraceBuilder, malloc
from click.testing import CliRunner

from vizreport.cli.main import group
from vizreport.errors import VizzyError
from vizreport.reports.suppression_files import read_suppressions
from vizreport.symbols.options import SymbolOptions
from vizreport.trace.reader import Trace

Load = Callable[[bytes], Trace]


def build() -> TraceBuilder:
    """One leak in a library, and two in the program."""
    builder = TraceBuilder().session().image().thread().module()
    builder.module(path=b"/opt/libknown.so.1", module=2, start=0xA000, end=0xB000, bias=0xA000)
    builder.nodes([(3, 0, 0x1100), (4, 3, 0xA200), (5, 3, 0x1300)])
    return builder.events([malloc(0x10, 100, stack=4), malloc(0x20, 30, stack=3), malloc(0x30, 5, stack=5)])


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A trace, in the current directory."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "t.trace"
    path.write_bytes(build().image_end().build())
    return path


def summarize(path: Path, *arguments: str) -> tuple[list[int], dict[str, object]]:
    """Returns the leaks that are listed, and what is said of the others."""
    result = CliRunner().invoke(group, ["summary", "--json", str(path), *arguments], catch_exceptions=False)
    (process,) = json.loads(result.output)["processes"]
    assert process["in_use_at_exit"] == {"bytes": 135, "blocks": 3}
    return [leak["bytes"] for leak in process["leaks"]], process["suppressed"]


def test_nothing_is_suppressed_by_itself(path: Path) -> None:
    assert summarize(path) == ([100, 30, 5], {"bytes": 0, "blocks": 0, "rules": []})


def test_files_that_are_named(path: Path) -> None:
    Path("a.supp").write_text("# libraries\nleak:libknown\n")
    Path("b.supp").write_text("{\n   all the others\n   Memcheck:Leak\n   obj:/bin/prog\n   obj:*\n}\n")
    listed, suppressed = summarize(path, "--suppressions", "a.supp", "--suppressions", "b.supp")
    assert listed == [30]
    assert suppressed == {
        "bytes": 105,
        "blocks": 2,
        "rules": [
            {"name": "leak:libknown", "source": "a.supp:2", "bytes": 100, "blocks": 1, "stacks": 1},
            {"name": "all the others", "source": "b.supp:1", "bytes": 5, "blocks": 1, "stacks": 1},
        ],
    }


def test_the_file_of_the_directory(path: Path) -> None:
    Path(".vizzy.supp").write_text("leak:libknown\n")
    assert summarize(path)[0] == [30, 5]
    assert summarize(path, "--no-default-suppressions")[0] == [100, 30, 5]
    text = CliRunner().invoke(group, ["summary", str(path)]).output
    assert "    suppressed       : 100 bytes in 1 block of those in use, known leaks:" in text.splitlines()
    assert "        100 bytes in 1 block, 1 call stack: leak:libknown (.vizzy.supp:1)" in text.splitlines()


def test_what_is_suppressed_is_not_leaked(path: Path) -> None:
    Path(".vizzy.supp").write_text("leak:*\n")
    assert summarize(path)[0] == []
    assert CliRunner().invoke(group, ["summary", str(path), "--fail-if", "leaked>0"]).exit_code == 0
    assert isinstance(CliRunner().invoke(group, ["summary", str(path), "--fail-if", "in_use>0"]).exception, VizzyError)


@pytest.mark.parametrize(
    ("content", "message"), [(None, "known.supp: suppressions can't be read: "), ("leek:a", "known.supp:1: neither ")]
)
def test_a_file_that_is_none(path: Path, content: str | None, message: str) -> None:
    if content is not None:
        Path("known.supp").write_text(content)
    result = CliRunner().invoke(group, ["summary", str(path), "--suppressions", "known.supp"])
    assert isinstance(result.exception, VizzyError)
    assert str(result.exception).startswith(message)


def test_an_executable_that_carries_them(load: Load, tmp_path: Path) -> None:
    source = tmp_path / "carrier.c"
    source.write_text(
        'static const char a[] __attribute__((section(".vizzy.suppressions"), used)) = "leak:^registry_\\n# one\\n";\n'
        'static const char b[] __attribute__((section(".vizzy.suppressions"), used)) = "leak:libknown";\n'
        "int main(void) { return 0; }\n"
    )
    carrier = tmp_path / "carrier"
    subprocess.run(["cc", "-Wl,--build-id=0x0102", "-o", carrier, source], check=True)
    subprocess.run(["strip", carrier], check=True)

    def read(build_id: bytes, **options: str) -> list[tuple[str, str]]:
        exe = str(carrier).encode() if not options else b"/nowhere/carrier"
        builder = TraceBuilder().image(exe=exe).module(path=exe, build_id=build_id)
        rules = read_suppressions(load(builder.build()), (), SymbolOptions(**options)).rules  # type: ignore[arg-type]
        return [(rule.name, rule.source.rpartition("/")[2]) for rule in rules]

    assert [name for name, _ in read(b"\1\2")] == ["leak:^registry_", "leak:libknown"]
    assert [place.partition(":")[0] for _, place in read(b"\1\2")] == ["carrier[.vizzy.suppressions]"] * 2
    assert len(read(b"\1\2", exe=str(carrier))) == 2
    assert read(b"\1\3") == []
    assert read(b"") == []
