"""The layout equals its slow twin; wrapped into rows, every byte is drawn where it is."""

import numpy as np
from blocks import Block, live_blocks, make_live_set
from hypothesis import given
from hypothesis import strategies as st
from pictures_oracle import find_holes
from pictures_oracle import lay_out as lay_out_slowly

from vizreport.analysis.layout import LEAST_HOLE, HeapLayout, find_layout_regions, lay_out, wrap_rows


def draw(blocks: list[Block], max_pieces: int = 50_000) -> HeapLayout:
    live = make_live_set(blocks, 7)
    return lay_out(live, regions=find_layout_regions([live]), max_pieces=max_pieces)


@given(live_blocks(n=30), st.sampled_from([1, 3, 8, 100]))
def test_layout_equals_its_slow_twin(blocks: list[Block], max_pieces: int) -> None:
    layout = draw(blocks, max_pieces)
    regions = list(zip(layout.regions.starts.tolist(), layout.regions.ends.tolist(), strict=True))
    pieces = lay_out_slowly(blocks, regions, layout.cell_bytes)
    if layout.cell_bytes > 64:
        assert len(lay_out_slowly(blocks, regions, layout.cell_bytes // 2)) > max_pieces
    assert layout.addresses.tolist() == [piece[0].address for piece in pieces]
    assert layout.sizes.tolist() == [piece[-1].address + piece[-1].size - piece[0].address for piece in pieces]
    assert layout.blocks.tolist() == [len(piece) for piece in pieces]
    assert layout.bytes.tolist() == [sum(block.size for block in piece) for piece in pieces]
    largest = [max(piece, key=lambda block: block.size) for piece in pieces]
    assert layout.stacks.tolist() == [block.stack for block in largest]
    assert layout.threads.tolist() == [block.thread for block in largest]
    assert layout.start_times.tolist() == [block.start for block in largest]
    holes = [find_holes(blocks, region, LEAST_HOLE) for region in regions]
    assert layout.holes.counts.tolist() == [len(each) for each in holes]
    assert layout.holes.bytes.tolist() == [sum(each) for each in holes]
    assert layout.holes.largest.tolist() == [max(each, default=0) for each in holes]


@given(live_blocks(n=30), st.sampled_from([1, 4, 1000]))
def test_rows_hold_every_byte_once_at_its_place(blocks: list[Block], n_rows: int) -> None:
    layout = draw([block for block in blocks if block.size])
    rows = wrap_rows(layout, n_rows=n_rows)
    assert rows.starts[-1] <= n_rows + len(layout.regions.starts)
    assert (rows.tops < rows.bottoms).all()
    assert (rows.lefts < rows.rights).all()
    drawn: dict[int, int] = {}
    for piece, top, bottom, left, right in zip(
        *(column.tolist() for column in (rows.pieces, rows.tops, rows.bottoms, rows.lefts, rows.rights)), strict=True
    ):
        region = int(np.searchsorted(rows.starts, top, side="right")) - 1
        for row in range(top, bottom):
            base = int(layout.regions.starts[region]) + (row - int(rows.starts[region])) * rows.row_bytes
            drawn |= {base + k: piece for k in range(left, right)}
    assert sum((rows.bottoms - rows.tops) * (rows.rights - rows.lefts).astype(np.int64)) == len(drawn)
    expected = {
        block.address + k: piece
        for piece, block in enumerate(sorted(blocks_with_bytes(blocks), key=address_of))
        for k in range(block.size)
    }
    assert drawn == expected


def blocks_with_bytes(blocks: list[Block]) -> list[Block]:
    return [block for block in blocks if block.size]


def address_of(block: Block) -> int:
    return block.address


def test_many_small_blocks_are_joined_and_large_ones_are_not() -> None:
    small = [Block(0x10000 + 32 * k, 24) for k in range(1000)]
    layout = draw([*small, Block(0x20000, 1 << 20)], max_pieces=20)
    assert len(layout) <= 20
    assert layout.cell_bytes >= 2048
    assert layout.blocks.sum() == layout.n_blocks == 1001
    assert layout.sizes[-1] == 1 << 20


def test_snapshots_share_their_regions() -> None:
    regions = find_layout_regions([make_live_set([Block(0x1000, 10)]), make_live_set([Block(0x9000_0000, 10)])])
    assert regions.starts.tolist() == [0x1000, 0x9000_0000]
    assert lay_out(make_live_set([]), regions=regions).holes.counts.tolist() == [0, 0]


def test_a_hole_is_larger_than_a_header() -> None:
    layout = draw([Block(0x1000, 100), Block(0x1000 + 100 + 31, 10), Block(0x1000 + 141 + 32, 10)])
    assert (layout.holes.counts.tolist(), layout.holes.bytes.tolist()) == ([1], [32])
