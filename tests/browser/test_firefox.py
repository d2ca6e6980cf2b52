"""The report in Firefox, opened from disk: every section is drawn, and the controls do what they do in Chromium."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from firefox import Firefox, FirefoxPage, run_firefox
from recording import Require, run_vizreport

DOWN, ESCAPE, TAB = "\ue015", "\ue00c", "\ue004"

Show = Callable[[], FirefoxPage]


@pytest.fixture(scope="module")
def firefox(require: Require, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    executable = shutil.which("firefox-esr") or shutil.which("firefox") or require("firefox-esr")
    with run_firefox(executable, tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture
def report(firefox: Firefox, service_page: Path) -> Iterator[FirefoxPage]:
    """The report of service.cpp; at the end of the test it must have asked for nothing and complained about nothing."""
    page = FirefoxPage(firefox, service_page)
    yield page
    assert page.requests == []
    assert page.complaints == []
    page.close()


@pytest.fixture(scope="session")
def summary(service_trace: Path) -> dict[str, Any]:
    process: dict[str, Any] = json.loads(run_vizreport("summary", "--json", str(service_trace)))["processes"][0]
    return process


def test_what_a_page_asks_for_is_seen(firefox: Firefox, tmp_path: Path) -> None:
    asking = tmp_path / "asking.html"
    asking.write_text("<img src=https://outside.invalid/image><script>console.warn('seen')</script>")
    page = FirefoxPage(firefox, asking)
    page.wait_for("document.images[0].complete")
    assert page.requests == ["https://outside.invalid/image"]
    assert page.complaints == ["warn: seen"]
    page.close()


def test_all_sections_are_drawn(report: FirefoxPage, summary: dict[str, Any]) -> None:
    for section in report.run("[...document.querySelectorAll('section.panel')].map((each) => each.id)"):
        report.show(section)
        assert report.run(f"document.getElementById('{section}').getBoundingClientRect().height") > 100
    assert report.run("document.querySelectorAll('.bk-Figure, .figure canvas').length") > 0
    assert f"{summary['allocs']:,}" in report.text(".cards")
    assert report.run("document.documentElement.scrollWidth") <= 1280


def test_flame_graph(report: FirefoxPage, summary: dict[str, Any]) -> None:
    report.show("flamegraph", "vizzy.flame")
    assert report.run("vizzy.flame.whole") == summary["peak"]["bytes"]
    name = "vizzy.flame.trees.describe(vizzy.flame.tree, node).function.includes('remember_reply')"
    node = report.run(f"[...vizzy.flame.boxes.keys()].find((node) => {name})")
    x, y = report.run(
        f"""(() => {{
            const [box, canvas] = [vizzy.flame.box({node}), vizzy.flame.canvas];
            return [(box.left + box.width / 2) / vizzy.flame.width, (box.top + 10) / canvas.clientHeight];
        }})()"""
    )
    report.click("#flamegraph canvas", x, y)
    report.wait_for(f"vizzy.flame.view.join() === vizzy.flame.edges({node}).join()")
    assert "remember_reply" in report.text("#flamegraph .details h3")
    report.type(ESCAPE)
    report.wait_for("vizzy.flame.view.join() === '0,1'")
    report.type(*[DOWN] * 8)
    assert report.run("vizzy.flame.chosen") > 0
    report.click("#flamegraph label:has(input[value=temporary])")
    report.click("#flamegraph label:has(input[value=inverted])")
    assert report.run("vizzy.flame.whole") == summary["temporary"]["allocs"]
    report.click("#flamegraph input[type=search]")
    report.type(*"FORMAT_reply")
    assert report.run("vizzy.flame.matchedShare") == 1


def test_a_range_typed_and_dragged(report: FirefoxPage, summary: dict[str, Any]) -> None:
    report.show("timeline", "vizzy.chooser && vizzy.figures.made.has('timeline-figure')")
    report.click("[name=from]")
    report.type("0", TAB, *"1000 s", TAB)
    report.wait_for("vizzy.state.get('summed')")
    report.show("flamegraph", "vizzy.flame")
    assert report.run("vizzy.flame.whole") == summary["bytes_allocated"]
    report.click("[name=clear]")
    report.wait_for("vizzy.state.get('metric') === 'peak'")
    report.drag(*(report.locate("#timeline-figure", x, 0.3) for x in (0.3, 0.4, 0.6)))
    report.wait_for("vizzy.state.get('summed')")
    chosen = report.run("vizzy.state.get('range')")
    assert 0 < chosen["from"] < chosen["to"]


def test_table(report: FirefoxPage, summary: dict[str, Any]) -> None:
    report.show("calltree", "vizzy.table")
    report.click("th[data-metric=leaked] button")
    report.click("th[data-metric=leaked] button")
    assert report.run("document.querySelector('th[data-metric=leaked]').getAttribute('aria-sort')") == "ascending"
    leaked = report.run(
        "vizzy.table.rows.filter((row) => row.level === 1).map(({ node }) => vizzy.table.tree.total('leaked', node))"
    )
    assert leaked == sorted(leaked)
    assert sum(leaked) == summary["in_use_at_exit"]["bytes"]
    report.click("#calltree input[type=search]")
    report.type(*"remember_reply")
    assert "format_reply" not in report.text("#calltree tbody")


def test_slider_and_theme(report: FirefoxPage, summary: dict[str, Any]) -> None:
    report.show("layout", "vizzy.layout")
    moment = "vizzy.layout.moments[vizzy.layout.at].liveBytes"
    assert report.run(moment) == summary["peak"]["bytes"]
    report.click("input[name=moment]", 0.995)
    assert report.run(moment) == summary["in_use_at_exit"]["bytes"]
    colour = "vizzy.figures.find('layout-figure', 'blocks')[0].data.colour[0]"
    light = report.run(colour)
    report.click("#theme")
    assert report.run("document.documentElement.dataset.theme") == "dark"
    report.wait_for(f"{colour} !== '{light}'")


def test_pointing_says_what_is_there(report: FirefoxPage) -> None:
    for section, words in (("layout", " at "), ("heatmap", "from ")):
        report.show(section, f"vizzy.{section}")
        for x in (0.4, 0.41, 0.42):
            report.point(report.locate(f"#{section}-figure", x, 0.5))
        report.wait_for("!document.querySelector('.float').hidden")
        assert words in report.text(".float")
