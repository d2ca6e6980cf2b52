"""Measures `vizreport report`: what making a page costs, how large it is, and how fast it is in Chromium.

`.venv/bin/python bench/pages.py TRACE...`. Names are cached by a run before. Needs the test extras and Chromium.
"""

import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from analysis import VIZREPORT, Cost, measure
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

RUNS = 3
SETTLE_MS = 400
# What a reader does, as statements after which it is drawn; in this order, each for the first time.
INTERACTIONS = {
    "metric": "vizzy.state.set({ metric: 'count' })",
    "invert": "vizzy.state.set({ inverted: true })",
    "upright": "vizzy.state.set({ inverted: false })",
    "search": "(vizzy.flame.search('alloc'), vizzy.flame.paint())",
    "zoom": "(vizzy.flame.choose(WIDE), (vizzy.flame.view = vizzy.flame.edges(WIDE)), vizzy.flame.resize())",
    "range": "await new Promise((done) => { vizzy.state.on(['summed'], done); vizzy.state.set({ range: HALF }); })",
    "open a row": "vizzy.table.toggle(vizzy.table.rows[vizzy.table.rows.length >> 1].node)",
    "sort": "vizzy.table.sortBy('range-live')",
    "filter": "(document.querySelector('#calltree input').value = 'alloc', vizzy.table.show())",
    "slider": "vizzy.layout.show(3)",
    "theme": "document.getElementById('theme').click()",
}
SETTING = """
    globalThis.WIDE = [...vizzy.flame.boxes.values()].find((box) => box.depth === 12)?.node ?? 0;
    globalThis.HALF = { from: vizzy.chooser.start, to: (vizzy.chooser.start + vizzy.chooser.end) / 2 };
"""


@dataclass(frozen=True, slots=True)
class Opened:
    """Of one page: milliseconds; of interactions, processor time."""

    first_paint: float
    interactions: dict[str, float]


def open_page(browser: Browser, path: Path) -> Opened:
    """Opens a page once, and does what a reader does."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(path.as_uri())
    wait_until(page, "performance.getEntriesByName('first-contentful-paint').length")
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    for section in ("timeline", "flamegraph", "calltree", "layout"):
        page.locator(f"#{section}").scroll_into_view_if_needed()
        wait_until(
            page, f"document.querySelector('#{section} canvas, #{section} tr, #{section} .bk-Figure, .bk-Column')"
        )
    wait_until(page, "vizzy.flame && vizzy.table && vizzy.layout && vizzy.chooser")
    page.evaluate(f"(() => {{ {SETTING} }})()")
    # Processor time of the page's thread, drawing included: what else the machine does matters little.
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    took = {}
    for name, script in INTERACTIONS.items():
        page.wait_for_timeout(SETTLE_MS)
        before = read_busy_ms(devtools)
        page.evaluate(f"(async () => {{ {script}; }})()")
        page.wait_for_timeout(SETTLE_MS)
        took[name] = read_busy_ms(devtools) - before
    page.close()
    return Opened(float(paint), took)


def read_busy_ms(devtools: CDPSession) -> float:
    """Returns how long the page's thread has worked since it began to be measured."""
    metrics = {metric["name"]: metric["value"] for metric in devtools.send("Performance.getMetrics")["metrics"]}
    return 1000 * float(metrics["TaskDuration"])


def wait_until(page: Page, script: str) -> None:
    """Waits; Playwright's own way is forbidden by the page's security policy."""
    while not page.evaluate(f"Boolean({script})"):
        page.wait_for_timeout(10)


def report(trace: Path, output: Path, browser: Browser) -> None:
    """Prints what one trace costs."""
    command = [str(VIZREPORT), "report", str(trace), "-o", str(output)]
    measure(command)  # caches names
    costs = [measure(command) for _ in range(RUNS)]
    cost = Cost(
        statistics.median(each.wall_seconds for each in costs),
        statistics.median(each.cpu_seconds for each in costs),
        max(each.peak_rss_bytes for each in costs),
    )
    opened = [open_page(browser, output) for _ in range(RUNS)]
    print(f"{trace}: {output.stat().st_size / 2**20:.2f} MiB")
    print(f"    made in {cost.wall_seconds:.1f} s ({cost.cpu_seconds:.1f} s of processor time)", end="")
    print(f", {cost.peak_rss_bytes / 2**20:.0f} MiB")
    print(f"    first paint after {statistics.median(each.first_paint for each in opened):.0f} ms;", end=" ")
    medians = {name: statistics.median(each.interactions[name] for each in opened) for name in INTERACTIONS}
    print(", ".join(f"{name} {took:.0f} ms" for name, took in medians.items()))


def main() -> None:
    """Measures each trace that is named."""
    traces = [Path(argument) for argument in sys.argv[1:]]
    if not traces:
        sys.exit("usage: bench/pages.py TRACE...")
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        for trace in traces:
            report(trace, Path(folder) / "page.html", browser)
        browser.close()


if __name__ == "__main__":
    main()
