"""Paths, frames and groups of libtrace/replay/{paths,stack_groups}.h through ctypes."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vizreport.kernels.native import check_result, pointer
from vizreport.kernels.paths import PathNodes, Paths, Rows

_I64, _U32, _U64 = np.dtype(np.int64), np.dtype(np.uint32), np.dtype(np.uint64)


class _PathNodes(ctypes.Structure):
    _fields_ = [("n", ctypes.c_uint64), *((name, ctypes.c_void_p) for name in ("above", "roots", "pcs", "codes"))]


class _Paths(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("parents", "rows", "frames")]


class _StackEnds(ctypes.Structure):
    _fields_ = [("n", ctypes.c_uint64), ("leaves", ctypes.c_void_p), ("roots", ctypes.c_void_p)]


@dataclass(frozen=True, slots=True)
class NativePaths:
    """The functions of kernels.paths, in C."""

    library: ctypes.CDLL

    def number_frames(self, pcs: NDArray[np.uint64], codes: NDArray[np.uint64]) -> tuple[Rows, Rows]:
        """See kernels.paths.number_frames."""
        n = len(pcs)
        pcs, codes = np.ascontiguousarray(pcs, _U64), np.ascontiguousarray(codes, _U64)
        numbers, first = np.empty(n, _I64), np.empty(n, _I64)
        n_frames = check_result(
            self.library.vz_frames_number(n, pointer(pcs), pointer(codes), pointer(numbers), pointer(first))
        )
        return numbers, first[:n_frames].copy()

    def find_paths(self, nodes: PathNodes, leaves: Rows) -> Paths:
        """See kernels.paths.find_paths."""
        n, columns = len(nodes.above), _make_contiguous(nodes)
        leaves = np.ascontiguousarray(leaves, _I64)
        ends = np.empty(len(leaves), _I64)
        found = [np.empty(n, _I64) for _ in range(3)]
        n_found = check_result(
            self.library.vz_paths_find(
                ctypes.byref(_PathNodes(n, *(pointer(column) for column in columns))),
                len(leaves),
                pointer(leaves),
                pointer(ends),
                ctypes.byref(_Paths(*(pointer(column) for column in found))),
            )
        )
        parents, rows, frames = (column[:n_found].copy() for column in found)
        return Paths(parents, rows, frames, ends)

    def group_stacks(self, nodes: PathNodes, leaves: Rows, roots: Rows) -> tuple[Rows, Rows]:
        """See kernels.paths.group_stacks."""
        columns, n = _make_contiguous(nodes), len(leaves)
        leaves, roots = np.ascontiguousarray(leaves, _I64), np.ascontiguousarray(roots, _I64)
        groups, first = np.empty(n, _I64), np.empty(n, _I64)
        n_groups = check_result(
            self.library.vz_stacks_group(
                ctypes.byref(_PathNodes(len(nodes.above), *(pointer(column) for column in columns))),
                ctypes.byref(_StackEnds(n, pointer(leaves), pointer(roots))),
                pointer(groups),
                pointer(first),
            )
        )
        return groups, first[:n_groups].copy()


def _make_contiguous(nodes: PathNodes) -> tuple[NDArray[Any], ...]:
    """Returns the columns as C has them."""
    return (
        np.ascontiguousarray(nodes.above, _I64),
        np.ascontiguousarray(nodes.roots, _U32),
        np.ascontiguousarray(nodes.pcs, _U64),
        np.ascontiguousarray(nodes.codes, _U64),
    )
