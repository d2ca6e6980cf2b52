"""The grid of libtrace/replay/occupancy.h through ctypes."""

from __future__ import annotations

import ctypes

import numpy as np
from numpy.typing import NDArray

from vizreport.kernels.native import Handle, pointer
from vizreport.kernels.occupancy import OccupancyCells

_U64 = np.dtype(np.uint64)


class NativeOccupancy:
    """A grid; kernels.Occupancy is its contract."""

    def __init__(
        self, library: ctypes.CDLL, *, start_ns: int, end_ns: int, width_ns: int, n_columns: int, max_rows: int
    ) -> None:
        """See kernels.Kernels.make_occupancy."""
        self._library = library
        self._n_columns = n_columns
        grid = library.vz_occupancy_new(start_ns, end_ns, width_ns, n_columns, max_rows)
        self._grid = Handle(grid, library.vz_occupancy_free)

    def add(
        self,
        addresses: NDArray[np.uint64],
        sizes: NDArray[np.uint64],
        start_times: NDArray[np.uint64],
        end_times: NDArray[np.uint64],
    ) -> None:
        """See kernels.Occupancy."""
        arrays = [np.ascontiguousarray(column, _U64) for column in (addresses, sizes, start_times, end_times)]
        self._library.vz_occupancy_add(self._grid.handle, len(addresses), *(pointer(array) for array in arrays))

    def read(self) -> OccupancyCells:
        """See kernels.Occupancy."""
        n_rows = self._library.vz_occupancy_rows(self._grid.handle)
        granules, cells = np.empty(n_rows, _U64), np.empty((n_rows, self._n_columns), np.int64)
        self._library.vz_occupancy_read(self._grid.handle, pointer(granules), pointer(cells))
        order = np.argsort(granules)
        shift = self._library.vz_occupancy_shift(self._grid.handle)
        return OccupancyCells(shift, granules[order], cells[order])
