"""The pictures that `vizreport plot` makes one or several of, and `vizreport report` all, in this order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vizreport.reports.picture_results import PictureResults
    from vizreport.reports.section import Section


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that a page may have.

    Attributes:
        name: Of its section, and of the file in reports/sections that builds it.
        option: Of `vizreport plot`.
        trees: Whether it needs call trees.
        second_pass: Whether it needs more than the core results.
        summary: What it shows, for --help.
    """

    name: str
    option: str
    summary: str
    trees: bool = False
    second_pass: bool = False

    @property
    def build(self) -> Callable[[PictureResults], Section]:
        """Makes the section. Imported when it is asked for, so that nothing else loads what only drawing needs."""
        found: Callable[[PictureResults], Section] = import_module(f"vizreport.reports.sections.{self.name}").build
        return found


PICTURES = (
    Picture("timeline", "--mem-usage", "Live bytes and blocks, RSS and allocation rate over time."),
    Picture("flamegraph", "--flamegraph", "Who holds or allocates memory, as a flame graph.", trees=True),
    Picture("calltree", "--tree", "The same as a table.", trees=True),
    Picture("leaks", "--leaks", "What was in use at exit, by call stack."),
    Picture("layout", "--heap-layout", "Where blocks and holes lie, at moments.", trees=True, second_pass=True),
    Picture("heatmap", "--heatmap", "How full which addresses were, over time.", second_pass=True),
    Picture("fragmentation", "--fragmentation", "Held against live bytes, and who pins pages.", second_pass=True),
    Picture("sizes", "--sizes", "Blocks and bytes by size.", second_pass=True),
    Picture("lifetimes", "--lifetimes", "Blocks and bytes by lifetime, sizes by lifetimes.", second_pass=True),
    Picture("threads", "--threads", "Who allocates, who frees what others allocated."),
    Picture("processes", "--processes", "All processes of the recording, with totals."),
)
"""In the order in which they stand in a page."""
