"""All names that a trace needs, so that it can go where the files that tell them are not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from vizreport.model.places import ModuleNames, Places
from vizreport.symbols.options import SymbolOptions
from vizreport.symbols.symbolizer import Symbolizer
from vizreport.trace.reader import Trace

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class TraceNames:
    """The names for all call-stack nodes of a trace.

    Attributes:
        modules: Those with names, by path.
        n_addresses: How many addresses in modules there are.
        n_named: How many of them have a function's name.
        n_lines: How many of them have a source line.
        warnings: What a user should know about names that are missing.
    """

    modules: tuple[ModuleNames, ...]
    n_addresses: int
    n_named: int
    n_lines: int
    warnings: tuple[str, ...]


def find_names(trace: Trace, options: SymbolOptions, progress: Progress | None = None) -> TraceNames:
    """Returns names for all nodes: those that the files tell now, or those in the trace where these tell more."""
    symbolizer = Symbolizer(trace, options, use_stored=False)
    found: dict[tuple[str, bytes], ModuleNames] = {}
    for at, image in enumerate(trace.images):
        for names in symbolizer.collect_names(image, trace.read_stacks(image.index)):
            _merge(found, names)
        if progress is not None:
            progress(at + 1, len(trace.images))
    for names in trace.read_names():
        _merge(found, names)
    every = [places for names in found.values() for places in names.places.values()]
    return TraceNames(
        modules=tuple(_drop_unnamed(found)),
        n_addresses=len(every),
        n_named=sum(_quality(places) > 0 for places in every),
        n_lines=sum(_quality(places) > 1 for places in every),
        warnings=symbolizer.warnings,
    )


def _merge(found: dict[tuple[str, bytes], ModuleNames], names: ModuleNames) -> None:
    """Adds names; of two for one address the better one stays, or the first."""
    known = found.setdefault((names.path, names.build_id), replace(names, places={})).places
    for address, places in names.places.items():
        if address not in known or _quality(places) > _quality(known[address]):
            known[address] = places


def _quality(places: Places) -> int:
    """Returns 0: nothing is known, 1: a function, 2: a source line too."""
    if not places:
        return 0
    return 2 if any(place.line for place in places) else 1


def _drop_unnamed(found: dict[tuple[str, bytes], ModuleNames]) -> Iterator[ModuleNames]:
    for key in sorted(found):
        places = {address: places for address, places in found[key].places.items() if places}
        if places:
            yield replace(found[key], places=places)
