"""Where one image's live blocks lay, at fixed times: the columns of the live heatmap.

Times are apart by a step that doubles when there are too many of them; then every second column goes. So there are at
most N_COLUMNS, each column is what was live at its end, and all of it does not depend on how events came.
"""

from __future__ import annotations

from copy import copy

from vizreport.analysis.heatmap import Heatmap, join_occupancies, take_occupancy
from vizreport.analysis.time_bins import TimeBins
from vizreport.kernels import Replay
from vizreport.kernels.occupancy import OccupancyCells

N_COLUMNS = 240
_N_ROWS = 256
_FIRST_STEP_NS = 250_000_000


class OccupancyHistory:
    """The columns so far.

    Attributes:
        next_ns: When the next column ends: what is live after the last event at or before that time.
    """

    def __init__(self, start_ns: int) -> None:
        """Begins with none."""
        self._start_ns, self._step_ns = start_ns, _FIRST_STEP_NS
        self._columns: list[OccupancyCells] = []
        self.next_ns = start_ns + _FIRST_STEP_NS

    def note(self, replay: Replay, following_ns: int) -> None:
        """Notes what is live now, which nothing changes until an event that is later than next_ns."""
        cells = _take(replay)
        while self.next_ns < following_ns:
            self._append(cells)

    def draw(self, replay: Replay, now_ns: int) -> Heatmap | None:
        """Returns the map up to now, at or after the last event; None: nothing was ever live."""
        twin, cells = self.copy(), _take(replay)
        while not twin._columns or twin.next_ns - twin._step_ns < now_ns:
            twin._append(cells)
        columns, step = twin._columns, twin._step_ns
        if not any(len(cells.granules) for cells in columns):
            return None
        end = self._start_ns + len(columns) * step - 1
        return join_occupancies(columns, TimeBins(self._start_ns, end, step, len(columns)), n_rows=_N_ROWS)

    def copy(self) -> OccupancyHistory:
        """Returns another one that goes on from here."""
        twin = copy(self)
        twin._columns = self._columns.copy()
        return twin

    @property
    def n_bytes(self) -> int:
        """About how much memory it has."""
        return sum(cells.granules.nbytes + cells.cells.nbytes for cells in self._columns)

    def _append(self, cells: OccupancyCells) -> None:
        self._columns.append(cells)
        if len(self._columns) == N_COLUMNS:
            del self._columns[::2]
            self._step_ns *= 2
        self.next_ns = self._start_ns + (len(self._columns) + 1) * self._step_ns


def _take(replay: Replay) -> OccupancyCells:
    return take_occupancy(*replay.take_live_places(), max_rows=2 * _N_ROWS)
