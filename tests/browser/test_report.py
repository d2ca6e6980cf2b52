"""The whole report of a small service: what is shown is what was recorded, and every control does what it says."""

import json
from pathlib import Path
from typing import Any

import pytest
from opened_page import SCREENSHOTS, Open, OpenedPage
from recording import run_vizreport

SECTIONS = [
    "timeline",
    "flamegraph",
    "calltree",
    "leaks",
    "layout",
    "heatmap",
    "fragmentation",
    "sizes",
    "lifetimes",
    "threads",
    "processes",
]


@pytest.fixture(scope="session")
def summary(service_trace: Path) -> dict[str, Any]:
    process: dict[str, Any] = json.loads(run_vizreport("summary", "--json", str(service_trace)))["processes"][0]
    return process


@pytest.fixture
def report(service_page: Path, open_page: Open) -> OpenedPage:
    return open_page(service_page)


def test_all_sections_are_there_and_drawn(report: OpenedPage) -> None:
    assert report.run("[...document.querySelectorAll('section.panel')].map((each) => each.id)") == SECTIONS
    for section in SECTIONS:
        report.show(section)


def test_head(report: OpenedPage, summary: dict[str, Any]) -> None:
    cards = report.text(".cards")
    assert f"{summary['allocs']:,}" in cards
    assert f"{summary['in_use_at_exit']['blocks']:,} blocks" in cards
    assert "remember_reply" in cards
    assert "exited with status 0" in report.text(".facts")
    kinds = report.run("[...document.querySelectorAll('#findings li')].map((each) => each.dataset.kind)")
    assert kinds == ["PeakOwner", "LargestLeak", "ManyTemporaries"]
    assert "load_table" in report.text("#findings li[data-kind=PeakOwner]")


def test_timeline_has_the_peak(report: OpenedPage, summary: dict[str, Any]) -> None:
    report.show("timeline")
    assert max(report.read("timeline-figure", "timeline", "max_bytes")) == summary["peak"]["bytes"]
    assert report.read("timeline-figure", "timeline", "min_bytes")[-1] <= summary["in_use_at_exit"]["bytes"]
    assert len(report.read("timeline-figure", "rss", "rss")) > 0
    shown = "vizzy.figures.find('timeline-figure', 'resident')[0].visible"
    assert report.run(shown) == report.page.is_checked("[name=timeline-figure-resident]")
    report.page.click("[name=timeline-figure-resident]")
    assert report.run(shown) == report.page.is_checked("[name=timeline-figure-resident]")


def test_flame_graph_shows_each_metric(report: OpenedPage, summary: dict[str, Any]) -> None:
    report.show("flamegraph", "vizzy.flame")
    expected = {
        "peak": summary["peak"]["bytes"],
        "leaked": summary["in_use_at_exit"]["bytes"],
        "allocated": summary["bytes_allocated"],
        "count": summary["allocs"],
        "temporary": summary["temporary"]["allocs"],
    }
    for direction in ("icicle", "flames", "inverted"):
        report.page.check(f"input[name=direction][value={direction}]", force=True)
        for metric, total in expected.items():
            report.page.check(f"input[name=metric][value={metric}]", force=True)
            assert report.run("vizzy.flame.whole") == total
    assert report.run("vizzy.state.get('inverted')")


def test_flame_graph_zooms_and_tells(report: OpenedPage) -> None:
    report.show("flamegraph", "vizzy.flame")
    name = "vizzy.flame.trees.describe(vizzy.flame.tree, {}).function"
    node = report.run(f"[...vizzy.flame.boxes.keys()].find((node) => {name.format('node')}.includes('remember_reply'))")
    box = report.run(f"(() => {{ const b = vizzy.flame.box({node}); return [b.left + b.width / 2, b.top + 10]; }})()")
    report.page.locator("#flamegraph canvas").click(position={"x": box[0], "y": box[1]})
    report.wait_for(f"vizzy.flame.view.join() === vizzy.flame.edges({node}).join()")
    assert "remember_reply" in report.text("#flamegraph .details h3")
    assert "service.cpp:" in report.text("#flamegraph .details")
    report.page.click("#flamegraph .details button")
    report.wait_for("vizzy.copied")
    lines = report.run("vizzy.copied").splitlines()
    assert "remember_reply" in lines[0]
    assert any(line.startswith("main ") for line in lines)
    report.page.locator("#flamegraph canvas").press("Escape")
    report.wait_for("vizzy.flame.view[0] === 0 && vizzy.flame.view[1] === 1")


def test_flame_graph_is_walked_by_keys(report: OpenedPage) -> None:
    report.show("flamegraph", "vizzy.flame")
    canvas = report.page.locator("#flamegraph canvas")
    for _ in range(8):
        canvas.press("ArrowDown")
    assert "load_table" in report.text("#flamegraph .details")
    chosen = report.run("vizzy.flame.chosen")
    canvas.press("ArrowUp")
    assert report.run(f"vizzy.flame.tree.parent({chosen}) === vizzy.flame.chosen")


