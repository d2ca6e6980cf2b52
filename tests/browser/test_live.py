"""The live page in Chromium: what it shows is what the trace holds, and what one does with it does what it says."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from builders import TraceBuilder, free, malloc
from opened_page import SCREENSHOTS
from playwright.sync_api import Browser, BrowserContext, Page
from recording import ROOT, Program, run_vizreport

TIMEOUT_S = 60.0
CODE = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
CODE += "from vizreport.cli.main import main; sys.exit(main())"
HOSTILE = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"
SECTIONS = ("usage", "growing", "flamegraph", "heatmap", "calltree")
S = 1_000_000_000


@dataclass
class Served:
    """A running `vizreport live` or `vizreport replay`."""

    process: "subprocess.Popen[bytes]"
    said: Path

    @property
    def url(self) -> str:
        return str(re.findall(r"live view is at (\S+)", self.said.read_text())[0])

    @property
    def port(self) -> str:
        return str(re.findall(r"listening on 127\.0\.0\.1:(\d+)", self.said.read_text())[0])

    @property
    def n_descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


@contextmanager
def serving(tmp_path: Path, *arguments: str) -> Iterator[Served]:
    """Runs a command until the page is there; ends it by Ctrl-C."""
    said = tmp_path / "said"
    with said.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-c", CODE, *arguments, "--http", "127.0.0.1:0"],
            stderr=stderr,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    try:
        deadline = time.monotonic() + TIMEOUT_S
        while "the live view is at" not in said.read_text() or (
            arguments[0] == "live" and "listen" not in said.read_text()
        ):
            assert process.poll() is None, said.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield Served(process, said)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(TIMEOUT_S) == 0
        finally:
            process.kill()
        assert "Traceback" not in said.read_text()


@dataclass
class LivePage:
    """A live page that is open.

    Attributes:
        requests: Addresses that it asked for.
        complaints: What it wrote to the console, and errors that nobody caught.
    """

    page: Page
    context: BrowserContext
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def run(self, script: str) -> Any:
        """Returns what an expression in the page gives."""
        return self.page.evaluate(script)

    def wait_for(self, script: str) -> None:
        """Waits until an expression is true in the page, whose policy lets nothing be evaluated by itself."""
        deadline = time.monotonic() + TIMEOUT_S
        while not self.run(f"Boolean({script})"):
            assert time.monotonic() < deadline, f"still false: {script}"
            self.page.wait_for_timeout(30)

    def wait_for_figures(self, expected: dict[str, int]) -> None:
        """Waits until the page was told these figures, and shows those that it has a place for."""
        told = "vizzy.live.latest?.shown?.figures[name] === value"
        place = 'document.querySelector(`[data-figure="${name}"]`)'
        shown = f"({place}?.dataset.value ?? `${{value}}`) === `${{value}}`"
        self.wait_for(f"Object.entries({json.dumps(expected)}).every(([name, value]) => {told} && {shown})")

    def show(self, section: str, ready: str = "true") -> None:
        """Scrolls to a section, and waits until it is drawn."""
        self.page.locator(f"#{section}").scroll_into_view_if_needed()
        drawn = f"[...document.querySelectorAll('#{section} .figure')].every((each) => vizzy.figures.made.has(each.id))"
        self.wait_for(f"({drawn}) && ({ready})")

    def total(self, function: str, metric: str) -> int:
        """Returns the sum of a figure over all nodes of a function that ends call stacks."""
        return int(
            self.run(
                f"""(() => {{
                    const {{ trees }} = vizzy.flame;
                    const tree = trees.get(false);
                    let sum = 0;
                    for (let node = 1; node < tree.size; node++)
                        if (trees.describe(tree, node).function === '{function}') sum += tree.self('{metric}', node);
                    return sum;
                }})()"""
            )
        )

    def node(self, function: str) -> int:
        """Returns the first node of a function in the flame graph's tree, or -1."""
        name = "vizzy.flame.trees.describe(vizzy.flame.tree, node).function"
        size = "vizzy.flame.tree.size"
        return int(
            self.run(f"Array.from({{length: {size}}}, (_, k) => k).find((node) => {name} === '{function}') ?? -1")
        )


