"""The allocation statistics tree, as a table."""

from __future__ import annotations

from vizreport.reports.picture_results import PictureResults
from vizreport.reports.section import Section
from vizreport.reports.tree_data import list_metrics

HELP = (
    "The same call stacks as in the flame graph, as a table: a row is a function below its caller, its figures are "
    "those of all call stacks through it, or of those that end in it (self). Click a heading to sort, a row to open "
    "it. The choice between from main and from allocation, and a chosen range of time, hold here too."
)


def build(results: PictureResults) -> Section:
    """Shows the page's call trees as a table."""
    metrics = [(metric.name, metric.label, metric.help) for metric in list_metrics(results)]
    return Section(name="calltree", title="Call tree", help=HELP, values={"metrics": metrics})
