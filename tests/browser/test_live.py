"""The live page in Chromium: what it shows is what the trace holds."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from builders import TraceBuilder, free, malloc
from playwright.sync_api import Browser, Page
from recording import ROOT, Program, run_vizreport

TIMEOUT_S = 60.0
CODE = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
CODE += "from vizreport.cli.main import main; sys.exit(main())"


@contextmanager
def serving(tmp_path: Path, *arguments: str) -> Iterator[str]:
    """Runs a command, and gives what it says once the page is there; ends it by Ctrl-C."""
    said = tmp_path / "said"
    with said.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-c", CODE, *arguments, "--http", "127.0.0.1:0"],
            stderr=stderr,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    try:
        deadline = time.monotonic() + TIMEOUT_S
        while "the live view is at" not in said.read_text():
            assert process.poll() is None, said.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield said.read_text()
    finally:
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(TIMEOUT_S) == 0
        finally:
            process.kill()


def find_url(said: str) -> str:
    return str(re.findall(r"live view is at (\S+)", said)[0])


@pytest.fixture
def live_page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(TIMEOUT_S * 1000)
    requests: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert [text for text in complaints if "ERR_CONNECTION_REFUSED" not in text] == []  # vizreport has ended
    assert requests
    assert all(url.startswith("http://127.0.0.1:") for url in requests)


def check_figures(page: Page, trace: Path) -> None:
    """Waits until the page shows the end of the recording."""
    summary = json.loads(run_vizreport("summary", "--json", str(trace)))["processes"][0]
    expected = {
        "allocations": summary["allocs"],
        "frees": summary["frees"],
        "live bytes": summary["in_use_at_exit"]["bytes"],
        "live blocks": summary["in_use_at_exit"]["blocks"],
        "peak": summary["peak"]["bytes"],
        "dropped events": summary["anomalies"]["dropped_events"],
    }
    wait_for_figures(page, expected)


def wait_for_figures(page: Page, expected: dict[str, int]) -> None:
    """Waits until the page was told these figures, and shows those that it has a place for."""
    figures = "vizzy.live.latest?.shown?.figures"
    wait_for(page, f"Object.entries({json.dumps(expected)}).every(([name, value]) => {figures}?.[name] === value)")
    for name, value in expected.items():
        place = page.locator(f'[data-figure="{name}"]')
        if place.count():
            assert place.get_attribute("data-value") == str(value)


def wait_for(page: Page, expression: str) -> None:
    """Waits until an expression is true in the page, whose policy lets nothing be evaluated by itself."""
    deadline = time.monotonic() + TIMEOUT_S
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(50)


def test_live(vizzytrace: Path, program: Program, tmp_path: Path, live_page: Page) -> None:
    trace = tmp_path / "a.trace"
    with serving(tmp_path, "live", "--listen", "127.0.0.1:0", "--save", str(trace)) as said:
        live_page.goto(find_url(said))
        port = re.findall(r"listening on 127\.0\.0\.1:(\d+)", said)[0]
        command = [str(vizzytrace), f"tcp://127.0.0.1:{port}", str(program("churn.c")), "400000", "64"]
        subprocess.run(command, check=True, capture_output=True, timeout=TIMEOUT_S)
        check_figures(live_page, trace)
        assert "churn" in live_page.locator('[data-figure="process"]').inner_text()


def test_replay_starts_anywhere(tmp_path: Path, live_page: Page) -> None:
    trace = tmp_path / "a.trace"
    events = [malloc(16 * k, 100, time=k * 10**9) for k in range(50)] + [free(0, time=60 * 10**9)]
    trace.write_bytes(TraceBuilder().session().image(0).events(events).image_end(0, time=70 * 10**9).build())
    for start, live in (("end", 4900), ("peak", 5000), ("9.5s", 1000)):
        with serving(tmp_path, "replay", str(trace), "--speed", "0.01", "--start", start) as said:
            live_page.goto(find_url(said))
            wait_for_figures(live_page, {"live bytes": live})


def test_replay_escapes_names(tmp_path: Path, live_page: Page) -> None:
    trace = tmp_path / "evil.trace"
    builder = TraceBuilder().session().image(0, args=["<b id=evil>", "<img src=x onerror=alert(1)>"])
    trace.write_bytes(builder.events([malloc(16 * k, 100, time=k) for k in range(1, 50)]).image_end(0).build())
    with serving(tmp_path, "replay", str(trace), "--speed", "10") as said:
        live_page.goto(find_url(said))
        check_figures(live_page, trace)
        assert live_page.locator("#evil").count() == 0
        assert "<img" in live_page.locator('[data-figure="process"]').inner_text()
