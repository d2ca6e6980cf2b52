"""Threads: who allocates, and who frees what others allocated."""

from __future__ import annotations

from vizreport.analysis.thread_matrix import make_thread_matrix
from vizreport.names import quote
from vizreport.reports.picture_results import PictureResults
from vizreport.reports.section import Section
from vizreport.units import format_bytes
from vizreport.views.threads import draw_thread_matrix

HELP = (
    "Each thread with what it allocated and freed. Frees of others' blocks are those that ended a block which "
    "another thread had allocated: they cost more in most allocators, and show how data wanders through the "
    "program. The matrix says from whom to whom."
)


def build(results: PictureResults) -> Section:
    """Lists the threads that did most, and draws who freed what whom allocated."""
    matrix = make_thread_matrix(results.replayed.threads, results.image.threads)
    rows = [
        (
            quote(label),
            f"{allocs:,}",
            format_bytes(size),
            f"{frees:,}",
            f"{foreign:,}",
            f"{100 * foreign / max(frees, 1):.1f} %",
        )
        for label, allocs, size, frees, foreign in zip(
            matrix.labels,
            matrix.allocs.tolist(),
            matrix.bytes_allocated.tolist(),
            matrix.frees.tolist(),
            matrix.foreign_frees.tolist(),
            strict=True,
        )
    ]
    drawn = len(rows) > 1 and bool(matrix.blocks.any())
    values = {"rows": rows, "drawn": drawn, "height": 26 * len(rows) + 110}
    figures = {"threads-figure": draw_thread_matrix(matrix)} if drawn else {}
    return Section(name="threads", title="Threads", help=HELP, values=values, figures=figures)