Open = Callable[..., LivePage]


@pytest.fixture
def open_live(browser: Browser) -> Iterator[Open]:
    """Opens a page in a browser of its own; at the end it must have asked nobody else and complained about nothing."""
    opened: list[LivePage] = []

    def open_url(url: str, *, width: int = 1280, dark: bool = False) -> LivePage:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light", accept_downloads=True
        )
        live = LivePage(context.new_page(), context)
        live.page.set_default_timeout(TIMEOUT_S * 1000)
        live.page.on("request", lambda request: live.requests.append(request.url))
        live.page.on("console", lambda message: live.complaints.append(message.text))
        live.page.on("pageerror", lambda error: live.complaints.append(str(error)))
        live.page.goto(url)
        opened.append(live)
        return live

    yield open_url
    for live in opened:
        live.context.close()
        ended = re.compile("ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|status of 503")
        assert [text for text in live.complaints if not ended.search(text)] == []  # but that vizreport has ended
        assert all(url.startswith("http://127.0.0.1:") for url in live.requests)


def expect_figures(trace: Path) -> dict[str, int]:
    """Returns the figures at the end of a recording."""
    summary = json.loads(run_vizreport("summary", "--json", str(trace)))["processes"][0]
    return {
        "allocations": summary["allocs"],
        "frees": summary["frees"],
        "allocated": summary["bytes_allocated"],
        "temporary": summary["temporary"]["allocs"],
        "live bytes": summary["in_use_at_exit"]["bytes"],
        "live blocks": summary["in_use_at_exit"]["blocks"],
        "peak": summary["peak"]["bytes"],
        "peak time": summary["peak"]["time_ns"],
        "dropped events": summary["anomalies"]["dropped_events"],
    }


