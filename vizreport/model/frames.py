"""Frames of call stacks, as far as they have names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Frame:
    """One function in a call stack.

    Attributes:
        function: Demangled, or None.
        module: Path of the ELF object, or None where the trace names none.
        address: ELF virtual address in the module, of the instruction after the call; without a module the pc.
        file: Source file, or None.
        line: Source line, or None.
        inlined: This frame was inlined into the next.
    """

    function: str | None
    module: str | None
    address: int
    file: str | None = None
    line: int | None = None
    inlined: bool = False
