"""C++ names as people write them, by the C++ runtime's own demangler where there is one."""

from __future__ import annotations

import ctypes
from functools import cache

_LIBRARIES = ("libstdc++.so.6", "libc++abi.so.1")
_FUNCTION = "__cxa_demangle"


class _Demangler:
    """abi::__cxa_demangle of the first library that has it (Itanium C++ ABI, section 3.4)."""

    def __init__(self) -> None:
        self._demangle = None
        for name in _LIBRARIES:
            try:
                demangle = ctypes.CDLL(name)[_FUNCTION]
            except (OSError, AttributeError):
                continue
            demangle.restype = ctypes.c_void_p
            self._free = ctypes.CDLL(None).free
            self._free.argtypes = [ctypes.c_void_p]
            self._demangle = demangle
            break

    def demangle(self, name: str) -> str:
        if self._demangle is None:
            return name
        status = ctypes.c_int()
        text = self._demangle(name.encode(), None, None, ctypes.byref(status))
        if not text:
            return name
        try:
            return ctypes.string_at(text).decode("utf-8", "backslashreplace")
        finally:
            self._free(text)


@cache
def _demangler() -> _Demangler:
    return _Demangler()


def demangle(name: str) -> str:
    """Returns the name demangled, or as it is where it is not mangled or there is no demangler."""
    return _demangler().demangle(name) if name.startswith("_Z") else name