class Steps:
    """A run of steps.c that is streamed, step by step."""

    def __init__(self, vizzytrace: Path, program: Path, port: str) -> None:
        self.process = subprocess.Popen(
            [str(vizzytrace), "-q", f"tcp://127.0.0.1:{port}", str(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def go(self, n: int) -> None:
        assert self.process.stdin
        assert self.process.stdout
        for _ in range(n):
            self.process.stdin.write(b"\n")
            self.process.stdin.flush()
            assert self.process.stdout.readline() == b"done\n"

    def end(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        assert self.process.wait(TIMEOUT_S) == 0
        self.process.stdout.close()


@contextmanager
def stepping(vizzytrace: Path, program: Path, port: str) -> Iterator[Steps]:
    steps = Steps(vizzytrace, program, port)
    try:
        yield steps
    finally:
        steps.process.kill()
        steps.process.wait()
        for pipe in (steps.process.stdin, steps.process.stdout):
            if pipe:
                pipe.close()


LIVE_AFTER = "vizzy.live.latest?.shown?.figures.temporary >= {}"


def test_figures_while_a_program_runs(vizzytrace: Path, program: Program, tmp_path: Path, open_live: Open) -> None:
    trace = tmp_path / "a.trace"
    with serving(tmp_path, "live", "--listen", "127.0.0.1:0", "--save", str(trace)) as served:
        page = open_live(served.url)
        assert f"vizzytrace tcp://127.0.0.1:{served.port}" in page.page.locator(".start").inner_text()
        with stepping(vizzytrace, program("steps.c"), served.port) as steps:
            done = 0
            for n in (1, 4):
                steps.go(n)
                done += n
                page.show("flamegraph", f"vizzy.flame && ({LIVE_AFTER.format(50 * done)})")
                page.wait_for("vizzy.live.latest.naming === 0")
                page.wait_for("vizzy.flame.trees.frames.names.includes('grow')")
                assert page.total("grow", "live") == 100 * 1001 * done
                assert page.total("grow", "blocks") == 100 * done
                assert page.total("renew", "live") == 300007
                assert page.total("renew", "count") == done
                assert page.total("renew", "allocated") == 300007 * done
                assert page.total("format", "temporary") == 50 * done
                assert page.total("format", "live") == 0
                assert page.total("grow", "growing") >= 100 * 1001 * done
                whole = "vizzy.flame.tree.total('live', 0) === vizzy.live.latest.shown.figures['live bytes']"
                assert page.run(whole)
                first = "vizzy.live.latest.shown.growing[0]"
                page.wait_for(f"['renew', 'grow'].includes({first}.frames[0][0])")
                assert page.page.locator("#growing code").first.inner_text() == page.run(f"{first}.site")
            assert page.page.locator("#status").inner_text() == "live"
            steps.end()
        page.wait_for("vizzy.live.latest.shown.ended")
        page.wait_for_figures(expect_figures(trace))
        assert page.page.locator("#status").inner_text() == "ended"
        assert "steps" in page.page.locator('[data-figure="process"]').inner_text()
        assert "steps" in page.page.title()
        page.show("usage")
        assert (
            max(page.run("vizzy.figures.find('timeline-figure', 'timeline')[0].data.max_bytes"))
            == expect_figures(trace)["peak"]
        )


def test_what_is_chosen_stays_when_figures_come(
    vizzytrace: Path, program: Program, tmp_path: Path, open_live: Open
) -> None:
    with serving(tmp_path, "live", "--listen", "127.0.0.1:0") as served:
        page = open_live(served.url)
        with stepping(vizzytrace, program("steps.c"), served.port) as steps:
            steps.go(1)
            page.show("flamegraph", "vizzy.flame")
            page.show("calltree", "vizzy.table")
            page.wait_for("['step', 'renew', 'grow'].every((name) => vizzy.flame.trees.frames.names.includes(name))")
            page.run(f"vizzy.flame.zoom({page.node('step')})")
            page.wait_for("vizzy.flame.view[1] - vizzy.flame.view[0] < 1 || vizzy.flame.focus > 0")
            page.run(f"vizzy.flame.choose({page.node('renew')})")
            page.page.fill("#flamegraph input[type=search]", "grow")
            page.wait_for("vizzy.flame.found !== null || document.querySelector('#flamegraph .matched').textContent")
            matched = page.page.locator("#flamegraph .matched").inner_text()
            rows = page.page.locator("#calltree tbody tr")
            page.wait_for("vizzy.table.rows.length > 3")
            name = page.page.locator("#calltree tbody tr[aria-expanded=true]").last
            closed = name.locator("td.name > span").first.inner_text()
            name.click()
            n_rows = rows.count()
            looks = page.run("vizzy.live.looks")
            steps.go(7)
            page.wait_for(LIVE_AFTER.format(50 * 8))
            assert page.run("vizzy.live.looks") > looks
            describe = "vizzy.flame.trees.describe(vizzy.flame.tree, {}).function"
            assert page.run(describe.format("vizzy.flame.focus")) == "step"
            assert page.run(describe.format("vizzy.flame.chosen")) == "renew"
            assert page.total("grow", "live") == 8 * 100 * 1001
            assert "renew" in page.page.locator("#flamegraph .details h3").inner_text()
            assert page.page.locator("#flamegraph .matched").inner_text() != matched  # of the new figures
            assert rows.count() == n_rows
            still = page.page.locator("#calltree tbody tr[aria-expanded=false]")
            assert closed in still.locator("td.name > span").all_inner_texts()


def test_metrics(vizzytrace: Path, program: Program, tmp_path: Path, open_live: Open) -> None:
    figures = {
        "live": "live bytes", "blocks": "live blocks", "allocated": "allocated", "count": "allocations",
        "temporary": "temporary",
    }  # fmt: skip
    with serving(tmp_path, "live", "--listen", "127.0.0.1:0") as served:
        page = open_live(served.url)
        with stepping(vizzytrace, program("steps.c"), served.port) as steps:
            steps.go(3)
            page.show("flamegraph", f"vizzy.flame && ({LIVE_AFTER.format(150)})")
            page.show("calltree", "vizzy.table")
            for metric, name in figures.items():
                page.page.locator(f"#flamegraph input[value={metric}]").check(force=True)
                shown = "vizzy.flame.tree.total(vizzy.state.get('metric'), 0)"
                page.wait_for(f"{shown} === vizzy.live.latest.shown.figures['{name}']")
                assert page.run("vizzy.table.sort.metric") == metric
                heading = page.page.locator(f"#calltree th[data-metric={metric}]")
                assert heading.get_attribute("aria-sort") == "descending"


def test_pause_and_save(vizzytrace: Path, program: Program, tmp_path: Path, open_live: Open) -> None:
    with serving(tmp_path, "live", "--listen", "127.0.0.1:0") as served:
        page = open_live(served.url)
        with stepping(vizzytrace, program("steps.c"), served.port) as steps:
            steps.go(2)
            page.wait_for(LIVE_AFTER.format(100))
            page.page.click("#pause")
            assert page.page.locator("#pause").get_attribute("aria-pressed") == "true"
            page.page.wait_for_timeout(500)
            asked, figures = len(page.requests), page.run("vizzy.live.latest.shown.figures")
            steps.go(3)
            page.page.wait_for_timeout(2500)
            assert len(page.requests) == asked  # a paused page costs nothing
            assert page.run("vizzy.live.latest.shown.figures") == figures
            assert page.page.locator("#status").inner_text() == "paused"
            page.page.click("#pause")
            page.wait_for(LIVE_AFTER.format(250))
            allocations = page.run("vizzy.live.latest.shown.figures.allocations")
            with page.page.expect_download() as download:
                page.page.click("#save")
            saved = tmp_path / "saved.trace"
            download.value.save_as(saved)
            summary = json.loads(run_vizreport("summary", "--json", str(saved)))
            assert not summary["trace"]["complete"]  # the program still runs
            assert summary["processes"][0]["allocs"] == allocations


def test_browsers_have_choices_of_their_own(
    vizzytrace: Path, program: Program, tmp_path: Path, open_live: Open
) -> None:
    with serving(tmp_path, "live", "--listen", "127.0.0.1:0") as served:
        first = open_live(served.url)
        first.wait_for("vizzy.live.latest")
        with stepping(vizzytrace, program("steps.c"), served.port) as steps:
            steps.go(1)
            first.wait_for(LIVE_AFTER.format(50))
            steps.end()
        first.wait_for("vizzy.live.latest.shown.ended")
        second = open_live(served.url, dark=True)
        second.wait_for("vizzy.live.latest?.shown")
        with stepping(vizzytrace, program("steps.c"), served.port) as steps:  # again: a new recording
            steps.go(6)
            for page in (first, second):
                page.wait_for("vizzy.live.latest.choices.length === 2")
                page.wait_for("!vizzy.live.latest.shown.ended")  # the newest is followed
            first.page.select_option("#process", first.run("vizzy.live.latest.choices[0].key"))
            first.wait_for("vizzy.live.latest.shown.ended")
            second.wait_for(LIVE_AFTER.format(300))
            second.page.locator("#flamegraph").scroll_into_view_if_needed()
            second.page.locator("#flamegraph input[value=count]").check(force=True)
            assert first.run("vizzy.live.latest.shown.figures.temporary") < 300
            assert first.run("vizzy.state.get('metric')") == "live"
            with_two = served.n_descriptors
            second.context.close()
            deadline = time.monotonic() + TIMEOUT_S
            while served.n_descriptors >= with_two:
                assert time.monotonic() < deadline
                time.sleep(0.1)
            first.page.select_option("#process", "")
            first.wait_for(LIVE_AFTER.format(300))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_nothing_is_left_behind(tmp_path: Path, number: signal.Signals) -> None:
    """Also when the terminal is closed: the folder of recordings that nobody asked to keep goes."""
    (tmp_path / "folders").mkdir()
    with (tmp_path / "said").open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-c", CODE, "live", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"],
            stderr=stderr,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path / "folders")},
        )
    deadline = time.monotonic() + TIMEOUT_S
    while "live view is at" not in (tmp_path / "said").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert list((tmp_path / "folders").glob("vizzy-live-*"))
    process.send_signal(number)
    assert process.wait(TIMEOUT_S) == (0 if number == signal.SIGINT else 128 + number)
    assert list((tmp_path / "folders").iterdir()) == []
    assert "Traceback" not in (tmp_path / "said").read_text()


