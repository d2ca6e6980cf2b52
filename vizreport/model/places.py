"""What an ELF file and its debug information say about addresses."""

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


@dataclass(frozen=True, slots=True)
class ModuleNames:
    """What is known about one build of a module.

    Attributes:
        path: As recorded.
        build_id: As recorded; may be empty.
        places: By ELF virtual address.
    """

    path: str
    build_id: bytes
    places: dict[int, Places]
