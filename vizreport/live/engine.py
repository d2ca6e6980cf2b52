"""One thread that follows a feed, and looks at it between whiles when somebody asks.

All that belongs to the feed is touched by this thread alone, so nothing of it needs a lock. Following comes first: a
look must be followed by twice its own time of following before the next one, as long as there is something to follow.
So browsers, however many, take at most a third of the thread; receiving, which is the event loop's, takes no notice.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from vizreport.errors import VizzyError
from vizreport.live.feeds import Feed

_IDLE_S = 0.05
_FOLLOWING_SHARE = 2

T = TypeVar("T")


class EngineEndedError(VizzyError):
    """The engine was asked after its end."""


class Engine:
    """Follows a feed until it is stopped."""

    def __init__(self, feed: Feed) -> None:
        """Starts nothing yet."""
        self._feed = feed
        self._asked: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = queue.SimpleQueue()
        self._stopping, self._ended = threading.Event(), threading.Event()

    async def ask(self, question: Callable[[], T]) -> T:
        """Calls a function in the engine's thread, when its turn comes, and returns what it returns.

        Raises:
            EngineEndedError: It does not run any more.
        """
        answer: Future[T] = Future()
        self._asked.put((question, answer))
        if self._ended.is_set():
            self._refuse()
        return await asyncio.wrap_future(answer)

    def stop(self) -> None:
        """Lets run() return soon."""
        self._stopping.set()

    def run(self) -> None:
        """Follows and answers, in the thread that calls it; at the end it closes what the feed has open.

        Raises:
            TraceFormatError: What came is no trace.
        """
        rest_until = 0.0
        try:
            while not self._stopping.is_set():
                moved = self._feed.advance()
                if moved and time.monotonic() < rest_until:
                    continue
                start = time.monotonic()
                if self._answer(wait_s=0.0 if moved else _IDLE_S):
                    end = time.monotonic()
                    rest_until = end + _FOLLOWING_SHARE * (end - start)
        finally:
            self._ended.set()
            self._refuse()
            for session in self._feed.sessions.values():
                session.close()

    def _refuse(self) -> None:
        """Lets nobody wait for an answer that won't come."""
        while True:
            try:
                _, answer = self._asked.get_nowait()
            except queue.Empty:
                return
            if answer.set_running_or_notify_cancel():
                answer.set_exception(EngineEndedError("the live view has ended"))

    def _answer(self, *, wait_s: float) -> bool:
        """Answers one question, if there is one or one comes; tells whether it did."""
        try:
            question, answer = self._asked.get(block=wait_s > 0, timeout=wait_s or None)
        except queue.Empty:
            return False
        if answer.set_running_or_notify_cancel():
            try:
                answer.set_result(question())
            except Exception as error:
                answer.set_exception(error)
        return True
