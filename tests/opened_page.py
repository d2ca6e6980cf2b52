"""A page in the browser, and what it did that it must not do."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page
from recording import ROOT, TIMEOUT_SECONDS, run_vizreport

SCREENSHOTS = ROOT / "build" / "screenshots"


def make_page(trace: Path, output: Path, *options: str, command: str = "report") -> Path:
    """Runs a command that writes a page."""
    printed = run_vizreport(command, str(trace), "-o", str(output), *options)
    assert printed == f"{output}\n"
    return output


@dataclass
class OpenedPage:
    """A page that is open.

    Attributes:
        requests: Addresses that it asked for, its own the first.
        complaints: What it wrote to the console, and errors that nobody caught.
    """

    url: str
    page: Page
    context: BrowserContext
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, browser: Browser, path: Path, *, width: int, dark: bool) -> OpenedPage:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light", offline=True
        )
        opened = cls(path.as_uri(), context.new_page(), context)
        opened.page.set_default_timeout(60_000)
        opened.page.on("request", lambda request: opened.requests.append(request.url))
        opened.page.on("console", lambda message: opened.complaints.append(f"{message.type}: {message.text}"))
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.goto(opened.url)
        return opened

    def close(self) -> None:
        self.context.close()

    def run(self, script: str) -> Any:
        """Returns what an expression in the page gives."""
        return self.page.evaluate(script)

    def wait_for(self, script: str) -> None:
        """Waits until an expression is true. Playwright's own way evaluates text, which the page forbids."""
        end = time.monotonic() + TIMEOUT_SECONDS
        while not self.run(f"Boolean({script})"):
            assert time.monotonic() < end, f"still false: {script}"
            self.page.wait_for_timeout(20)

    def show(self, section: str, ready: str = "true") -> None:
        """Scrolls to a section, and waits until it is drawn and an expression is true."""
        self.page.locator(f"#{section}").scroll_into_view_if_needed()
        drawn = f"[...document.querySelectorAll('#{section} .figure')].every((each) => vizzy.figures.made.has(each.id))"
        self.wait_for(f"({drawn}) && ({ready})")

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)

    def read(self, figure: str, source: str, column: str) -> list[Any]:
        """Returns a column of a figure's data."""
        find = f"vizzy.figures.find('{figure}', '{source}')[0]"
        values: list[Any] = self.run(f"[...{find}.data['{column}']]")
        return values


Open = Callable[..., OpenedPage]
MakePage = Callable[..., Path]
