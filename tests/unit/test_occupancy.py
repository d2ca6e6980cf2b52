"""The grid in C equals the one in numpy, whatever blocks it is given."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from ctypes import CDLL

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vizreport.kernels.native import KernelError, load_library
from vizreport.kernels.native_occupancy import NativeOccupancy
from vizreport.kernels.occupancy import ReferenceOccupancy

LIBRARY: CDLL | None = None
with suppress(KernelError):
    LIBRARY = load_library()
needs_library = pytest.mark.skipif(LIBRARY is None, reason="libvizread was not built")

BIG = 2**64 - 1
ADDRESSES = st.integers(0, 1 << 14) | st.integers(BIG - 5000, BIG) | st.integers(0, BIG)
SIZES = st.integers(0, 300) | st.integers(0, 1 << 20) | st.integers(0, BIG)
TIMES = st.integers(0, 3000) | st.integers(0, BIG)
BLOCKS = st.lists(st.tuples(ADDRESSES, SIZES, TIMES, TIMES), max_size=20)


@needs_library
@given(BLOCKS, BLOCKS, st.sampled_from([2, 3, 64, 1000]), st.integers(0, 50), st.integers(1, 3000), st.integers(1, 40))
def test_native_equals_numpy(
    first: Sequence[tuple[int, ...]],
    second: Sequence[tuple[int, ...]],
    max_rows: int,
    start: int,
    span: int,
    n_columns: int,
) -> None:
    assert LIBRARY is not None
    shape = {
        "start_ns": start,
        "end_ns": start + span - 1,
        "width_ns": -(-span // n_columns),
        "n_columns": n_columns,
        "max_rows": max_rows,
    }
    native, reference = NativeOccupancy(LIBRARY, **shape), ReferenceOccupancy(**shape)
    for blocks in (first, second):
        columns = np.array(blocks, np.uint64).reshape(-1, 4).T
        native.add(*columns)
        reference.add(*columns)
        found, expected = native.read(), reference.read()
        assert found.shift == expected.shift
        assert found.granules.tolist() == expected.granules.tolist()
        assert found.cells.tolist() == expected.cells.tolist()
