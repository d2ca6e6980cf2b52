"""The heatmap: addresses upwards, time to the right, and how full each cell was as a colour."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, FixedTicker, LinearColorMapper
from bokeh.plotting import figure
from numpy.typing import NDArray

from vizreport.analysis.heatmap import Heatmap
from vizreport.analysis.regions import Regions
from vizreport.units import format_bytes
from vizreport.views.theme import SCALE, TimeUnit, choose_time_unit, colour, make_figure, make_range

_HEIGHT = 460
_MOST_LABELS = 9

SHARES = (1 / 4096, 1 / 256, 1 / 64, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 0.97)
"""Where the colour changes. Most of what matters lies near the top, so that is where most steps are."""


def draw_heatmap(heatmap: Heatmap, names: Sequence[str] = (), unit: TimeUnit | None = None) -> figure:
    """Draws the levels as an image; lines separate regions between which addresses are left out."""
    unit = unit or choose_time_unit(heatmap.bins.end_ns)
    n_rows = max(len(heatmap.mean_bytes), 1)
    edges = heatmap.bins.edges
    start, end = float(edges[0]) / unit.ns, float(edges[-1]) / unit.ns
    drawn = make_figure(
        height=_HEIGHT,
        x_range=make_range(start, end, name="time"),
        y_range=make_range(0, n_rows, name="rows"),
    )
    image = {"levels": [heatmap.levels], "x": [start], "y": [0], "dw": [end - start], "dh": [n_rows]}
    drawn.image(
        image="levels",
        x="x",
        y="y",
        dw="dw",
        dh="dh",
        source=ColumnDataSource(image, name="heatmap"),
        color_mapper=LinearColorMapper(palette=_make_palette(), low=0.5, high=255.5, low_color="rgba(0, 0, 0, 0)"),
    )
    rows = heatmap.regions.offsets.astype(np.float64) / heatmap.row_bytes
    drawn.hspan(y=rows[1:-1].tolist(), line_color=colour("axis"), line_width=1, name="region lines")
    drawn.grid.visible = False
    drawn.xaxis.axis_label = f"time since start ({unit.name})"
    label_regions(drawn.yaxis, heatmap.regions, names, rows, upwards=True)
    return drawn


def _make_palette() -> list[str]:
    """Returns the colour of each level from 1 to 255: steps where the share of live bytes passes one of SHARES."""
    shares = 2.0 ** ((np.arange(1, 256) - 255) * (16 / 254))
    return [SCALE[step][0] for step in np.searchsorted(SHARES, shares, side="right").tolist()]


def label_regions(
    axis: Any, regions: Regions, names: Sequence[str], rows: NDArray[np.float64], *, upwards: bool
) -> None:
    """Labels the begins of the largest regions, as find_labels does."""
    labels = find_labels(regions, names, rows, upwards=upwards)
    axis.ticker = FixedTicker(ticks=list(labels))
    axis.major_label_overrides = labels
    axis.major_label_text_font_size = "10.5px"


def find_labels(
    regions: Regions, names: Sequence[str], rows: NDArray[np.float64], *, upwards: bool
) -> dict[float, str]:
    """Returns which rows have a label: the begins of the largest regions, as far as there is room.

    Args:
        regions: What the rows show.
        names: What each region is; or nothing.
        rows: float64[n + 1], where each begins, and where the last ends.
        upwards: Whether addresses grow upwards: a label has the gap below a region on the side of the gap.
    """
    least = rows[-1] / _MOST_LABELS if len(rows) else 0
    gaps = [0, *regions.gaps.tolist()]
    labels: dict[float, str] = {}
    for region in np.argsort(-np.diff(rows), kind="stable").tolist():
        row = float(rows[region])
        if all(abs(row - other) >= least for other in labels):
            lines = [f"\u2026{format_bytes(gaps[region])} unused\u2026"] if gaps[region] else []
            lines += [*names[region : region + 1], format_address(int(regions.starts[region]))]
            labels[row] = "\n".join(reversed(lines) if upwards else lines)
    return labels


def format_address(address: int) -> str:
    """Returns an address in groups of four digits: 7f12_3400_0000."""
    return f"{address:_x}"


def describe_rows(heatmap: Heatmap, unit: TimeUnit | None = None) -> dict[str, Any]:
    """Returns what the page's script needs to say where a row lies. Addresses are texts: JSON's numbers end at 2^53."""
    return {
        "rowBytes": heatmap.row_bytes,
        "starts": [hex(start) for start in heatmap.regions.starts.tolist()],
        "offsets": heatmap.regions.offsets.tolist(),
        "startNs": heatmap.bins.start_ns,
        "widthNs": heatmap.bins.width_ns,
        "unitNs": (unit or choose_time_unit(heatmap.bins.end_ns)).ns,
    }


def describe_levels(heatmap: Heatmap, names: Sequence[str], unit: TimeUnit) -> dict[str, Any]:
    """Returns what a page's script needs to exchange a figure of draw_heatmap for another map."""
    rows = heatmap.regions.offsets.astype(np.float64) / heatmap.row_bytes
    n_rows, n_columns = heatmap.levels.shape
    return {
        "shape": [n_rows, n_columns],
        "levels": b64encode(heatmap.levels.tobytes()).decode(),
        "time": [float(heatmap.bins.edges[0]) / unit.ns, float(heatmap.bins.edges[-1]) / unit.ns],
        "lines": rows[1:-1].tolist(),
        "labels": list(find_labels(heatmap.regions, names, rows, upwards=True).items()),
        "rows": describe_rows(heatmap, unit),
    }
