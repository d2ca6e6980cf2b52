"""A page in Firefox: the system's own, driven through WebDriver BiDi (https://w3c.github.io/webdriver-bidi).

Playwright drives a Firefox of its own only, which no package carries. Of BiDi this is what the tests need, over the
websocket client of Tornado, which Bokeh brings.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recording import TIMEOUT_SECONDS
from tornado.websocket import WebSocketClientConnection, websocket_connect

_LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
# Pages of ours ask the network for nothing; what the browser asks on its own goes to a proxy that is not there.
_PREFERENCES = {
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "remote.active-protocols": 1,
}
_EVENTS = ("log.entryAdded", "network.beforeRequestSent")
_LARGEST_MESSAGE = 1 << 28


class Firefox:
    """A browser that runs; its pages are opened one after the other."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._numbers = itertools.count(1)
        self.events: list[dict[str, Any]] = []
        self._socket: WebSocketClientConnection = self._loop.run_until_complete(self._connect(f"{url}/session"))
        self.send("session.new", {"capabilities": {}})
        self.send("session.subscribe", {"events": _EVENTS})

    @staticmethod
    async def _connect(url: str) -> WebSocketClientConnection:
        return await websocket_connect(url, max_message_size=_LARGEST_MESSAGE)

    def send(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Sends a command and returns its result; what happens meanwhile is kept in ``events``."""
        number = next(self._numbers)
        return self._loop.run_until_complete(asyncio.wait_for(self._ask(number, method, params), TIMEOUT_SECONDS))

    async def _ask(self, number: int, method: str, params: dict[str, Any]) -> dict[str, Any]:
        await self._socket.write_message(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            text = await self._socket.read_message()
            assert text is not None, "Firefox has gone"
            message = json.loads(text)
            if message.get("id") == number:
                assert message["type"] == "success", message
                result: dict[str, Any] = message["result"]
                return result
            self.events.append(message)

    def close(self) -> None:
        self._socket.close()
        self._loop.close()


@contextmanager
def run_firefox(executable: str, profile: Path, *, dark: bool = False) -> Iterator[Firefox]:
    """Starts Firefox with a profile of its own."""
    preferences = _PREFERENCES | {"layout.css.prefers-color-scheme.content-override": 0 if dark else 1}
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items()]
    (profile / "user.js").write_text("".join(lines))
    said = profile / "stderr"
    command = [executable, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"]
    with said.open("w") as stderr:
        environment = {**os.environ, "HOME": str(profile), "MOZ_HEADLESS": "1"}
        process = subprocess.Popen(command, stderr=stderr, stdout=subprocess.DEVNULL, env=environment)
    try:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not (found := _LISTENING.search(said.read_text())):
            assert process.poll() is None, said.read_text()
            assert time.monotonic() < deadline, said.read_text()
            time.sleep(0.05)
        firefox = Firefox(found[1])
        yield firefox
        firefox.close()
    finally:
        process.terminate()
        process.wait(TIMEOUT_SECONDS)


class FirefoxPage:
    """A page that is open in Firefox."""

    def __init__(self, firefox: Firefox, path: Path, *, width: int = 1280) -> None:
        self._firefox = firefox
        self.url = path.as_uri()
        self._context = firefox.send("browsingContext.create", {"type": "tab"})["context"]
        self._send("browsingContext.setViewport", viewport={"width": width, "height": 900})
        self._send("browsingContext.navigate", url=self.url, wait="complete")

    def _send(self, method: str, **params: Any) -> dict[str, Any]:
        return self._firefox.send(method, {"context": self._context, **params})

    def close(self) -> None:
        self._send("browsingContext.close")

    @property
    def requests(self) -> list[str]:
        """Addresses that it asked for, besides its own file; those that hold the data themselves are no requests."""
        mine = [event["params"] for event in self._firefox.events if event["method"] == "network.beforeRequestSent"]
        urls = [params["request"]["url"] for params in mine if params["context"] == self._context]
        return [url for url in urls if not url.startswith("data:")]

    @property
    def complaints(self) -> list[str]:
        """What it wrote to the console, and errors that nobody caught."""
        mine = [event["params"] for event in self._firefox.events if event["method"] == "log.entryAdded"]
        return [f"{entry['level']}: {entry['text']}" for entry in mine if entry["source"]["context"] == self._context]

    def run(self, script: str) -> Any:
        """Returns what an expression in the page gives, as JSON has it."""
        target = {"context": self._context}
        found = self._firefox.send(
            "script.evaluate",
            {"expression": f"JSON.stringify({script}) ?? null", "target": target, "awaitPromise": True},
        )
        assert found["type"] == "success", found
        return json.loads(found["result"].get("value", "null"))

    def wait_for(self, script: str) -> None:
        """Waits until an expression is true."""
        end = time.monotonic() + TIMEOUT_SECONDS
        while not self.run(f"Boolean({script})"):
            assert time.monotonic() < end, f"still false: {script}"
            time.sleep(0.02)

    def show(self, section: str, ready: str = "true") -> None:
        """Scrolls to a section, and waits until it is drawn and an expression is true."""
        self.run(f"document.getElementById('{section}').scrollIntoView({{ behavior: 'instant' }})")
        drawn = f"[...document.querySelectorAll('#{section} .figure')].every((each) => vizzy.figures.made.has(each.id))"
        self.wait_for(f"({drawn}) && ({ready})")

    def text(self, selector: str) -> str:
        return str(self.run(f"document.querySelector({json.dumps(selector)}).innerText"))

    def locate(self, selector: str, x: float = 0.5, y: float = 0.5) -> tuple[int, int]:
        """Scrolls an element into view; returns a point of it in the window, given as shares of its size."""
        box = f"""(() => {{
            const element = document.querySelector({json.dumps(selector)});
            element.scrollIntoView({{ block: "center", behavior: "instant" }});
            const {{ left, top, width, height }} = element.getBoundingClientRect();
            return [left + width * {x}, top + height * {y}];
        }})()"""
        left, top = self.run(box)
        return round(left), round(top)

    def click(self, selector: str, x: float = 0.5, y: float = 0.5) -> None:
        self.drag(self.locate(selector, x, y))

    def drag(self, *points: tuple[int, int]) -> None:
        """Presses the button at the first point, and lets go of it at the last."""
        first, *others = ({"type": "pointerMove", "x": x, "y": y, "duration": 50} for x, y in points)
        steps = [first, {"type": "pointerDown", "button": 0}, *others, {"type": "pointerUp", "button": 0}]
        self._act("pointer", steps)

    def point(self, place: tuple[int, int]) -> None:
        self._act("pointer", [{"type": "pointerMove", "x": place[0], "y": place[1]}])

    def type(self, *keys: str) -> None:
        """Presses keys, one after the other, where the focus is."""
        self._act("key", [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")])

    def _act(self, kind: str, actions: list[dict[str, Any]]) -> None:
        self._send("input.performActions", actions=[{"type": kind, "id": kind, "actions": actions}])
