"""What the commands that write pages share: their options, and reading, drawing and writing."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vizreport.cli.options import make_symbol_options, pid_option, symbol_options, trace_argument
from vizreport.cli.progress import show_progress
from vizreport.errors import VizzyError
from vizreport.output_file import write_output
from vizreport.reports.registry import Picture
from vizreport.reports.summary import Asked
from vizreport.reports.suppression_files import read_suppressions
from vizreport.symbols.symbolizer import Symbolizer
from vizreport.trace.reader import read_trace

if TYPE_CHECKING:
    from vizreport.reports.picture_results import Need, PictureResults

_Function = TypeVar("_Function", bound=Callable[..., Any])

_N_LEAKS = 50
_N_OTHERS = 10

_OPTIONS = (
    trace_argument,
    click.option("-o", "--output", metavar="FILE", help="Where the page goes; else beside TRACE, as .html."),
    click.option("--open", "open_page", is_flag=True, help="Show the page in a browser."),
    click.option("--title", metavar="TEXT", help="Instead of the command."),
    click.option("--note", metavar="TEXT", help="A text to stand at the top."),
    click.option("--anonymize", is_flag=True, help="Leave out host, command, directories and thread names."),
    click.option("--sources", "show_sources", is_flag=True, help="Show source lines of leaks, if they are here."),
    click.option("--suppressions", "files", metavar="FILE", multiple=True, help="Known leaks (repeatable)."),
    pid_option,
    symbol_options,
)


def page_options(function: _Function) -> _Function:
    """Adds what every command that writes a page takes; pass it on to write_pictures."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def collect(
    trace: str,
    needs: Need,
    *,
    files: tuple[str, ...],
    pid: int | None,
    anonymize: bool,
    show_sources: bool,
    moment: int | str = "peak",
    **symbols: Any,
) -> PictureResults:
    """Reads a trace and collects what pictures need."""
    # numpy, and for pages Bokeh, are loaded here and not before: --help and wrong usage need not wait for them.
    from vizreport.reports.anonymous import AnonymousSymbolizer, anonymize_trace
    from vizreport.reports.picture_results import collect_results
    from vizreport.reports.source_lines import SourceLines

    if anonymize and show_sources:
        raise click.UsageError("--sources shows what --anonymize leaves out")

    opened, where = read_trace(trace), make_symbol_options(**symbols)
    suppressions = read_suppressions(opened, files, where)
    asked = Asked(pid=pid, n_leaks=_N_LEAKS, n_others=_N_OTHERS, suppressions=suppressions)
    symbolizer = AnonymousSymbolizer(opened, where) if anonymize else Symbolizer(opened, where)
    if anonymize:
        opened = anonymize_trace(opened)
    sources = SourceLines() if show_sources else None
    with show_progress("reading") as progress:
        return collect_results(opened, symbolizer, needs, asked, moment=moment, sources=sources, progress=progress)


def write_pictures(
    pictures: Sequence[Picture],
    *,
    trace: str,
    output: str | None,
    open_page: bool,
    title: str | None,
    note: str | None,
    metric: str | None = None,
    moment: int | str | None = None,
    **sources: Any,
) -> None:
    """Writes a page with these pictures, and prints where it is."""
    from vizreport.reports.page import write_page
    from vizreport.reports.picture_page import find_needs, make_page

    path = Path(output or _choose_path(trace))
    if path.exists() and os.path.exists(trace) and path.samefile(trace):
        raise VizzyError(f"{path}: is the trace, which the page would overwrite; -o says where it goes")
    needs = find_needs(pictures, at_moment=moment is not None)
    results = collect(trace, needs, moment=moment or "peak", **sources)
    _write(path, write_page(make_page(results, pictures, title=title, note=note, metric=metric)))
    click.echo(path)
    if open_page:
        click.launch(path.resolve().as_uri())


def _choose_path(trace: str) -> Path:
    """Returns where the page of a trace goes if nobody says."""
    return Path("vizzy.html") if trace == "-" else Path(trace).with_suffix(".html")


def _write(path: Path, text: str) -> None:
    try:
        write_output(path, [text.encode()])
    except OSError as error:
        raise VizzyError(f"{path}: the page can't be written: {error.strerror}; -o says where it goes") from error
