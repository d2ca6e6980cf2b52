"""What Chromium's network stack was asked for while a page was open: nothing."""

import json
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from opened_page import OpenedPage
from playwright.sync_api import sync_playwright
from recording import Require

ASKING = """
<img src="http://image.outside.invalid/"><script>fetch("http://script.outside.invalid/")</script>
"""
# What the browser asks for on its own, updates and accounts, has no page as its initiator.
NO_PAGE = "not an origin"
NOWHERE = "~notfound"  # what every host is looked up as, so that nothing leaves the machine


def find_host(params: dict[str, Any]) -> str | None:
    """Returns the host that an event of the log is about."""
    text = str(params.get("url") or params.get("host") or "")
    return urlsplit(text if "//" in text else f"//{text}").hostname


def read_net_log(path: Path) -> set[str | None]:
    """Returns the hosts that anything in the log is about, without those that the browser asked on its own."""
    events = [event.get("params", {}) for event in json.loads(path.read_text())["events"]]
    own = {find_host(params) for params in events if params.get("initiator") == NO_PAGE}
    of_pages = {find_host(params) for params in events if params.get("initiator", NO_PAGE) != NO_PAGE}
    hosts = {find_host(params) for params in events} - (own - of_pages)
    return {host for host in hosts if host not in (None, NOWHERE)}


def open_with_net_log(executable: str, page_path: Path, log: Path, *, sections: bool) -> set[str | None]:
    """Opens a page in a browser that may use the network but finds no host, and returns whom it asked for."""
    arguments = ["--no-sandbox", f"--log-net-log={log}", f"--host-resolver-rules=MAP * {NOWHERE}"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        page = browser.new_page()
        page.goto(page_path.as_uri())
        if sections:
            opened = OpenedPage(page_path.as_uri(), page, page.context)
            for section in opened.run("[...document.querySelectorAll('section.panel')].map((each) => each.id)"):
                opened.show(section)
        page.wait_for_timeout(300)
        browser.close()
    return read_net_log(log)


@pytest.fixture
def chromium(require: Require) -> str:
    return shutil.which("chromium") or shutil.which("google-chrome") or require("chromium")


def test_a_report_asks_the_network_for_nothing(chromium: str, service_page: Path, tmp_path: Path) -> None:
    assert open_with_net_log(chromium, service_page, tmp_path / "net.json", sections=True) == set()


def test_the_log_shows_pages_that_ask(chromium: str, tmp_path: Path) -> None:
    page = tmp_path / "asking.html"
    page.write_text(ASKING)
    asked = open_with_net_log(chromium, page, tmp_path / "net.json", sections=False)
    assert {f"{part}.outside.invalid" for part in ("image", "script")} <= asked
