"""Names of C++ and Rust as people write them.

C++ names are demangled by the C++ runtime where one can be loaded, else by c++filt; Rust's by rust_names.py.
"""

from __future__ import annotations

import ctypes
import shutil
from collections.abc import Callable
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from vizreport.symbols.rust_names import demangle_rust

if TYPE_CHECKING:
    import subprocess

_LIBRARIES = ("libstdc++.so.6", "libc++abi.so.1", "libc++abi.dylib")
_FUNCTION = "__cxa_demangle"
_MANGLED = ("_Z", "_R", "__Z", "__R")  # those of macOS have one more underscore

Demangler = Callable[[str], str]


@lru_cache(maxsize=1 << 16)
def demangle(name: str) -> str:
    """Returns the name demangled, or as it is where it is not mangled or there is no demangler."""
    if not name.startswith(_MANGLED):
        return name
    return demangle_rust(name) or find_cxx_demangler()(name)


@cache
def find_cxx_demangler() -> Demangler:
    """Returns what demangles C++ names on this machine, the fastest first."""
    for library in _LIBRARIES:
        try:
            return make_library_demangler(library)
        except (OSError, AttributeError):
            continue
    command = shutil.which("c++filt") or shutil.which("llvm-cxxfilt")
    return CommandDemangler(command) if command else str


def make_library_demangler(library: str) -> Demangler:
    """Returns abi::__cxa_demangle of a library (Itanium C++ ABI, section 3.4).

    Raises:
        OSError: There is no such library.
        AttributeError: It has no demangler.
    """
    function = ctypes.CDLL(library)[_FUNCTION]
    function.restype = ctypes.c_void_p
    free = ctypes.CDLL(None).free
    free.argtypes = [ctypes.c_void_p]

    def demangle_by_library(name: str) -> str:
        status = ctypes.c_int()
        text = function(name.encode("utf-8", "surrogateescape"), None, None, ctypes.byref(status))
        if not text:
            return name
        try:
            return ctypes.string_at(text).decode("utf-8", "backslashreplace")
        finally:
            free(text)

    return demangle_by_library


class CommandDemangler:
    """c++filt, which answers each line with one."""

    def __init__(self, command: str) -> None:
        """Starts nothing yet."""
        self._command = command
        self._process: subprocess.Popen[str] | None = None

    def __call__(self, name: str) -> str:
        """Returns the name demangled, or as it is: it can't be, or the command does not work."""
        if not name.isprintable():
            return name
        try:
            if self._process is None:
                import subprocess  # seldom needed

                self._process = subprocess.Popen(
                    [self._command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
                )
            if self._process.stdin is None or self._process.stdout is None:
                return name
            self._process.stdin.write(name + "\n")
            self._process.stdin.flush()
            return self._process.stdout.readline().rstrip("\n") or name
        except OSError:
            return name

    def close(self) -> None:
        """Ends the command."""
        if self._process is not None:
            self._process.communicate()
            self._process = None
