"""Rust's symbol names, version 0, as people write them. Source: "v0 Symbol Format" in the rustc book.

One method for each rule of the grammar: it reads its part of the name and returns how that is written. Hashes of crates
are not shown.
"""

from __future__ import annotations

from collections.abc import Callable

_BASIC_TYPES = {
    "a": "i8",
    "b": "bool",
    "c": "char",
    "d": "f64",
    "e": "str",
    "f": "f32",
    "h": "u8",
    "i": "isize",
    "j": "usize",
    "l": "i32",
    "m": "u32",
    "n": "i128",
    "o": "u128",
    "p": "_",
    "s": "i16",
    "t": "u16",
    "u": "()",
    "v": "...",
    "x": "i64",
    "y": "u64",
    "z": "!",
}
_UNSIGNED, _SIGNED = "hjmoty", "ailnsx"
_NAMESPACES = {"C": "closure", "S": "shim"}
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MAX_DEPTH = 200
_MAX_STEPS = 20_000  # back references can make a short name arbitrarily long


class _MalformedError(Exception):
    """The name does not follow the grammar, or is longer than anyone wants."""


def demangle_v0(name: str) -> str | None:
    """Returns the path that a name starting with _R stands for, or None: it does not follow the grammar."""
    body = name[2:].partition(".")[0]  # what follows a dot was appended by LLVM
    if not body.isascii() or not body[:1].isalpha():
        return None
    reader = _Reader(body)
    try:
        path = reader.path(in_value=True)
        if not reader.at_end:
            reader.path(in_value=False)  # the crate that instantiated it
    except (_MalformedError, IndexError, ValueError, RecursionError):
        return None
    return path if reader.at_end else None


