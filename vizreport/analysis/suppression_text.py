"""From the text of a suppression file to its rules, in either of two formats, which one file may mix.

``leak:pattern``, a line each (LeakSanitizer), and blocks in braces (valgrind). Lines that begin with ``#`` are
comments. Blocks for other tools and other errors than leaks are skipped: people keep them all in one file.
"""

from __future__ import annotations

from collections.abc import Iterator

from vizreport.analysis.suppressions import FrameRule, FramesRule, PatternRule, Suppression, compile_pattern
from vizreport.errors import VizzyError

_LEAK = ("Memcheck", "Leak")
_KINDS_OPTION = "match-leak-kinds:"
_KINDS = {"definite", "indirect", "possible", "reachable", "all", "none"}

_Lines = Iterator[tuple[int, str]]


def parse_suppressions(text: str, name: str) -> tuple[Suppression, ...]:
    """Returns the rules in order.

    Args:
        text: What the file holds.
        name: What to call the file in messages.

    Raises:
        VizzyError: A line is of neither format; names file and line.
    """
    rules: list[Suppression] = []
    stripped = ((number, line.strip()) for number, line in enumerate(text.splitlines(), start=1))
    lines = ((number, line) for number, line in stripped if line and not line.startswith("#"))
    for number, line in lines:
        if line == "{":
            rule = _parse_block(lines, name, number)
            if rule is not None:
                rules.append(rule)
        else:
            rules.append(_parse_pattern(line, name, number))
    return tuple(rules)


def _parse_pattern(line: str, name: str, number: int) -> PatternRule:
    kind, colon, pattern = line.partition(":")
    if not colon or kind != "leak" or not pattern:
        raise VizzyError(f"{name}:{number}: neither `leak:pattern` nor the beginning of a block in braces: {line}")
    return PatternRule(line, f"{name}:{number}", compile_pattern(pattern))


def _parse_block(lines: _Lines, name: str, opened: int) -> FramesRule | None:
    """Returns the rule of the block whose brace was read last, or None if it is not about leaks."""
    content = []
    for number, line in lines:
        if line == "}":
            break
        content.append((number, line))
    else:
        raise VizzyError(f"{name}:{opened}: this block has no closing brace")
    if len(content) < 2:
        raise VizzyError(f"{name}:{opened}: a block needs a name, a kind like Memcheck:Leak, and frames")
    (_, title), (number, kind), *rest = content
    tools, colon, error = kind.partition(":")
    if not colon:
        raise VizzyError(f"{name}:{number}: no kind like Memcheck:Leak: {kind}")
    if _LEAK[0] not in tools.split(",") or error != _LEAK[1]:
        return None
    if rest and rest[0][1].startswith(_KINDS_OPTION):
        if not _parse_kinds(rest[0][1], f"{name}:{rest[0][0]}"):
            return None
        rest = rest[1:]
    if not rest:
        raise VizzyError(f"{name}:{opened}: the block has no frames")
    return FramesRule(title, f"{name}:{opened}", tuple(_parse_frame(line, f"{name}:{at}") for at, line in rest))


def _parse_kinds(line: str, place: str) -> bool:
    """Tells whether any kind of leak is meant. vizzy does not tell them apart: each of them is all of them."""
    kinds = {kind.strip() for kind in line.removeprefix(_KINDS_OPTION).split(",")}
    if not kinds <= _KINDS:
        raise VizzyError(f"{place}: not a kind of leak: {', '.join(sorted(kinds - _KINDS))}")
    return kinds != {"none"}


def _parse_frame(line: str, place: str) -> FrameRule:
    if line == "...":
        return FrameRule("...")
    kind, colon, text = line.partition(":")
    if not colon or kind not in ("fun", "obj", "src") or not text:
        raise VizzyError(f"{place}: no frame (fun:NAME, obj:PATH, src:FILE[:LINE] or ...): {line}")
    return FrameRule(kind, text)
