"""Fixtures of the browser tests: pages made by the commands, opened from disk in Chromium without a network."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from opened_page import MakePage, Open, OpenedPage, make_page
from playwright.sync_api import Browser, sync_playwright
from recording import Program, Require, find_vizzytrace


@pytest.fixture(scope="module")  # not longer: Playwright keeps an event loop running, which others may want to start
def browser(require: Require) -> Iterator[Browser]:
    """Chromium: the system's, whose version does not depend on Playwright's."""
    executable = shutil.which("chromium") or shutil.which("google-chrome") or require("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Opens a page; at the end of the test it must have asked for nothing and complained about nothing."""
    opened: list[OpenedPage] = []

    def open_path(path: Path, *, width: int = 1280, dark: bool = False) -> OpenedPage:
        page = OpenedPage.open(browser, path, width=width, dark=dark)
        opened.append(page)
        return page

    yield open_path
    for page in opened:
        page.close()
        assert page.requests == [page.url]
        assert page.complaints == []


@pytest.fixture
def page_of(tmp_path: Path) -> MakePage:
    """Makes a page from the bytes of a trace, or from a trace."""

    def make(trace: bytes | Path, *options: str, command: str = "report") -> Path:
        if isinstance(trace, bytes):
            (tmp_path / "t.trace").write_bytes(trace)
            trace = tmp_path / "t.trace"
        return make_page(trace, tmp_path / "page.html", *options, command=command)

    return make


@pytest.fixture(scope="session")
def service_trace(program: Program, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of service.cpp."""
    trace = tmp_path_factory.mktemp("service") / "service.trace"
    command = [str(find_vizzytrace()), "-q", str(trace), str(program("service.cpp")), "1"]
    subprocess.run(command, check=True, capture_output=True, timeout=120, env={"PATH": os.environ["PATH"]})
    return trace


@pytest.fixture(scope="session")
def service_page(service_trace: Path) -> Path:
    """The report of service.cpp."""
    return make_page(service_trace, service_trace.with_suffix(".html"))