class _Reader:
    """Reads a name from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._steps = 0
        self._lifetimes = 0  # bound by the binders around

    @property
    def at_end(self) -> bool:
        return self._at >= len(self._text)

    def _peek(self) -> str:
        return self._text[self._at]

    def _next(self) -> str:
        self._at += 1
        return self._text[self._at - 1]

    def _eat(self, char: str) -> bool:
        if not self.at_end and self._peek() == char:
            self._at += 1
            return True
        return False

    def _enter(self) -> None:
        self._depth += 1
        self._steps += 1
        if self._depth > _MAX_DEPTH or self._steps > _MAX_STEPS:
            raise _MalformedError

    def _base62(self) -> int:
        if self._eat("_"):
            return 0
        value = 0
        while not self._eat("_"):
            value = value * 62 + _DIGITS.index(self._next())
        return value + 1

    def _disambiguator(self) -> int:
        return self._base62() + 1 if self._eat("s") else 0

    def _identifier(self) -> str:
        is_punycode = self._eat("u")
        length = self._decimal()
        self._eat("_")
        text = self._text[self._at : self._at + length]
        if len(text) < length:
            raise _MalformedError
        self._at += length
        return _decode_punycode(text) if is_punycode else text

    def _decimal(self) -> int:
        start = self._at
        if self._eat("0"):
            return 0
        while not self.at_end and self._peek().isdigit():
            self._at += 1
        return int(self._text[start : self._at])

    def path(self, *, in_value: bool, is_open: bool = False) -> str:
        """Reads a path. Generic arguments have :: before them in values; an open list of them lacks its end."""
        self._enter()
        kind = self._next()
        if kind == "B":
            text = self._follow(lambda: self.path(in_value=in_value, is_open=is_open))
            self._depth -= 1
            return text
        if kind == "C":
            self._disambiguator()
            text = self._identifier()
        elif kind == "N":
            text = self._nested_path(in_value=in_value)
        elif kind in "MX":
            self._disambiguator()
            self.path(in_value=False)  # where the impl stands
            text = self._qualified(has_trait=kind == "X")
        elif kind == "Y":
            text = self._qualified(has_trait=True)
        elif kind == "I":
            text = self.path(in_value=in_value) + ("::<" if in_value else "<")
            text += ", ".join(self._until_end(self._generic_argument)) + ("" if is_open else ">")
        else:
            raise _MalformedError
        self._depth -= 1
        return text

    def _nested_path(self, *, in_value: bool) -> str:
        namespace = self._next()
        outer = self.path(in_value=in_value)
        number = self._disambiguator()
        name = self._identifier()
        if namespace.isupper():
            kind = _NAMESPACES.get(namespace, namespace)
            return f"{outer}::{{{kind}{f':{name}' if name else ''}#{number}}}"
        return f"{outer}::{name}" if name else outer

    def _qualified(self, *, has_trait: bool) -> str:
        text = self._type()
        return f"<{text} as {self.path(in_value=False)}>" if has_trait else f"<{text}>"

    def _follow(self, read: Callable[[], str]) -> str:
        """Reads what stands at an earlier place, then goes on here."""
        start = self._at - 1
        target = self._base62()
        if target >= start:
            raise _MalformedError
        back, self._at = self._at, target
        text = read()
        self._at = back
        return text

    def _until_end(self, read: Callable[[], str]) -> list[str]:
        items = []
        while not self._eat("E"):
            items.append(read())
        return items

    def _generic_argument(self) -> str:
        if self._eat("L"):
            return self._lifetime()
        if self._eat("K"):
            return self._constant()
        return self._type()

    def _lifetime(self) -> str:
        index = self._base62()
        if index == 0:
            return "'_"
        return _name_lifetime(self._lifetimes - index)

    def _binder(self) -> tuple[str, int]:
        """Reads an optional binder; the caller takes its lifetimes back when what they are bound in ends."""
        n = self._base62() + 1 if self._eat("G") else 0
        if n > len(self._text):
            raise _MalformedError
        names = [_name_lifetime(self._lifetimes + k) for k in range(n)]
        self._lifetimes += n
        return (f"for<{', '.join(names)}> " if names else ""), n

    def _type(self) -> str:
        self._enter()
        kind = self._peek()
        if kind in _BASIC_TYPES:
            text = _BASIC_TYPES[self._next()]
        elif kind in _COMPOUND_TYPES:
            self._at += 1
            text = _COMPOUND_TYPES[kind](self)
        else:
            text = self.path(in_value=False)
        self._depth -= 1
        return text

    def _array(self) -> str:
        return f"[{self._type()}; {self._constant()}]"

    def _slice(self) -> str:
        return f"[{self._type()}]"

    def _tuple(self) -> str:
        items = self._until_end(self._type)
        return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"

    def _reference(self, qualifier: str) -> str:
        lifetime = ""
        if self._eat("L"):
            name = self._lifetime()
            lifetime = "" if name == "'_" else f"{name} "
        return f"&{lifetime}{qualifier}{self._type()}"

    def _function(self) -> str:
        binder, n = self._binder()
        prefix = "unsafe " if self._eat("U") else ""
        if self._eat("K"):
            abi = "C" if self._eat("C") else self._identifier().replace("_", "-")
            prefix += f'extern "{abi}" '
        arguments = ", ".join(self._until_end(self._type))
        result = self._type()
        self._lifetimes -= n
        return f"{binder}{prefix}fn({arguments})" + ("" if result == "()" else f" -> {result}")

    def _dynamic(self) -> str:
        binder, n = self._binder()
        traits = []
        while not self._eat("E"):
            traits.append(self._bound_trait())
        self._lifetimes -= n
        if not self._eat("L"):
            raise _MalformedError
        lifetime = self._lifetime()
        return f"dyn {binder}{' + '.join(traits)}" + ("" if lifetime == "'_" else f" + {lifetime}")

    def _bound_trait(self) -> str:
        is_open = self._peek() == "I" or (self._peek() == "B" and self._is_generic_behind())
        path = self.path(in_value=False, is_open=True)
        while self._eat("p"):
            path += ", " if is_open else "<"
            is_open = True
            name = self._identifier()
            path += f"{name} = {self._type()}"
        return path + (">" if is_open else "")

    def _is_generic_behind(self) -> bool:
        """Whether the back reference here leads, perhaps over others, to a path with generic arguments."""
        back = self._at
        while self._eat("B"):
            start = self._at - 1
            self._at = self._base62()
            if self._at >= start:
                raise _MalformedError
        is_generic = self._peek() == "I"
        self._at = back
        return is_generic

    def _constant(self) -> str:
        self._enter()
        kind = self._next()
        if kind == "B":
            text = self._follow(self._constant)
        elif kind == "p":
            text = "_"
        elif kind in _SIGNED:
            text = ("-" if self._eat("n") else "") + str(self._hex())
        elif kind in _UNSIGNED:
            text = str(self._hex())
        elif kind == "b":
            text = ("false", "true")[self._hex()]
        elif kind == "c":
            text = f"'{chr(self._hex())}'"
        else:
            raise _MalformedError
        self._depth -= 1
        return text

    def _hex(self) -> int:
        start = self._at
        while not self._eat("_"):
            self._at += 1
            if self.at_end:
                raise _MalformedError
        return int(self._text[start : self._at - 1], 16) if self._at - 1 > start else 0


_COMPOUND_TYPES: dict[str, Callable[[_Reader], str]] = {
    "A": _Reader._array,
    "S": _Reader._slice,
    "T": _Reader._tuple,
    "R": lambda reader: reader._reference(""),
    "Q": lambda reader: reader._reference("mut "),
    "P": lambda reader: f"*const {reader._type()}",
    "O": lambda reader: f"*mut {reader._type()}",
    "F": _Reader._function,
    "D": _Reader._dynamic,
    "B": lambda reader: reader._follow(reader._type),
}


def _name_lifetime(depth: int) -> str:
    """Returns 'a for the lifetime that was bound first, and so on."""
    if depth < 0:
        raise _MalformedError
    return f"'{chr(ord('a') + depth)}" if depth < 26 else f"'_{depth}"


def _decode_punycode(text: str) -> str:
    """Returns an identifier with other letters than ASCII's: RFC 3492, with _ for the delimiter."""
    basic, _, coded = text.rpartition("_")
    return f"{basic}-{coded}".encode("ascii").decode("punycode") if basic else coded.encode("ascii").decode("punycode")
