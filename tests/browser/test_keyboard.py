"""A page without a mouse: what takes the focus, that it shows, what it is called, and what keys do there."""

import itertools
from pathlib import Path
from typing import Any

import pytest
from opened_page import Open, OpenedPage

FOCUSED = """(() => {
    const element = document.activeElement;
    if (element === document.body) return null;
    const style = getComputedStyle(element);
    const label = element.getAttribute("aria-label") || element.labels?.[0]?.innerText;
    const name = label || element.innerText || element.title || element.closest("th, label")?.innerText;
    const { width } = element.getBoundingClientRect();
    return {
        place: element.id || element.name || element.className || element.tagName,
        section: element.closest("section")?.id || "",
        name: (name || "").trim(),
        shown: style.outlineStyle !== "none" || style.boxShadow !== "none",
        there: width > 0,
    };
})()"""
MOST_STOPS = 400


@pytest.fixture
def report(service_page: Path, open_page: Open) -> OpenedPage:
    page = open_page(service_page)
    for section in page.run("[...document.querySelectorAll('section.panel')].map((each) => each.id)"):
        page.show(section)
    page.run("window.scrollTo(0, 0)")
    return page


def walk(page: OpenedPage) -> list[dict[str, Any]]:
    """Presses Tab from the top of the page to its end; returns what had the focus."""
    stops: list[dict[str, Any]] = []
    while len(stops) < MOST_STOPS:
        page.page.keyboard.press("Tab")
        stop = page.run(FOCUSED)
        if stop is None or (len(stops) > 1 and stop == stops[0]):
            return stops
        stops.append(stop)
    raise AssertionError("Tab does not come to an end")


def test_tab_reaches_every_control_and_shows_where_it_is(report: OpenedPage) -> None:
    stops = walk(report)
    assert [stop["place"] for stop in stops if not stop["name"]] == []
    assert [stop["place"] for stop in stops if not (stop["shown"] and stop["there"])] == []
    sections = report.run("[...document.querySelectorAll('section.panel')].map((each) => each.id)")
    assert list(dict.fromkeys(stop["section"] for stop in stops if stop["section"])) == sections
    places = {stop["place"] for stop in stops}
    figures = set(report.run("[...document.querySelectorAll('.figure')].map((each) => each.id)"))
    assert figures <= places
    assert {"theme", "from", "to", "moment", "paint", "metric", "direction"} <= places


def test_everything_has_a_name(report: OpenedPage) -> None:
    nameless = """[...document.querySelectorAll("button, input, a, canvas, [role=application], nav, section")]
        .filter((each) => !(each.ariaLabel || each.getAttribute("aria-labelledby") || each.labels?.length
            || each.textContent.trim() || each.title))
        .map((each) => each.outerHTML)"""
    assert report.run(nameless) == []
    assert report.run("document.documentElement.lang") == "en"
    levels = report.run("[...document.querySelectorAll('h1, h2, h3, h4')].map((each) => Number(each.tagName[1]))")
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


@pytest.mark.parametrize(
    "figure", ["layout-figure", "heatmap-figure", "sizes-figure", "timeline-figure", "held-figure"]
)
def test_arrow_keys_read_a_picture(report: OpenedPage, figure: str) -> None:
    report.page.locator(f"#{figure}").focus()
    for key in ("ArrowUp", *["Shift+ArrowLeft"] * 4):  # to where something is
        report.page.keyboard.press(key)
        report.page.wait_for_timeout(400)
        if said := report.run("document.querySelector('.voice').textContent"):
            break
    assert said
    report.page.keyboard.press("Escape")
    assert report.run(f"document.querySelector('#{figure} .pointer').hidden")


def test_explanations_open_by_keyboard(report: OpenedPage) -> None:
    help_text = report.page.locator("#timeline h2 [role=tooltip]")
    assert not help_text.is_visible()
    report.page.locator("#timeline h2 .help button").focus()
    assert help_text.is_visible()


def test_colours_are_chosen_by_arrow_keys(report: OpenedPage) -> None:
    report.page.locator("input[name=paint][value=site]").focus()
    report.page.keyboard.press("ArrowRight")
    assert report.run("vizzy.layout.paint") == "size"
    report.page.locator("input[name=moment]").focus()
    at = report.run("vizzy.layout.at")
    report.page.keyboard.press("ArrowLeft")
    assert report.run("vizzy.layout.at") == at - 1