def test_search_says_the_matched_share(report: OpenedPage, summary: dict[str, Any]) -> None:
    report.show("flamegraph", "vizzy.flame")
    report.page.check("input[name=metric][value=temporary]", force=True)
    report.page.fill("#flamegraph input[type=search]", "FORMAT_reply")
    assert report.run("vizzy.flame.matchedShare") == 1
    assert f"100.0 % matched: {summary['temporary']['allocs']:,}" in report.text("#flamegraph .matched")
    report.page.fill("#flamegraph input[type=search]", "/^no such (function$/")
    assert "0 functions" in report.text("#flamegraph .matched")


def test_a_typed_range_drives_flame_graph_and_table(report: OpenedPage, summary: dict[str, Any]) -> None:
    report.show("timeline", "vizzy.chooser")
    report.page.fill("[name=from]", "0")
    report.page.fill("[name=to]", "1000 s")
    report.page.press("[name=to]", "Tab")
    report.wait_for("vizzy.state.get('summed')")
    report.show("flamegraph", "vizzy.flame")
    assert report.run("vizzy.state.get('metric')") == "range-allocated"
    assert report.run("vizzy.flame.whole") == summary["bytes_allocated"]
    for metric in ("range-live", "range-kept"):
        report.page.check(f"input[name=metric][value={metric}]", force=True)
        assert report.run("vizzy.flame.whole") == summary["in_use_at_exit"]["bytes"]
    report.show("calltree", "vizzy.table")
    assert "Live at its end" in report.text("#calltree thead")
    report.page.click("[name=clear]")
    report.wait_for("vizzy.state.get('metric') === 'peak'")
    assert "Live at its end" not in report.text("#calltree thead")


def test_a_dragged_range(report: OpenedPage) -> None:
    report.show("timeline", "vizzy.chooser")
    box = report.page.locator("#timeline-figure").bounding_box()
    assert box is not None
    report.page.mouse.move(box["x"] + 300, box["y"] + 150)
    report.page.mouse.down()
    report.page.mouse.move(box["x"] + 600, box["y"] + 150, steps=5)
    report.page.mouse.up()
    report.wait_for("vizzy.state.get('summed')")
    start, end = report.run("[vizzy.state.get('range').from, vizzy.state.get('range').to]")
    assert 0 < start < end
    report.page.click("[name=zoom]")
    assert report.run("vizzy.figures.find('timeline-figure', 'time')[0].end * vizzy.chooser.unit") == pytest.approx(end)
    report.page.click("[name=all]")
    assert report.run("vizzy.figures.find('timeline-figure', 'time')[0].end * vizzy.chooser.unit") > end


def test_table_opens_sorts_and_filters(report: OpenedPage, summary: dict[str, Any]) -> None:
    report.show("calltree", "vizzy.table")
    rows = "document.querySelectorAll('#calltree tbody tr').length"
    before = report.run(rows)
    assert "remember_reply" in report.text("#calltree tbody")
    report.page.locator("#calltree .toggle").first.click()
    assert report.run(rows) < before
    report.page.locator("#calltree .toggle").first.click()
    assert report.run(rows) >= before
    report.page.click("th[data-metric=leaked] button")
    values = (
        "vizzy.table.rows.filter((row) => row.level === 1).map(({ node }) => vizzy.table.tree.total('leaked', node))"
    )
    leaked = report.run(values)
    assert leaked == sorted(leaked, reverse=True)
    assert sum(leaked) == summary["in_use_at_exit"]["bytes"]
    report.page.click("th[data-metric=leaked] button")
    assert report.run(values) == sorted(leaked)
    report.page.fill("#calltree input[type=search]", "remember_reply")
    assert report.run("[...document.querySelectorAll('#calltree mark')].length") >= 1
    assert "format_reply" not in report.text("#calltree tbody")
    report.page.fill("#calltree input[type=search]", "nothing is called so")
    assert report.run(rows) == 0


def test_table_is_walked_by_keys(report: OpenedPage) -> None:
    report.show("calltree", "vizzy.table")
    row = report.page.locator("#calltree tbody tr").first
    row.focus()
    assert report.run("document.activeElement.getAttribute('aria-expanded')") == "true"
    report.page.keyboard.press("ArrowDown")
    assert report.run("document.activeElement.getAttribute('aria-level')") == "2"
    report.page.keyboard.press("ArrowUp")
    report.page.keyboard.press("ArrowLeft")
    assert report.run("document.activeElement.getAttribute('aria-expanded')") == "false"


def test_layout_slider_and_colours(report: OpenedPage, summary: dict[str, Any]) -> None:
    report.show("layout", "vizzy.layout")
    moment = "vizzy.layout.moments[vizzy.layout.at]"
    assert report.run(f"{moment}.liveBytes") == summary["peak"]["bytes"]
    widths = report.read("layout-figure", "blocks", "right")
    report.page.fill("input[name=moment]", "15")
    assert report.run(f"{moment}.liveBytes") == summary["in_use_at_exit"]["bytes"]
    assert "end" in report.text("#layout output")
    assert report.read("layout-figure", "blocks", "right") != widths
    by_site = report.read("layout-figure", "blocks", "colour")
    report.page.check("input[name=paint][value=age]", force=True)
    assert report.read("layout-figure", "blocks", "colour") != by_site
    left, top = (report.read("layout-figure", "blocks", column)[0] for column in ("left", "top"))
    lines = report.run(f"vizzy.layout.describe({left}, {top}).map((each) => each.textContent)")
    assert " at " in lines[0]


