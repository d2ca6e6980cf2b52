"""Options and arguments that several commands have, each with the same meaning everywhere."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from vizreport.errors import VizzyError
from vizreport.symbols.options import SymbolOptions

_Function = TypeVar("_Function", bound=Callable[..., Any])

trace_argument = click.argument("trace")
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
pid_option = click.option("--pid", type=int, help="Only this process.")
frames_option = click.option("--allocator-frames", is_flag=True, help="Show the frames inside the allocator too.")

_SYMBOL_OPTIONS = (
    click.option("--sysroot", metavar="DIR", help="Where the recorded machine's files lie."),
    click.option("--debug-dir", "debug_dirs", metavar="DIR", multiple=True, help="More debug files (repeatable)."),
    click.option("--exe", metavar="PATH", help="Where COMMAND's executable lies now."),
    click.option("--no-symbols", is_flag=True, help="Look for no names: modules and addresses only."),
    click.option("--no-debuginfod", is_flag=True, help="Ask no debuginfod servers (DEBUGINFOD_URLS)."),
)


def symbol_options(function: _Function) -> _Function:
    """Adds the options that say where names are looked for; pass them on to make_symbol_options."""
    for option in reversed(_SYMBOL_OPTIONS):
        function = option(function)
    return function


def make_symbol_options(
    *, sysroot: str | None, debug_dirs: tuple[str, ...], exe: str | None, no_symbols: bool, no_debuginfod: bool
) -> SymbolOptions:
    """Returns what the symbol options say.

    Raises:
        VizzyError: A folder among them is none.
    """
    for option, folder in (("--sysroot", sysroot), *(("--debug-dir", folder) for folder in debug_dirs)):
        if folder is not None and not os.path.isdir(folder):
            raise VizzyError(f"{option} {folder}: there is no such folder")
    return SymbolOptions(
        sysroot=sysroot,
        debug_dirs=debug_dirs,
        exe=exe,
        use_symbols=not no_symbols,
        debuginfod=not no_debuginfod,
    )
