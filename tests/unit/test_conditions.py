"""`--fail-if`: what its expressions mean, and what comes of them."""

from __future__ import annotations

import operator
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import TraceBuilder, free, malloc
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from vizreport.cli.main import group
from vizreport.errors import ConditionMetError, VizzyError
from vizreport.reports.conditions import FIGURES, parse_condition
from vizreport.reports.summary import summarize
from vizreport.trace import format as fmt
from vizreport.trace.reader import Trace

Load = Callable[[bytes], Trace]

OPERATORS = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}


def build() -> TraceBuilder:
    events = [malloc(0x10, 3000), malloc(0x20, 48), free(0x10), malloc(0x30, 7), free(0x30), free(0x99)]
    return TraceBuilder().session().image().thread().events(events).image_end(dropped=2)


@pytest.mark.parametrize(
    ("figure", "value"),
    [
        ("leaked", 48),
        ("leaked_blocks", 1),
        ("in_use", 48),
        ("in_use_blocks", 1),
        ("peak", 3048),
        ("peak_blocks", 2),
        ("allocs", 3),
        ("frees", 3),
        ("allocated", 3055),
        ("temporary", 1),
        ("anomalies", 3),
    ],
)
def test_figures(load: Load, figure: str, value: int) -> None:
    (summary,) = summarize(load(build().build()))
    assert FIGURES[figure][0](summary) == value
    for sign, compare in OPERATORS.items():
        for limit in (value - 1, value, value + 1):
            assert parse_condition(f"{figure}{sign}{limit}").is_met(summary) == compare(value, limit)


def test_every_figure_is_tested() -> None:
    marks = test_figures.pytestmark  # type: ignore[attr-defined]
    assert {row[0] for row in marks[0].args[1]} == set(FIGURES)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("leaked>0", 0),
        ("Leaked > 1K", 1024),
        (" peak>=1.5M ", 1.5 * 1024**2),
        ("peak>100MiB", 100 * 1024**2),
        ("peak>2GB", 2 * 1024**3),
        ("peak>1t", 1024**4),
        ("allocs>1e6", 1_000_000),
        ("allocs>2.5E3", 2500),
    ],
)
def test_numbers(text: str, limit: float) -> None:
    assert parse_condition(text).limit == limit


@pytest.mark.parametrize(
    "text", ["", "leaked", "leaked>", ">0", "leaked>-1", "leaked>x", "leaked=0", "leaked>1X", "leaked>0;", "1>leaked"]
)
def test_what_is_no_condition_is_told_what_is(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no condition: write FIGURE, one of >= <= == != > <, and a number"):
        parse_condition(text)
    with pytest.raises(ValueError, match=r"there is no figure 'leeks'; there are leaked, leaked_blocks"):
        parse_condition("leeks>0")


@given(st.text(max_size=20))
def test_any_text_is_a_condition_or_one_clear_line(text: str) -> None:
    try:
        assert parse_condition(text).text == text
    except ValueError as error:
        assert "\n" not in str(error).replace(repr(text), "")  # noqa: PT017


def test_the_command(tmp_path: Path) -> None:
    path = tmp_path / "t.trace"
    path.write_bytes(build().build())

    def run(*conditions: str) -> BaseException | None:
        arguments = [word for condition in conditions for word in ("--fail-if", condition)]
        result = CliRunner().invoke(group, ["summary", str(path), *arguments])
        assert result.output.startswith("HEAP SUMMARY:") or result.exit_code == 2
        return result.exception

    assert run("leaked>48", "peak>1M") is None
    met = run("leaked>1M", "leaked>0", "peak>1K")
    assert isinstance(met, ConditionMetError)
    assert met.exit_code == 3
    assert (
        str(met) == "leaked>0: leaked is 48 bytes in prog (pid 100), which is uncertain: 2 events dropped (and 1 more)"
    )
    assert (
        str(run("peak>1K"))
        == "peak>1K: peak is 3048 bytes (3.0 KiB) in prog (pid 100), which is uncertain: 2 events dropped"
    )
    wrong = run("leaked")
    assert isinstance(wrong, SystemExit)
    assert wrong.code == 2


def test_nothing_recorded_is_no_success(tmp_path: Path) -> None:
    for builder in (TraceBuilder(), TraceBuilder().image(not_recorded=fmt.NotRecorded.STATIC)):
        path = tmp_path / "t.trace"
        path.write_bytes(builder.build())
        result = CliRunner().invoke(group, ["summary", str(path), "--fail-if", "leaked>0"])
        assert isinstance(result.exception, VizzyError)
        assert result.exception.exit_code == 1
        assert "no process was recorded" in str(result.exception)


def test_what_is_missing_is_no_success(tmp_path: Path) -> None:
    path = tmp_path / "t.trace"
    path.write_bytes(build().build(end=False, index=False))
    arguments = ["summary", str(path), "--fail-if"]
    unknown = CliRunner().invoke(group, [*arguments, "leaked>1M"]).exception
    assert isinstance(unknown, VizzyError)
    assert unknown.exit_code == 1
    assert "not complete" in str(unknown)
    assert isinstance(CliRunner().invoke(group, [*arguments, "peak>1K"]).exception, ConditionMetError)


def test_any_process_may_meet_it(tmp_path: Path) -> None:
    path = tmp_path / "t.trace"
    path.write_bytes(build().image(1, pid=200, args=("child",)).events([malloc(0x10, 90)], image=1).build())
    arguments = ["summary", str(path), "--fail-if", "leaked>80"]
    assert "in child (pid 200)" in str(CliRunner().invoke(group, arguments).exception)
    assert CliRunner().invoke(group, [*arguments, "--pid", "100"]).exit_code == 0
