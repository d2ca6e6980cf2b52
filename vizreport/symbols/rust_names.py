"""Rust's mangled names as people write them: the legacy scheme, and version 0 in rust_v0.py.

Source: "Symbol Mangling" in the rustc book. A legacy name is an Itanium name whose parts are escaped; the last is a
hash.
"""

from __future__ import annotations

import re

from vizreport.symbols.rust_v0 import demangle_v0

_LEGACY = re.compile(r"_?_?ZN(\d.*)17h[0-9a-f]{16}E", re.DOTALL)
_ESCAPES = {"SP": "@", "BP": "*", "RF": "&", "LT": "<", "GT": ">", "LP": "(", "RP": ")", "C": ","}
_ESCAPE = re.compile(r"\$(SP|BP|RF|LT|GT|LP|RP|C|u[0-9a-f]{1,6})\$|\.\.")
_LENGTH = re.compile(r"\d{1,9}")  # of longer numbers int() refuses some


def demangle_rust(name: str) -> str | None:
    """Returns the name demangled, without hashes; None: no name of Rust."""
    if name.startswith("_R"):
        return demangle_v0(name)
    return _demangle_legacy(name)


def _demangle_legacy(name: str) -> str | None:
    match = _LEGACY.fullmatch(name)
    if match is None:
        return None
    parts, rest = [], match[1]
    while rest:
        length = _LENGTH.match(rest)
        if length is None or int(length[0]) > len(rest) - length.end():
            return None
        end = length.end() + int(length[0])
        parts.append(_unescape(rest[length.end() : end]))
        rest = rest[end:]
    return "::".join(parts)


def _unescape(part: str) -> str:
    """Returns one part of a path; what begins with an escape has an underscore before it."""
    return _ESCAPE.sub(_replace_escape, part[1:] if part.startswith("_$") else part)


def _replace_escape(match: re.Match[str]) -> str:
    code = match[1]
    if code is None:
        return "::"
    if code in _ESCAPES:
        return _ESCAPES[code]
    value = int(code[1:], 16)
    return chr(value) if value < 0x110000 and not 0xD800 <= value < 0xE000 else match[0]