def test_a_page_says_that_nobody_answers(tmp_path: Path, open_live: Open) -> None:
    with serving(tmp_path, "live", "--listen", "127.0.0.1:0") as served:
        page = open_live(served.url)
        page.wait_for("vizzy.live.latest")
        assert page.page.locator("#status").inner_text() == "waiting for a program"
    page.wait_for("document.getElementById('status').dataset.state === 'lost'")


def write_played(path: Path, *, end_s: int = 70) -> Path:
    """A trace with 50 allocations of 100 bytes, one each second, and one free at the end."""
    events = [malloc(16 * k, 100, time=k * S) for k in range(50)] + [free(0, time=60 * S)]
    builder = TraceBuilder().session().image(0).events(events).drops([(20 * S, 22 * S, 7)])
    path.write_bytes(builder.image_end(0, time=end_s * S, dropped=7).build())
    return path


def test_names_come_from_where_one_says(vizzytrace: Path, program: Program, tmp_path: Path, open_live: Open) -> None:
    """The program is not where it was recorded, as for a target that is another machine."""
    target = tmp_path / "steps"
    shutil.copy(program("steps.c"), target)
    for option, value in (("--exe", program("steps.c")), ("--sysroot", tmp_path / "sysroot")):
        with serving(tmp_path, "live", "--listen", "127.0.0.1:0", option, str(value)) as served:
            page = open_live(served.url)
            with stepping(vizzytrace, target, served.port) as steps:
                steps.go(1)
                moved = tmp_path / "sysroot" / str(target)[1:]
                moved.parent.mkdir(parents=True, exist_ok=True)
                target.rename(moved)
                page.show("flamegraph", "vizzy.flame && vizzy.flame.trees.frames.names.includes('grow')")
                assert page.run("vizzy.live.latest.shown.process").endswith(", running)")
                moved.rename(target)


