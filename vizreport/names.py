"""Names of functions, short enough to read: without what C++ adds by default, then with brackets elided, then cut.

For lines of text and boxes in pictures. The full name belongs into JSON and into details.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ELLIPSIS = "..."

_CLOSING = {"<": ">", "(": ")", "{": "}", "[": "]"}
# Brackets that open and close nothing, then those that do, then all else.
_TOKEN = re.compile(
    r"operator\s*(?:<=>|<<=|>>=|->\*|<<|>>|<=|>=|->|<|>|\(\))|\(anonymous namespace\)|->"
    r"|[<>(){}\[\]]|[^<>(){}\[\]o-]+|."
)
_INLINE_NAMESPACE = re.compile(r"std::(?:__cxx11|__1|__ndk1)::")
_DEFAULT_ARGUMENT = re.compile(r"std::(?:allocator|char_traits|less|equal_to|hash|default_delete)")
_TYPEDEFS = {
    "std::basic_string<char>": "std::string",
    "std::basic_string<wchar_t>": "std::wstring",
    "std::basic_string_view<char>": "std::string_view",
    "std::basic_ostream<char>": "std::ostream",
    "std::basic_istream<char>": "std::istream",
}


@dataclass(slots=True)
class _Group:
    """A pair of brackets, or a whole name, with the text and the groups in it."""

    opening: str
    items: list[str | _Group]

    @property
    def depth(self) -> int:
        """How many groups lie in each other, this one included."""
        return 1 + max((item.depth for item in self.items if isinstance(item, _Group)), default=0)

    def render(self, depth: int) -> str:
        """Returns the text; what is in groups deeper than this is elided."""
        inside = ELLIPSIS if self.items else ""
        if depth > 0:
            inside = "".join(item if isinstance(item, str) else item.render(depth - 1) for item in self.items)
        return f"{self.opening}{inside}{_CLOSING.get(self.opening, '')}"


def quote(text: str) -> str:
    """Returns the text with what is not printable escaped.

    A name must not drive the terminal, nor turn around what stands beside it (U+202E and its like).
    """
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def shorten_name(name: str, width: int) -> str:
    """Returns the name in at most this many characters, and without default template arguments in any case.

    Parameters go first, then what lies deepest in brackets, then the beginning: the end names the function.
    """
    group = _parse(_INLINE_NAMESPACE.sub("std::", name))
    if group is None:
        return _cut(name, width)
    _drop_defaults(group)
    text = _tidy(group.render(group.depth))
    if len(text) > width:
        for item in group.items:
            if isinstance(item, _Group) and item.opening == "(":
                item.items = [ELLIPSIS] if item.items else []
    for depth in range(group.depth, 0, -1):
        if len(text) <= width:
            break
        text = _tidy(group.render(depth))
    return _cut(text, width)


def find_base_name(name: str) -> str:
    """Returns a function's own name with its template arguments: without return type, scope and parameters."""
    group = _parse(name)
    if group is None:
        return name
    tail, found = "", ""
    for item in group.items:
        if isinstance(item, _Group) and item.opening == "(":
            tail, found = "", tail or found
        elif isinstance(item, _Group):
            tail += item.render(item.depth)
        elif found and "::" not in item:
            break  # what follows the parameters: const
        elif "operator" in item:
            tail = item[item.rindex("operator") :]
        else:
            scope = max(item.rfind("::") + 2, item.rfind(" ") + 1)
            tail = item[scope:] if "::" in item or " " in item else tail + item
    return tail or found


def _parse(name: str) -> _Group | None:
    """Returns the name's brackets, or None if they don't match."""
    open_groups = [_Group("", [])]
    for token in _TOKEN.findall(name):
        if token in _CLOSING:
            group = _Group(token, [])
            open_groups[-1].items.append(group)
            open_groups.append(group)
        elif token in _CLOSING.values():
            if _CLOSING.get(open_groups.pop().opening) != token:
                return None
        else:
            _append_text(open_groups[-1].items, token)
    return open_groups[0] if len(open_groups) == 1 else None


def _append_text(items: list[str | _Group], text: str) -> None:
    """Appends text; what lies between two brackets is one item."""
    if items and isinstance(last := items[-1], str):
        items[-1] = last + text
    else:
        items.append(text)


def _drop_defaults(group: _Group) -> None:
    """Removes template arguments after the first that nobody writes, in this group and all within."""
    for item in group.items:
        if isinstance(item, _Group):
            _drop_defaults(item)
    if group.opening != "<":
        return
    arguments: list[list[str | _Group]] = [[]]
    for item in group.items:
        if isinstance(item, str) and "," in item:
            first, *others = item.split(",")
            if first.strip():
                arguments[-1].append(first)
            arguments.extend([other] for other in others)
        else:
            arguments[-1].append(item)
    kept = [argument for k, argument in enumerate(arguments) if k == 0 or not _is_default(argument)]
    group.items = [part for k, argument in enumerate(kept) for part in ([","] if k else []) + argument]


def _is_default(argument: list[str | _Group]) -> bool:
    first = argument[0] if argument else None
    return isinstance(first, str) and _DEFAULT_ARGUMENT.fullmatch(first.strip()) is not None


def _tidy(text: str) -> str:
    text = text.replace(" >", ">")
    for long, short in _TYPEDEFS.items():
        text = text.replace(long, short)
    return text


def _cut(text: str, width: int) -> str:
    if len(text) <= width:
        return text
    return ELLIPSIS + text[len(text) - max(width - len(ELLIPSIS), 1) :].lstrip(".")
