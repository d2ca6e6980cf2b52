"""Emphasis in text, where the text goes to a terminal that shows it; elsewhere none."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SEQUENCE = re.compile(r"\x1b\[[\d;]*m")


@dataclass(frozen=True, slots=True)
class Ink:
    """Marks text by SGR sequences (ECMA-48, 8.3.117), or leaves it as it is.

    Attributes:
        colours: Whether to mark anything.
    """

    colours: bool = False

    def strong(self, text: str) -> str:
        """Headings, and what the eye looks for first."""
        return self._mark("1", text)

    def warn(self, text: str) -> str:
        """What a reader must not overlook."""
        return self._mark("1;33", text)

    def faint(self, text: str) -> str:
        """What few readers look for."""
        return self._mark("2", text)

    def _mark(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colours and text else text


PLAIN = Ink()


def strip_ink(text: str) -> str:
    """Returns the text without marks: what takes room on the screen."""
    return _SEQUENCE.sub("", text)