def test_replay_starts_anywhere(tmp_path: Path, open_live: Open) -> None:
    trace = write_played(tmp_path / "a.trace")
    for start, live in (("end", 4900), ("peak", 5000), ("9.5s", 1000)):
        with serving(tmp_path, "replay", str(trace), "--speed", "0.01", "--start", start) as served:
            open_live(served.url).wait_for_figures({"live bytes": live})


def test_replay_is_played_wound_and_stopped(tmp_path: Path, open_live: Open) -> None:
    trace = write_played(tmp_path / "a.trace")
    with serving(tmp_path, "replay", str(trace), "--speed", "0.001", "--start", "9.5s") as served:
        page, other = open_live(served.url), open_live(served.url)
        page.wait_for_figures({"live bytes": 1000})
        assert page.page.locator("#save").is_hidden()
        slider = page.page.locator(".player [name=position]")
        assert slider.get_attribute("max") == "70"
        slider.press("End")
        for each in (page, other):  # there is one player for all
            each.wait_for_figures({"live bytes": 4900, "dropped events": 7})
        slider.press("Home")
        page.wait_for_figures({"live bytes": 100})
        slider.fill("30.5")
        page.wait_for_figures({"live bytes": 3100})
        assert re.fullmatch(r"30\.5\d\d s of 70\.000 s", page.page.locator(".player output").inner_text())
        page.show("usage")
        assert page.run("vizzy.figures.find('timeline-figure', 'losses')[0].data.events") == [7]
        button = page.page.locator(".player [name=play]")
        button.click()
        page.wait_for("vizzy.live.latest.player.paused")
        page.page.select_option(".player [name=speed]", "1000")
        page.wait_for("vizzy.live.latest.player.speed === 1000")
        assert page.run("vizzy.live.latest.player.position") < 31
        button.click()
        page.wait_for_figures({"live bytes": 4900})
        page.wait_for("vizzy.live.latest.player.position === 70")
        asked = page.run("vizzy.live.looks")
        told = page.run("vizzy.live.latest.version")
        page.wait_for(f"vizzy.live.looks > {asked + 2}")
        assert page.run("vizzy.live.latest.version") == told  # at its end nothing is looked at again
        assert not page.run("vizzy.live.latest.news")


