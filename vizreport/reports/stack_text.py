"""Lists of call stacks as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import PurePath

from vizreport.model.frames import Frame
from vizreport.names import quote, shorten_name
from vizreport.reports.ink import Ink
from vizreport.reports.stack_lists import NamedStack, StackList
from vizreport.trace.format import NODE_DEPTH_CUT, NODE_UNWIND_GAP
from vizreport.units import format_count

_INDENT = " " * 8
_MAIN = "main"
# Columns that a function's name has: at least, whatever else stands in the line; and where no terminal sets a limit.
_LEAST_NAME = 24
_FREE_NAME = 100


def write_stacks(
    stacks: StackList, title: str, describe: Callable[[int, int], str], ink: Ink, width: int | None
) -> Iterator[str]:
    """Yields a heading and one paragraph for each stack; nothing if there is none.

    Args:
        stacks: Largest first.
        title: What they are.
        describe: Says in words what the two figures of a stack are.
        ink: Emphasis.
        width: Columns of the terminal, or None.
    """
    if not stacks.entries:
        return
    shown = len(stacks.entries)
    rest = f"; the {shown} largest, --top N shows more" if shown < stacks.n_stacks else ""
    yield ""
    yield ink.strong(f"{title}: {format_count(stacks.n_stacks, 'call stack')}, largest first{rest}")
    for entry in stacks.entries:
        yield f"    {ink.strong(describe(*entry.values))}"
        yield from _write_stack(entry, ink, width)


def _write_stack(entry: NamedStack, ink: Ink, width: int | None) -> Iterator[str]:
    for frame in _leave_out_start(entry.stack):
        yield f"{_INDENT}{describe_frame(frame, ink, None if width is None else width - len(_INDENT))}"
    if not entry.stack:
        yield f"{_INDENT}(no call stack recorded)"
    elif entry.root == NODE_DEPTH_CUT:
        yield f"{_INDENT}(cut at the depth limit)"
    elif entry.root == NODE_UNWIND_GAP:
        yield f"{_INDENT}(cut for want of unwind data)"


def _leave_out_start(stack: tuple[Frame, ...]) -> tuple[Frame, ...]:
    """Returns the stack without the frames outside main, which are the same in every program."""
    outermost = max((at for at, frame in enumerate(stack) if frame.function == _MAIN), default=len(stack))
    return stack[: outermost + 1]


@lru_cache(maxsize=1 << 16)  # a list of all leaks has the same frames a hundred times
def describe_frame(frame: Frame, ink: Ink, width: int | None = None) -> str:
    """Returns ``function (file:line)``, ``function (module+0xaddress)``, or what there is of it."""
    if frame.function is None:
        return _describe_place(frame)
    place = f" ({_describe_place(frame)}{', inlined' if frame.inlined else ''})"
    room = _FREE_NAME if width is None else max(width - len(place), _LEAST_NAME)
    return shorten_name(quote(frame.function), room) + ink.faint(place)


def _describe_place(frame: Frame) -> str:
    if frame.file is not None:
        return quote(PurePath(frame.file).name) + (f":{frame.line}" if frame.line else "")
    if frame.module is None:
        return f"0x{frame.address:x}"
    return f"{quote(PurePath(frame.module).name)}+0x{frame.address:x}"
