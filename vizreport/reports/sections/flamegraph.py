"""The flame graph."""

from __future__ import annotations

from vizreport.reports.picture_results import PictureResults
from vizreport.reports.section import Section
from vizreport.reports.tree_data import list_metrics

HELP = (
    "Each box is a function; its width is its share of the chosen figure, with all that it calls. From main down, a "
    "box stands below its caller: follow the widest boxes to where the memory goes. From allocation, the functions "
    "that allocate stand on top, with their callers below. Colours tell modules apart. Frames of the allocator "
    "itself are left out. Boxes narrower than half a pixel appear when you zoom in."
)


def build(results: PictureResults) -> Section:
    """Shows the page's call trees as a flame graph."""
    metrics = [(metric.name, metric.label, metric.help) for metric in list_metrics(results)]
    return Section(name="flamegraph", title="Flame graph", help=HELP, values={"metrics": metrics})
