"""Reports on heap traces recorded by vizzytrace.

For scripts and notebooks: ``vizreport.open_trace(path)`` gives the model, columns of numpy arrays; the functions and
classes named in ``__all__`` make answers of it. docs/python-api.md describes them. They are loaded when they are used.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vizreport.analysis.fragmentation import measure_fragmentation
    from vizreport.analysis.heatmap import HeatmapAccumulator
    from vizreport.analysis.replay import Wanted, replay_images
    from vizreport.analysis.size_lifetimes import SizeLifetimesAccumulator
    from vizreport.analysis.suppression_text import parse_suppressions
    from vizreport.analysis.suppressions import Suppressions
    from vizreport.errors import VizzyError
    from vizreport.reports.summary import Asked, summarize
    from vizreport.reports.tree import TreeAsked, make_trees
    from vizreport.symbols.options import SymbolOptions
    from vizreport.symbols.symbolizer import Symbolizer
    from vizreport.trace.reader import Trace

__all__ = [
    "Asked",
    "HeatmapAccumulator",
    "SizeLifetimesAccumulator",
    "Suppressions",
    "SymbolOptions",
    "Symbolizer",
    "Trace",
    "TreeAsked",
    "VizzyError",
    "Wanted",
    "make_trees",
    "measure_fragmentation",
    "open_trace",
    "parse_suppressions",
    "replay_images",
    "summarize",
]

_MODULES = {
    "Asked": "reports.summary",
    "HeatmapAccumulator": "analysis.heatmap",
    "SizeLifetimesAccumulator": "analysis.size_lifetimes",
    "Suppressions": "analysis.suppressions",
    "SymbolOptions": "symbols.options",
    "Symbolizer": "symbols.symbolizer",
    "Trace": "trace.reader",
    "TreeAsked": "reports.tree",
    "VizzyError": "errors",
    "Wanted": "analysis.replay",
    "make_trees": "reports.tree",
    "measure_fragmentation": "analysis.fragmentation",
    "parse_suppressions": "analysis.suppression_text",
    "replay_images": "analysis.replay",
    "summarize": "reports.summary",
}


def open_trace(path: str | os.PathLike[str]) -> Trace:
    """Opens a trace, vizzy's own or CSV; "-" is standard input.

    Raises:
        VizzyError: It can't be opened, or is no trace.
    """
    from vizreport.trace.reader import read_trace

    return read_trace(os.fspath(path))


def __getattr__(name: str) -> Any:
    """Loads what was not loaded yet (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value
