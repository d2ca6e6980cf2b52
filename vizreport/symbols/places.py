"""What an ELF file and its debug information say about an address."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """One function at an address.

    Attributes:
        function: Demangled, or None.
        file: Source file, or None.
        line: Source line, or None.
    """

    function: str | None
    file: str | None = None
    line: int | None = None


Places = tuple[Place, ...]
"""Of one address: innermost inlined function first, the one that the linker knows last; empty: nothing is known."""
