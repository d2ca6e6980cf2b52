"""Nodes get the frames of the module that held them, once for each address, or none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from builders import TraceBuilder

from vizreport.model.frames import Frame
from vizreport.model.names import Names
from vizreport.model.stacks import Stacks
from vizreport.model.trace import Module
from vizreport.symbols.options import SymbolOptions
from vizreport.symbols.symbolizer import Symbolizer
from vizreport.trace.reader import parse_trace

NO_NETWORK = SymbolOptions(debuginfod=False, cache=False)


def make_module(module_id: int, path: str, generation: int, gone: int | None) -> Module:
    return Module(module_id, path, b"", 0x1000, 0x2000, 0x1000, generation, gone, 0)


def name(modules: list[Module], nodes: list[tuple[int, int, bool]], rows: list[int] | None = None) -> Names:
    """Names nodes, given as (pc, generation, interrupted), of an image with these modules."""
    trace = parse_trace("t", memoryview(TraceBuilder().session().image().build()))
    stacks = Stacks(
        ids=np.arange(3, 3 + len(nodes), dtype=np.uint32),
        parents=np.zeros(len(nodes), np.uint32),
        pcs=np.array([node[0] for node in nodes], np.uint64),
        generations=np.array([node[1] for node in nodes], np.uint32),
        interrupted=np.array([node[2] for node in nodes], np.bool_),
    )
    image = replace(trace.images[0], modules=tuple(modules))
    wanted = np.array(range(len(nodes)) if rows is None else rows, dtype=np.int64)
    return Symbolizer(trace, NO_NETWORK).name_stacks(image, stacks, wanted)


def test_a_return_address_belongs_to_the_call_before_it() -> None:
    modules = [make_module(1, "/a.so", 0, None)]
    names = name(modules, [(0x2000, 0, False), (0x1000, 0, False), (0x1000, 0, True), (0x2000, 0, True)])
    assert [names.frames(row) for row in range(4)] == [
        (Frame(None, "/a.so", 0x1000),),
        (Frame(None, None, 0x1000),),
        (Frame(None, "/a.so", 0),),
        (Frame(None, None, 0x2000),),
    ]


@pytest.mark.parametrize(("generation", "path"), [(0, None), (2, "/old.so"), (3, "/old.so"), (4, None), (6, "/new.so")])
def test_one_address_in_two_modules_in_turn(generation: int, path: str | None) -> None:
    modules = [make_module(1, "/old.so", 2, 4), make_module(2, "/new.so", 6, None)]
    assert name(modules, [(0x1800, generation, False)]).frames(0)[0].module == path


def test_where_two_modules_overlap_the_later_counts() -> None:
    modules = [make_module(2, "/new.so", 6, None), make_module(1, "/old.so", 2, None)]
    assert name(modules, [(0x1800, 7, False)]).frames(0)[0].module == "/new.so"


def test_only_the_rows_that_were_asked_for() -> None:
    names = name([], [(0x10, 0, False), (0x20, 0, False), (0x30, 0, False)], [2, 0, 2])
    assert names.rows.tolist() == [0, 2]
    assert [names.frames(row)[0].address for row in (0, 2)] == [0x10, 0x30]
    for row in (1, 3, -1):
        with pytest.raises(KeyError):
            names.frames(row)


def test_no_rows() -> None:
    names = name([], [(0x10, 0, False)], [])
    assert (names.rows.tolist(), names.starts.tolist(), names.ids.tolist(), names.table) == ([], [0], [], ())


def test_equal_frames_are_one_row_of_the_table() -> None:
    names = name([], [(0x10, 0, False), (0x10, 0, False), (0x10, 1, False)])
    assert names.table == (Frame(None, None, 0x10),)
    assert names.ids.tolist() == [0, 0, 0]