def test_heatmap_knows_its_cells(report: OpenedPage) -> None:
    report.show("heatmap", "vizzy.heatmap")
    levels = "vizzy.figures.find('heatmap-figure', 'heatmap')[0].data.levels[0]"
    height, width = report.run(f"{levels}.shape")
    at = report.run(f"[...{levels}].lastIndexOf(255)")
    start, width_ns, unit = (report.run(f"vizzy.heatmapRows.{name}Ns") for name in ("start", "width", "unit"))
    x = (start + (at % width + 0.5) * width_ns) / unit
    assert report.run(f"vizzy.heatmap({x}, {at // width} + 0.5).share") == 1
    assert report.run(f"vizzy.heatmap({x}, {height} + 1)") is None


def test_pointing_says_what_is_there(report: OpenedPage) -> None:
    for section, figure, words in (("layout", "layout-figure", " at "), ("heatmap", "heatmap-figure", "from ")):
        report.show(section, f"vizzy.{section}")
        box = report.page.locator(f"#{figure}").bounding_box()
        assert box is not None
        for step in range(3):
            report.page.mouse.move(box["x"] + 400 + step, box["y"] + box["height"] / 2)
        report.wait_for("!document.querySelector('.float').hidden")
        assert words in report.text(".float")
    report.show("sizes")
    box = report.page.locator("#sizes-figure").bounding_box()
    assert box is not None
    for step in range(3):
        report.page.mouse.move(box["x"] + 200 + step, box["y"] + 150)
    report.wait_for("document.querySelector('.bk-Tooltip')")


def test_every_column_of_numbers_is_explained(report: OpenedPage) -> None:
    for section in SECTIONS:
        report.show(section)
    numbers = "th.number, .stack .size, .stack .many"
    bare = f"[...document.querySelectorAll('{numbers}')].filter((each) => !each.title).map((each) => each.outerHTML)"
    assert report.run(bare) == []
    assert report.run(
        "[...document.querySelectorAll('.card, section.panel h2')].every((each) => each.querySelector('.help'))"
    )


def test_finding_leads_to_its_picture(report: OpenedPage) -> None:
    report.page.click("#findings li[data-kind=ManyTemporaries] a")
    report.show("flamegraph", "vizzy.flame")
    assert report.run("vizzy.state.get('metric')") == "temporary"
    assert "matched" in report.text("#flamegraph .matched")


def test_theme_follows_the_system_and_the_button(service_page: Path, open_page: Open) -> None:
    page = open_page(service_page, dark=True)
    page.show("timeline")
    assert page.run("document.documentElement.dataset.theme") == "dark"
    colour = "vizzy.figures.find('timeline-figure', 'peak')[0].glyph.fill_color.value"
    dark = page.run(colour)
    page.page.click("#theme")
    assert page.run("document.documentElement.dataset.theme") == "light"
    page.wait_for(f"{colour} !== '{dark}'")  # figures follow when they are near the window
    page.page.click("#theme")
    page.wait_for(f"{colour} === '{dark}'")


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_is_wider_than_the_window(service_page: Path, open_page: Open, width: int, dark: bool) -> None:
    page = open_page(service_page, width=width, dark=dark)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for section in SECTIONS:
        page.show(section)
        name = f"{section}-{width}-{'dark' if dark else 'light'}.png"
        page.page.locator(f"#{section}").screenshot(path=SCREENSHOTS / name)
    assert page.run("document.documentElement.scrollWidth") <= width


def test_all_pictures_are_made_before_the_page_is_printed(report: OpenedPage) -> None:
    report.run("(window.print = () => (vizzy.printed = [vizzy.figures.made.size, !!vizzy.flame, !!vizzy.table]), 0)")
    n_figures = report.run("document.querySelectorAll('.figure').length")
    assert report.run("vizzy.figures.made.size") < n_figures
    report.page.keyboard.press("Control+p")
    report.wait_for("vizzy.printed")
    assert report.run("vizzy.printed") == [n_figures, True, True]
    report.run("(vizzy.printed = null, 0)")
    report.page.click("#print")
    report.wait_for("vizzy.printed")


def test_interactions_are_quick(report: OpenedPage) -> None:
    report.show("flamegraph", "vizzy.flame")
    report.show("calltree", "vizzy.table")
    took = report.run(
        """(() => {
            const start = performance.now();
            vizzy.state.set({ metric: 'count' });
            return performance.now() - start;
        })()"""
    )
    assert took < 1000  # 100 ms on a quiet machine; this finds what is of another order
