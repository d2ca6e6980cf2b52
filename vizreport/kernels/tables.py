"""Sums by id, where ids turn up as they come."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Table:
    """Columns of sums: uint64, modulo 2^64.

    Attributes:
        ids: uint64[n], those that occurred, increasing.
    """

    def __init__(self, *columns: str) -> None:
        """Begins without rows."""
        self.ids = np.zeros(0, np.uint64)
        self._columns = {name: np.zeros(0, np.uint64) for name in columns}

    def __getitem__(self, column: str) -> NDArray[np.uint64]:
        """Returns a column: uint64[n]."""
        return self._columns[column]

    @property
    def n_bytes(self) -> int:
        """Memory of the columns."""
        return self.ids.nbytes * (1 + len(self._columns))

    def add(self, ids: NDArray[np.uint32] | NDArray[np.uint64], **values: ArrayLike) -> None:
        """Adds to columns: one value, or one for all, to the row of each id."""
        rows = self._find_rows(ids)
        for name, value in values.items():
            np.add.at(self._columns[name], rows, np.asarray(value, dtype=np.uint64))

    def subtract(self, ids: NDArray[np.uint32] | NDArray[np.uint64], **values: ArrayLike) -> None:
        """Subtracts likewise."""
        rows = self._find_rows(ids)
        for name, value in values.items():
            np.subtract.at(self._columns[name], rows, np.asarray(value, dtype=np.uint64))

    def _find_rows(self, ids: NDArray[np.uint32] | NDArray[np.uint64]) -> NDArray[np.int64]:
        """Returns the row of each id; makes rows for those that are new."""
        wide = ids.astype(np.uint64)
        rows = np.searchsorted(self.ids, wide)
        new = np.ones(len(wide), np.bool_)
        inside = rows < len(self.ids)
        new[inside] = self.ids[rows[inside]] != wide[inside]
        if not new.any():
            return rows
        before = self.ids
        self.ids = np.union1d(before, wide[new])
        kept = np.searchsorted(self.ids, before)
        for name, column in self._columns.items():
            self._columns[name] = np.zeros(len(self.ids), np.uint64)
            self._columns[name][kept] = column
        return np.searchsorted(self.ids, wide)
