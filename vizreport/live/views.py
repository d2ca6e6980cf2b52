"""Answers to pages that ask what there is to see; several pages that look at the same are served by one look."""

from __future__ import annotations

import json
import time
from typing import Any

from vizreport.live.look import describe_choice, make_look
from vizreport.live.showing import Choice, Showing

_FRESH_S = 0.4
"""A page asks every half second."""
_MOST_CHOICES = 300


class Views:
    """What pages are told. To be used in the engine's thread."""

    def __init__(self, showing: Showing) -> None:
        """Has looked at nothing yet."""
        self._showing = showing
        self._numbers: dict[str, int] = {}
        self._looked: dict[tuple[str, int], tuple[float, bytes]] = {}

    def look(self, wanted: str, seen: str) -> bytes:
        """Returns JSON.

        Args:
            wanted: Key of a process image; another text: the one that is worth looking at.
            seen: What the page was told last.
        """
        choices = {self._find_key(choice): choice for choice in self._showing.list_choices()}
        key = wanted if wanted in choices else next(iter(choices), None)
        listed = [{"key": each, "label": describe_choice(choice)} for each, choice in choices.items()]
        state: dict[str, Any] = {"choices": listed[:_MOST_CHOICES], "chosen": key}
        head = json.dumps(state, separators=(",", ":"))[:-1].encode()
        return head + b',"shown":' + (b"null" if key is None else self._look(choices[key])) + b"}"

    def _find_key(self, choice: Choice) -> str:
        return f"{self._numbers.setdefault(choice.path, len(self._numbers) + 1)}.{choice.image.index}"

    def _look(self, choice: Choice) -> bytes:
        at = (choice.path, choice.image.index)
        now = time.monotonic()
        if at not in self._looked or self._looked[at][0] < now - _FRESH_S:
            content = make_look(self._showing.look(*at))
            self._looked = {each: found for each, found in self._looked.items() if found[0] >= now - _FRESH_S}
            self._looked[at] = now, json.dumps(content, separators=(",", ":"), allow_nan=False).encode()
        return self._looked[at][1]
