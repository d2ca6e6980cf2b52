"""Rules that say which leaks are known, and which leaks each of them matches.

Two kinds, which other tools brought in: a *pattern* (LeakSanitizer) matches a call stack if a function, source file or
module anywhere in it contains the pattern; a list of *frames* (valgrind's memcheck) matches from the leaf on.

Sources: LeakSanitizer's documentation, "Suppressions"; valgrind's manual, section 2.5, "Suppressing errors".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import PurePath

from vizreport.analysis.allocator_frames import fold_stack
from vizreport.model.frames import Frame
from vizreport.names import find_base_name
from vizreport.symbols.demangle import demangle

# What valgrind's stacks begin with. Ours begin at its caller, so such a first frame of a rule may be missing.
_ALLOCATION_FUNCTIONS = (
    "malloc", "calloc", "realloc", "reallocarray", "memalign", "aligned_alloc", "posix_memalign", "valloc", "pvalloc",
    "_Znwm", "_Znam", "_Znwj", "_Znaj", "_ZnwmRKSt9nothrow_t", "_ZnamRKSt9nothrow_t", "_ZnwmSt11align_val_t",
    "_ZnamSt11align_val_t", "operator new(unsigned long)", "operator new[](unsigned long)",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PatternRule:
    """A pattern that is looked for in every frame.

    Attributes:
        name: What reports call it.
        source: Where it stands, ``file:line``.
        pattern: Searched in function names, source files and module paths.
    """

    name: str
    source: str
    pattern: re.Pattern[str]

    def matches_frame(self, frame: Frame) -> bool:
        """Tells whether the frame carries the pattern."""
        return any(
            text is not None and self.pattern.search(text) for text in (frame.function, frame.file, frame.module)
        )


@dataclass(frozen=True, slots=True)
class FrameRule:
    """What one frame must be.

    Attributes:
        kind: ``fun``, ``obj`` or ``src``; or ``...``: any number of frames, also none.
        text: As it stands in the rule, with the wildcards ``*`` and ``?``.
    """

    kind: str
    text: str = ""

    def matches_frame(self, frame: Frame) -> bool:
        """Tells whether the frame is the one that is meant."""
        if self.kind == "obj":
            return self._matches(frame.module or "")
        if self.kind == "src":
            path = frame.file or ""
            names = (path, PurePath(path).name)
            return any(self._matches(name) or self._matches(f"{name}:{frame.line}") for name in names)
        name = frame.function or ""
        own, brackets, _ = find_base_name(name).partition("<")
        if self._matches(name) or self._matches(name.partition("(")[0]) or self._matches(own):
            return True
        # DWARF, from which valgrind has the names of inlined functions, spells template arguments in its own way.
        text, bracket, _ = self.text.partition("<")
        return name == demangle(self.text) or (bool(bracket and brackets) and own == text != "")

    def _matches(self, text: str) -> bool:
        return _compile_wildcards(self.text).fullmatch(text) is not None

    @property
    def is_allocation(self) -> bool:
        """Whether it may mean the allocation function itself."""
        if self.kind == "obj":
            return "vgpreload" in self.text
        return self.kind == "fun" and any(self._matches(name) for name in _ALLOCATION_FUNCTIONS)


@dataclass(frozen=True, slots=True)
class FramesRule:
    """Frames that a call stack must begin with, at its leaf.

    Attributes:
        name: What reports call it.
        source: Where it stands, ``file:line``.
        frames: Leaf first.
    """

    name: str
    source: str
    frames: tuple[FrameRule, ...]

    def matches(self, stack: Sequence[Frame]) -> bool:
        """Tells whether the stack begins with the frames, or with those after the allocation function.

        It may also begin further on among the allocator frames: operator new[] calls operator new, which calls malloc,
        and which of them others record is their affair.
        """
        for start in range(len(stack) - len(fold_stack(stack)) + 1):
            if _begins_with(stack[start:], self.frames):
                return True
            if self.frames[0].is_allocation and _begins_with(stack[start:], self.frames[1:]):
                return True
        return False


Suppression = PatternRule | FramesRule


class Suppressions:
    """Rules in order; the first that matches a leak is the one that is counted."""

    def __init__(self, rules: Sequence[Suppression]) -> None:
        """Takes the rules; what they make of a frame is remembered, as frames are in many stacks."""
        self.rules = tuple(rules)
        self._of_frame: dict[Frame, frozenset[int]] = {}

    def find(self, stack: Sequence[Frame]) -> int | None:
        """Returns the number of the first rule that matches this call stack, leaf first, or None."""
        patterns = frozenset[int]().union(*map(self._find_patterns, stack))
        for number, rule in enumerate(self.rules):
            if number in patterns or (isinstance(rule, FramesRule) and rule.matches(stack)):
                return number
        return None

    def _find_patterns(self, frame: Frame) -> frozenset[int]:
        found = self._of_frame.get(frame)
        if found is None:
            found = self._of_frame[frame] = frozenset(
                number
                for number, rule in enumerate(self.rules)
                if isinstance(rule, PatternRule) and rule.matches_frame(frame)
            )
        return found


NO_SUPPRESSIONS = Suppressions(())


def compile_pattern(text: str) -> re.Pattern[str]:
    """Returns LeakSanitizer's pattern: found anywhere, ``*`` is any text, ``^`` and ``$`` are the ends."""
    begin, end = text.startswith("^"), text.endswith("$")
    inner = text[begin : len(text) - end]
    return re.compile(("^" if begin else "") + ".*".join(map(re.escape, inner.split("*"))) + ("$" if end else ""))


@cache
def _compile_wildcards(text: str) -> re.Pattern[str]:
    """Returns valgrind's wildcards: ``*`` is any text, ``?`` any character."""
    return re.compile("".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in text), re.DOTALL)


def _begins_with(stack: Sequence[Frame], frames: Sequence[FrameRule]) -> bool:
    """Matches as wildcards in a text are matched: only the last ``...`` need ever be tried again."""
    at, rule = 0, 0
    retry_at, retry_rule = 0, -1
    while rule < len(frames):
        if frames[rule].kind == "...":
            rule += 1
            retry_at, retry_rule = at, rule
        elif at < len(stack) and frames[rule].matches_frame(stack[at]):
            at, rule = at + 1, rule + 1
        elif retry_rule >= 0 and retry_at < len(stack):
            retry_at += 1
            at, rule = retry_at, retry_rule
        else:
            return False
    return True