def test_names_are_text(tmp_path: Path, open_live: Open) -> None:
    trace = tmp_path / "evil.trace"
    builder = TraceBuilder().session().image(0, args=["<b id=evil>", HOSTILE])
    builder.thread(name=HOSTILE.encode()[:15]).module(path=f"/lib/{HOSTILE}.so".encode())
    builder.nodes([(3, 0, 0x1100), (4, 3, 0x2200)]).note(HOSTILE)
    events = [malloc(4096 * k, 100, stack=3 + k % 2, time=k * S) for k in range(1, 50)]
    trace.write_bytes(builder.events(events).image_end(0, time=50 * S).build())
    with serving(tmp_path, "replay", str(trace), "--start", "end") as served:
        page = open_live(served.url)
        page.wait_for_figures(expect_figures(trace))
        for section in SECTIONS:
            page.show(section)
        page.wait_for("vizzy.heatmap && vizzy.heatmap(1, 0)?.bytes !== undefined")  # also where nothing new comes
        page.show("flamegraph", "vizzy.flame")
        page.show("calltree", "vizzy.table")
        page.page.locator("#growing summary").first.click()
        page.run(f"vizzy.flame.choose({page.node('script>.so+0x1300')}) ?? vizzy.flame.choose(1)")
        assert page.run("window.hacked") is None
        assert page.page.locator("#evil, img").count() == 0
        assert "<script>" in page.page.locator('[data-figure="process"]').inner_text()
        assert ".so+0x" in page.page.locator("#calltree tbody").inner_text()


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False)])
def test_looks(vizzytrace: Path, program: Program, tmp_path: Path, open_live: Open, *, width: int, dark: bool) -> None:
    """Writes screenshots of each section; none is wider than the window."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    trace = tmp_path / "service.trace"
    subprocess.run(
        [str(vizzytrace), "-q", str(trace), str(program("service.cpp")), "10"], check=True, capture_output=True
    )
    with serving(tmp_path, "replay", str(trace), "--start", "end") as served:
        page = open_live(served.url, width=width, dark=dark)
        page.wait_for_figures(expect_figures(trace))
        page.wait_for("vizzy.live.latest.naming === 0")
        for section in SECTIONS:
            page.show(section)
            name = f"live-{section}-{width}-{'dark' if dark else 'light'}.png"
            page.page.locator(f"#{section}").screenshot(path=SCREENSHOTS / name)
        page.run("window.scrollTo(0, 0)")
        page.page.screenshot(path=SCREENSHOTS / f"live-page-{width}-{'dark' if dark else 'light'}.png")
        assert page.run("document.documentElement.scrollWidth") <= width
        page.page.click("#theme")
        page.wait_for(f"vizzy.theme.isDark() === {str(not dark).lower()}")
