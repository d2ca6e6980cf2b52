"""Suppressions: the two formats, what matches, and what is said of a file that is of neither."""

import contextlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vizreport.analysis.suppression_text import parse_suppressions
from vizreport.analysis.suppressions import Suppressions
from vizreport.errors import VizzyError
from vizreport.model.frames import Frame


def frame(
    function: str | None, module: str = "/usr/bin/prog", file: str | None = None, line: int | None = None
) -> Frame:
    return Frame(function, module, 0x10, file, line)


STACK = (
    frame("operator new(unsigned long)", "/usr/lib/libstdc++.so.6"),
    frame("ns::Cache::put(int)", file="/src/cache.cpp", line=12),
    frame(None, "/opt/lib/libplugin.so.1"),
    frame("main", file="/src/main.cpp", line=3),
)


def block(*lines: str, title: str = "name", kind: str = "Memcheck:Leak") -> str:
    return "\n".join(["{", title, kind, *lines, "}"])


def matches(text: str, stack: Sequence[Frame] = STACK) -> bool:
    return Suppressions(parse_suppressions(text, "s.supp")).find(stack) is not None


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("leak:Cache", True), ("leak:cache", True), ("leak:Cache::get", False), ("leak:Cache*put", True),
        ("leak:^ns::", True), ("leak:^Cache", False), ("leak:put(int)$", True), ("leak:put$", False),
        ("leak:^main$", True), ("leak:libplugin.so", True), ("leak:cache.cpp", True), ("leak:libplugin?so", False),
        ("leak:*", True), ("leak:^mai$", False), ("  leak:main  ", True), ("# leak:main", False),
    ],
)  # fmt: skip
def test_patterns(pattern: str, expected: bool) -> None:
    assert matches(pattern) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["fun:operator new(unsigned long)"], True),
        (["fun:operator new*", "fun:ns::Cache::put"], True),
        (["fun:_Znwm", "fun:_ZN2ns5Cache3putEi"], True),
        (["fun:malloc", "fun:operator new*"], True),
        (["fun:*alloc", "fun:operator new*"], True),
        (["fun:malloc", "fun:malloc"], False),
        (["obj:/usr/libexec/valgrind/vgpreload_memcheck-amd64-linux.so", "obj:*libstdc++*"], True),
        (["fun:ns::Cache::put"], True),
        (["fun:main"], False),
        (["...", "fun:ns::Cache::put"], True),
        (["...", "src:cache.cpp:12"], True),
        (["...", "src:/src/cache.cpp"], True),
        (["...", "src:cache.cpp:13"], False),
        (["...", "obj:*plugin*", "fun:main"], True),
        (["...", "obj:/opt/lib/libplugin.so.?", "fun:mai?"], True),
        (["...", "fun:main", "fun:main"], False),
        (["...", "fun:put"], True),
        (["...", "fun:put<int>"], False),
        (["fun:*", "fun:*", "fun:*", "fun:*", "..."], True),
        (["fun:*", "fun:*", "fun:*", "fun:*", "fun:*", "fun:*"], False),
        (["match-leak-kinds: reachable, definite", "fun:oper*"], True),
        (["match-leak-kinds: none", "fun:oper*"], False),
    ],
)
def test_frames(lines: list[str], expected: bool) -> None:
    assert matches(block(*lines)) == expected


def test_names_of_templates() -> None:
    stack = [frame("std::vector<int>& ns::make<ns::A const&, std::less<int> >(int)")]
    assert matches(block("fun:make<const ns::A&, std::less<int> >"), stack)
    assert matches(block("fun:make"), stack)
    assert not matches(block("fun:ake<const ns::A&>"), stack)
    assert matches(block("fun:operator new[]"), [frame("operator new[](unsigned long)")])


def test_both_formats_in_one_file_and_what_is_for_others() -> None:
    text = "\n".join(
        [
            "# known",
            block("bytes(write)", "fun:f", kind="Memcheck:Param"),
            block("fun:main", kind="Helgrind:Race"),
            "",
            "leak:nothing_like_it",
            block("...", "fun:main", title="the second", kind="Helgrind,Memcheck:Leak"),
            "leak:main",
        ]
    )
    rules = Suppressions(parse_suppressions(text, "known.supp"))
    assert [(rule.name, rule.source) for rule in rules.rules] == [
        ("leak:nothing_like_it", "known.supp:14"),
        ("the second", "known.supp:15"),
        ("leak:main", "known.supp:21"),
    ]
    assert rules.find(STACK) == 1
    assert rules.find(STACK[:2]) is None
    assert rules.find(()) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("leak", "s.supp:1: neither"),
        ("\nrace:main", "s.supp:2: neither"),
        ("leak:", "s.supp:1: neither"),
        ("{\nname\nMemcheck:Leak\nfun:f", "s.supp:1: this block has no closing brace"),
        ("{\nname\n}", "s.supp:1: a block needs a name, a kind"),
        ("{\nname\nfun\n}", "s.supp:3: no kind"),
        ("{\nname\nMemcheck:Leak\n}", "s.supp:1: the block has no frames"),
        ("{\nname\nMemcheck:Leak\nfun:\n}", "s.supp:4: no frame"),
        ("{\nname\nMemcheck:Leak\nline:7\n}", "s.supp:4: no frame"),
        ("{\nname\nMemcheck:Leak\nmatch-leak-kinds: lost\nfun:f\n}", "s.supp:4: not a kind of leak: lost"),
    ],
)
def test_errors_name_file_and_line(text: str, message: str) -> None:
    with pytest.raises(VizzyError) as error:
        parse_suppressions(text, "s.supp")
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def begins_with(names: Sequence[str], rules: Sequence[str]) -> bool:
    """The slow, obvious twin."""
    if not rules:
        return True
    if rules[0] == "...":
        return any(begins_with(names[k:], rules[1:]) for k in range(len(names) + 1))
    return bool(names) and rules[0] == f"fun:{names[0]}" and begins_with(names[1:], rules[1:])


@given(st.lists(st.sampled_from("ab"), max_size=7), st.lists(st.sampled_from(["fun:a", "fun:b", "..."]), min_size=1))
def test_frames_equal_their_slow_twin(names: list[str], rules: list[str]) -> None:
    assert matches(block(*rules), [frame(name) for name in names]) == begins_with(names, rules)


def contains(text: str, pattern: str) -> bool:
    """The slow, obvious twin: at any place unless anchored."""
    starts = [0] if pattern.startswith("^") else range(len(text) + 1)
    inner = pattern.removeprefix("^")
    return any(fits(text[start:], inner) for start in starts)


def fits(text: str, pattern: str) -> bool:
    if not pattern or pattern == "$":
        return not pattern or not text
    if pattern[0] == "*":
        return any(fits(text[k:], pattern[1:]) for k in range(len(text) + 1))
    return bool(text) and text[0] == pattern[0] and fits(text[1:], pattern[1:])


@given(st.text("ab", max_size=6), st.from_regex(r"\^?[ab*]{1,5}\$?", fullmatch=True))
def test_patterns_equal_their_slow_twin(name: str, pattern: str) -> None:
    assert matches(f"leak:{pattern}", [frame(name, module="c")]) == (contains(name, pattern) or contains("c", pattern))


@given(st.text(max_size=80))
def test_any_text_gives_rules_or_one_clear_line(text: str) -> None:
    with contextlib.suppress(VizzyError):
        parse_suppressions(text, "f")
