"""Answers to pages that ask what there is to see; several pages that look at the same are served by one look.

To be used in the engine's thread. What is kept is of the last looks, not of pages.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vizreport.live.feeds import Player, ShownSession, Streams
from vizreport.live.look import describe_choice, make_look
from vizreport.live.showing import Choice, Showing, choose_busiest

_FRESH_S = 0.3
"""A page asks each 0.4 s."""
_MOST_CHOICES = 200


@dataclass(frozen=True, slots=True)
class _Look:
    """What was seen of an image.

    Attributes:
        time_s: When.
        version: The same as long as there is nothing else to see.
        content: JSON.
    """

    time_s: float
    version: str
    content: bytes


class Views:
    """What pages are told."""

    def __init__(self, showing: Showing, clock: Callable[[], float] = time.monotonic) -> None:
        """Has looked at nothing yet."""
        self._showing, self._clock = showing, clock
        self._numbers: dict[str, tuple[ShownSession, int]] = {}  # of recordings, by path, which may come again
        self._count = itertools.count(1)
        self._looks: dict[str, _Look] = {}

    def look(self, wanted: str, seen: str) -> bytes:
        """Returns JSON.

        Args:
            wanted: Key of a process image; another text: the newest recording's that did most.
            seen: Version of what the page has: if it is still the same it is not told again.
        """
        choices, feed = self._list_choices(), self._showing.feed
        followed = choose_busiest(list(choices.values()))
        key = wanted if wanted in choices else None if followed is None else self._find_key(followed)
        state: dict[str, Any] = {
            "choices": [
                {"key": each, "label": describe_choice(choice)} for each, choice in _choose_listed(choices, key).items()
            ],
            "processes": len(choices),
            "chosen": key if wanted in choices else "",
            "followed": "" if followed is None else describe_choice(followed),
            "behind": feed.behind_s if isinstance(feed, Streams) else 0.0,
            "address": feed.address if isinstance(feed, Streams) else "",
            "player": self._describe_player(),
        }
        if key is None:
            return _write({**state, "version": "", "shown": None})
        look = self._find_look(key, choices[key])
        state |= {"version": look.version, "naming": self._showing.find_names(choices[key].path).n_waiting}
        shown = b'"same"' if seen == look.version else look.content
        return _write(state)[:-1] + b',"shown":' + shown + b"}"

    def command(self, action: str, value: float) -> None:
        """Does what a page's controls ask of the player.

        Raises:
            ValueError: There is no player, no such action, or the value is none.
        """
        player = self._showing.feed
        if not isinstance(player, Player):
            raise ValueError("nothing is played")
        actions: dict[str, Callable[[], None]] = {
            "seek": lambda: player.seek(int(value * 1e9)),
            "pause": player.pause,
            "resume": player.resume,
            "speed": lambda: player.play_at(value),
        }
        if action not in actions or not 0 <= value < 1e9 or (action == "speed" and value == 0):
            raise ValueError("no such command")
        actions[action]()
        self._looks.clear()

    def find_trace(self, wanted: str) -> tuple[str, int] | None:
        """Returns the path of a process's trace, and how many bytes of it are a whole trace; None: it is not known."""
        choices, feed = self._list_choices(), self._showing.feed
        choice = choices.get(wanted) if wanted else choose_busiest(list(choices.values()))
        if choice is None or not isinstance(feed, Streams):
            return None
        path, size = feed.save(choice.path)
        return str(path), size

    def _list_choices(self) -> dict[str, Choice]:
        """Returns by their keys the images that can be chosen, in order of appearance."""
        sessions = self._showing.feed.sessions
        self._numbers = {path: kept for path, kept in self._numbers.items() if sessions.get(path) is kept[0]}
        return {self._find_key(choice): choice for choice in self._showing.list_choices()}

    def _find_key(self, choice: Choice) -> str:
        if choice.path not in self._numbers:
            self._numbers[choice.path] = self._showing.feed.sessions[choice.path], next(self._count)
        return f"{self._numbers[choice.path][1]}.{choice.image.index}"

    def _find_look(self, key: str, choice: Choice) -> _Look:
        now = self._clock()
        look = self._looks.get(key)
        if look is None or look.time_s < now - _FRESH_S:
            session, names = self._showing.feed.sessions[choice.path], self._showing.find_names(choice.path)
            version = f"{key}:{session.version}:{names.n_answers}"
            if look is None or look.version != version:
                index = choice.image.index
                content = make_look(self._showing.look(choice.path, index), session.draw_heatmap(index))
                look = _Look(now, version, _write(content))
            self._looks = {each: kept for each, kept in self._looks.items() if kept.time_s >= now - 2 * _FRESH_S}
            self._looks[key] = _Look(now, look.version, look.content)
        return self._looks[key]

    def _describe_player(self) -> dict[str, Any] | None:
        player = self._showing.feed
        if not isinstance(player, Player):
            return None
        return {
            "duration": player.duration_ns / 1e9,
            "position": player.position_ns / 1e9,
            "seeking": player.seeking,
            "paused": player.paused,
            "speed": player.speed,
        }


def _choose_listed(choices: dict[str, Choice], shown: str | None) -> dict[str, Choice]:
    """Returns what a page lists, in the same order.

    If there are too many: the one that is shown, and those that run before those that have ended, by how much they did.
    """
    if len(choices) <= _MOST_CHOICES:
        return choices

    def rank(key: str) -> tuple[bool, bool, int]:
        return key != shown, choices[key].image.end is not None, -choices[key].image.n_events

    listed = set(sorted(choices, key=rank)[:_MOST_CHOICES])
    return {key: choice for key, choice in choices.items() if key in listed}


def _write(content: dict[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()
