"""Slow, obvious twins of the analyses behind the pictures: block by block, in dicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from blocks import Block


def find_log_edges() -> list[int]:
    """The least values of the bins, one after the other."""
    edges = list(range(4))
    power = 4
    while power < 1 << 64:
        edges += [power * part // 4 for part in (4, 5, 6, 7)]
        power *= 2
    return edges


def find_log_bin(value: int) -> int:
    return max(k for k, edge in enumerate(find_log_edges()) if edge <= value)


def count_size_lifetimes(blocks: Sequence[Block]) -> tuple[Counter[tuple[int, int]], Counter[tuple[int, int]]]:
    """Counts own blocks, and their bytes, by bin of size and bin of lifetime; -1: still live."""
    counts: Counter[tuple[int, int]] = Counter()
    sizes: Counter[tuple[int, int]] = Counter()
    for block in blocks:
        if not block.inherited:
            lifetime = -1 if block.end is None else find_log_bin(block.end - block.start)
            counts[find_log_bin(block.size), lifetime] += 1
            sizes[find_log_bin(block.size), lifetime] += block.size
    return counts, sizes


def find_regions(ranges: Sequence[tuple[int, int]], granule: int, max_regions: int) -> list[tuple[int, int]]:
    """Joins granules one by one; then joins what only a small gap separates."""
    used = sorted({g for start, end in ranges for g in range(start // granule, max(end - 1, start) // granule + 1)})
    runs: list[list[int]] = []
    for g in used:
        if runs and runs[-1][1] == g:
            runs[-1][1] = g + 1
        else:
            runs.append([g, g + 1])
    least = max(65536, len(used) * granule // 32)
    gaps = [(runs[k + 1][0] - runs[k][1]) * granule for k in range(len(runs) - 1)]
    cuts = {k for k, gap in enumerate(gaps) if gap >= least}
    while len(cuts) > max_regions - 1:
        cuts.remove(min(cuts, key=lambda k: (gaps[k], k)))
    regions: list[tuple[int, int]] = []
    for k, (start, end) in enumerate(runs):
        if k == 0 or k - 1 in cuts:
            regions.append((start * granule, end * granule))
        else:
            regions[-1] = (regions[-1][0], end * granule)
    return regions


def map_occupancy(
    blocks: Sequence[Block], last: int, n_rows: int, n_columns: int
) -> tuple[int, int, dict[tuple[int, int], float]]:
    """Returns bytes of a row, ns of a column, and mean live bytes by (row, column), cell by cell."""
    width = -(-(last + 1) // n_columns)
    blocks = [block for block in blocks if block.size]
    shift = 6
    while len({g for b in blocks for g in _granules(b, shift)}) > 2 * n_rows:
        shift += 1
    while True:
        ranges = [(g << shift, (g + 1) << shift) for b in blocks for g in _granules(b, shift)]
        regions = find_regions(ranges, 1 << shift, max(1, n_rows // 8))
        if sum(end - start for start, end in regions) >> shift <= n_rows:
            break
        shift += 1
    rows = [row for start, end in regions for row in range(start >> shift, end >> shift)]
    cells: dict[tuple[int, int], float] = {}
    for block in blocks:
        start = _tick(block.start, last, width)
        end = max(_tick(last + 1 if block.end is None else block.end, last, width), start + 1)
        for g in _granules(block, shift):
            n_bytes = min(block.address + block.size, (g + 1) << shift) - max(block.address, g << shift)
            for column in range(start >> 20, (end - 1 >> 20) + 1):
                overlap = min(end, column + 1 << 20) - max(start, column << 20)
                cell = rows.index(g), column
                covered = min(width, last + 1 - column * width) / width
                cells[cell] = cells.get(cell, 0) + n_bytes * overlap / (1 << 20) / covered
    return 1 << shift, width, cells


def _granules(block: Block, shift: int) -> range:
    return range(block.address >> shift, (block.address + block.size - 1 >> shift) + 1)


def _tick(time: int, last: int, width: int) -> int:
    column, rest = divmod(min(time, last + 1), width)
    return (column << 20) + int(rest * (2**20 / width))


def find_pages(blocks: Sequence[Block], page: int) -> dict[int, list[Block]]:
    """Returns each held page with the block of each of its live bytes."""
    pages: dict[int, list[Block]] = {}
    for block in blocks:
        for address in range(block.address, block.address + block.size):
            pages.setdefault(address // page, []).append(block)
    return pages


def find_pinning(blocks: Sequence[Block], page: int, mostly_empty: float) -> dict[int, tuple[int, float, int]]:
    """Returns by stack how many mostly empty pages it is on, how many bytes it pins, how many it would release."""
    result: dict[int, tuple[int, float, int]] = {}
    for owners in find_pages(blocks, page).values():
        if len(owners) <= mostly_empty * page:
            on_page = set(owners)
            stacks = {block.stack for block in on_page}
            for stack in stacks:
                n, pinned, releasable = result.get(stack, (0, 0, 0))
                share = sum(block.stack == stack for block in on_page) / len(on_page)
                pinned += (page - len(owners)) * share
                result[stack] = n + 1, pinned, releasable + page * (len(stacks) == 1)
    return result


def find_held(blocks: Sequence[Block], moments: Sequence[int], page: int) -> list[tuple[int, int]]:
    """Returns held and live bytes at each moment."""
    result = []
    for moment in moments:
        live = [block for block in blocks if block.start <= moment and (block.end is None or block.end > moment)]
        pages = {
            number
            for block in live
            if block.size
            for number in range(block.address // page, (block.address + block.size - 1) // page + 1)
        }
        result.append((len(pages) * page, sum(block.size for block in live)))
    return result


def lay_out(blocks: Sequence[Block], regions: Sequence[tuple[int, int]], cell: int) -> list[list[Block]]:
    """Returns the pieces: runs of blocks that are smaller than a cell and begin in the same one, of one region."""
    pieces: list[list[Block]] = []
    for block in sorted(blocks, key=lambda block: block.address):
        before = pieces[-1][-1] if pieces else None
        region = next(k for k, (start, end) in enumerate(regions) if start <= block.address < end)
        if (
            before is not None
            and max(before.size, block.size) < cell
            and before.address // cell == block.address // cell
            and regions[region][0] <= before.address
        ):
            pieces[-1].append(block)
        else:
            pieces.append([block])
    return pieces


def find_holes(blocks: Sequence[Block], region: tuple[int, int], least: int) -> list[int]:
    """Returns the sizes of a region's holes."""
    inside = [block for block in sorted(blocks, key=lambda b: b.address) if region[0] <= block.address < region[1]]
    gaps = [inside[k + 1].address - inside[k].address - inside[k].size for k in range(len(inside) - 1)]
    return [gap for gap in gaps if gap >= least]


def count_ranges(
    blocks: Sequence[Block], slots: dict[int, int], other: int, width: int, n_bins: int
) -> dict[tuple[int, int, int], tuple[int, int]]:
    """Returns bytes and blocks by (slot, bin of allocation, bin of free)."""
    table: dict[tuple[int, int, int], tuple[int, int]] = {}
    for block in blocks:
        if not block.inherited:
            free_bin = n_bins if block.end is None else block.end // width
            key = slots.get(block.stack, other), block.start // width, free_bin
            size, count = table.get(key, (0, 0))
            table[key] = size + block.size, count + 1
    return table


def measure_growth(series: Sequence[int]) -> tuple[float, float]:
    """Returns the median slope of all pairs, and how many more of them rise than fall."""
    pairs = [(j - i, series[j] - series[i]) for i in range(len(series)) for j in range(i + 1, len(series))]
    if not pairs:
        return 0.0, 0.0
    slopes = sorted(rise / apart for apart, rise in pairs)
    half = len(slopes) // 2
    median = slopes[half] if len(slopes) % 2 else (slopes[half - 1] + slopes[half]) / 2
    return median, sum((rise > 0) - (rise < 0) for _, rise in pairs) / len(pairs)
