"""Which kernels there are, and that decoding in C equals decoding in numpy, damage included."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress

import numpy as np
import pytest
from builders import TraceBuilder, pack
from hypothesis import given, settings
from hypothesis import strategies as st

from vizreport.errors import TraceFormatError
from vizreport.kernels.native import Decoder, KernelError, load_library
from vizreport.trace import format as fmt
from vizreport.trace.columns import zstd  # type: ignore[attr-defined]
from vizreport.trace.decode import decode_events, decode_nodes
from vizreport.trace.event_block import EventBlock

DECODER: Decoder | None = None
with suppress(KernelError):
    DECODER = Decoder(load_library())
needs_library = pytest.mark.skipif(DECODER is None, reason="libvizread was not built")


def test_the_library_is_built_where_it_must_be() -> None:
    if os.environ.get("CI"):
        load_library()


def describe(kernels: str | None, *, home: str = "") -> subprocess.CompletedProcess[str]:
    code = "from vizreport.kernels import describe_kernels as d; print(d())"
    environment = {key: value for key, value in os.environ.items() if key != "VIZZY_KERNELS"}
    if kernels is not None:
        environment["VIZZY_KERNELS"] = kernels
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


def test_numpy_can_be_asked_for() -> None:
    assert describe("numpy").stdout.startswith("numpy")


@needs_library
def test_native_is_what_is_used() -> None:
    assert describe(None).stdout == "native\n"


def test_other_kernels_are_refused() -> None:
    assert "there are native and numpy" in describe("abacus").stderr


def encode(
    values: list[int], *, column: int, encoding: int, width: int, base: int, compress: bool
) -> tuple[bytes, bytes]:
    """Returns a column's description and its bytes; integers that don't fit into the width are cut."""
    planes = np.array(values, "<u8").view("u1").reshape(-1, 8).T[:width].tobytes()
    flags = 0
    if compress and planes:
        planes, flags = zstd.compress(planes, 1), fmt.ColumnFlag.ZSTD
    described = pack(
        fmt.COLUMN,
        column=column,
        encoding=encoding,
        width=width,
        flags=flags,
        n_values=len(values),
        stored_bytes=len(planes),
        base=base,
    )
    return described, planes


@st.composite
def payloads(draw: st.DrawFn) -> tuple[bytes, int]:
    """Payloads of n events, right or nearly so."""
    n = draw(st.integers(1, 12))
    kinds = draw(st.lists(st.sampled_from([*sorted(fmt.KINDS), 200]), min_size=n, max_size=n))
    sized = sum(fmt.CLASS_OF_KIND[kind] in fmt.SIZED_CLASSES for kind in kinds)
    stacked = sum(fmt.CLASS_OF_KIND[kind] in fmt.STACKED_CLASSES for kind in kinds)
    back = [draw(st.integers(0, k)) for k in range(n)]
    ends = sorted({*draw(st.lists(st.integers(1, n), max_size=4)), n})
    wide = st.one_of(st.integers(0, 300), st.integers(0, (1 << 64) - 1))

    def some(count: int) -> list[int]:
        return draw(st.lists(wide, min_size=count, max_size=count))

    columns: dict[int, tuple[list[int], int]] = {
        fmt.Column.KIND: (kinds, 1),
        fmt.Column.THREAD: (some(n), 8),
        fmt.Column.TIME: (some(len(ends)), 8),
        fmt.Column.TIME_END: (ends, 2),
        fmt.Column.BACK: (back, 2),
        fmt.Column.ADDRESS: (some(back.count(0)), 8),
        fmt.Column.SIZE: (some(sized), draw(st.integers(0, 8))),
        fmt.Column.STACK: (some(stacked), draw(st.integers(0, 8))),
    }
    exact = {fmt.Column.KIND, fmt.Column.TIME_END, fmt.Column.BACK}
    described, stored = b"", b""
    for column, (values, width) in columns.items():
        encoding = fmt.Encoding.PLAIN if column in exact else draw(st.integers(0, 2))
        base = 0 if column in exact else draw(wide)
        head, planes = encode(
            values, column=column, encoding=encoding, width=width, base=base, compress=draw(st.booleans())
        )
        described, stored = described + head, stored + planes
    head = pack(
        fmt.COLUMNS_HEAD, n_columns=len(columns), time_resolution_ns=draw(st.sampled_from([1, 1000, 2**32 - 1]))
    )
    return head + described + stored, n


def decode(decoder: object, payload: bytes, n: int, flags: int) -> dict[str, object] | None:
    """Returns the block's columns, or None: it is refused."""
    try:
        block: EventBlock = decoder(memoryview(payload), n, flags)  # type: ignore[operator]
    except TraceFormatError:
        return None
    return {
        name: value.tolist() if isinstance(value := getattr(block, name), np.ndarray) else value
        for name in EventBlock.__slots__
    }


@needs_library
@settings(max_examples=150, deadline=None)
@given(payloads())
def test_decoding_equals_numpys(drawn: tuple[bytes, int]) -> None:
    assert DECODER is not None
    payload, n = drawn
    expected = decode(decode_events, payload, n, 0)
    assert expected is not None
    assert decode(DECODER.decode, payload, n, 0) == expected


@needs_library
@settings(max_examples=150, deadline=None)
@given(payloads(), st.data())
def test_what_is_damaged_is_refused_by_both_or_means_the_same(drawn: tuple[bytes, int], data: st.DataObject) -> None:
    assert DECODER is not None
    payload, n = bytearray(drawn[0]), drawn[1] + data.draw(st.sampled_from([0, 0, 1, -1]))
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, min(len(payload), 210) - 1))
        payload[at] = data.draw(st.sampled_from([0, 1, 2, 7, 127, 128, 255]))
    payload = payload[: data.draw(st.sampled_from([len(payload), len(payload), len(payload) - 1, 9]))]
    flags = data.draw(st.sampled_from([0, fmt.BlockFlag.FREE_STACKS]))
    assert decode(DECODER.decode, bytes(payload), n, flags) == decode(decode_events, bytes(payload), n, flags)


@needs_library
@pytest.mark.parametrize(("back", "n_addresses"), [([0, 2], 1), ([1, 1], 0), ([0, 0], 1), ([0, 1], 2), ([0, 65536], 1)])
def test_back_references_that_lead_nowhere(back: list[int], n_addresses: int) -> None:
    assert DECODER is not None
    payload = TraceBuilder().columns(
        (fmt.Column.KIND, [16, 16]),
        (fmt.Column.THREAD, [0, 0]),
        (fmt.Column.TIME, [1]),
        (fmt.Column.TIME_END, [2]),
        (fmt.Column.BACK, back),
        (fmt.Column.ADDRESS, [16] * n_addresses),
        (fmt.Column.SIZE, []),
        (fmt.Column.STACK, []),
    )
    for decoder in (DECODER.decode, decode_events):
        assert decode(decoder, payload, 2, 0) is None


@needs_library
def test_a_full_block() -> None:
    assert DECODER is not None
    n = fmt.MAX_EVENTS
    random = np.random.default_rng(1)
    kinds = random.choice([1, 16, 25], n).tolist()
    n_sized = n - kinds.count(16)
    payload = TraceBuilder(compress=True).columns(
        (fmt.Column.KIND, kinds),
        (fmt.Column.THREAD, random.integers(0, 3, n).tolist()),
        (fmt.Column.TIME, np.arange(n).tolist()),
        (fmt.Column.TIME_END, np.arange(1, n + 1).tolist()),
        (fmt.Column.BACK, [0] * n),
        (fmt.Column.ADDRESS, random.integers(0, 1 << 63, n).tolist()),
        (fmt.Column.SIZE, random.integers(0, 1 << 63, n_sized).tolist()),
        (fmt.Column.STACK, random.integers(0, 1 << 32, n_sized).tolist()),
    )
    assert decode(DECODER.decode, payload, n, 0) == decode(decode_events, payload, n, 0)


@st.composite
def node_payloads(draw: st.DrawFn) -> tuple[bytes, int]:
    """Payloads of n nodes, right or nearly so."""
    n = draw(st.integers(0, 12))
    ids = sorted(draw(st.sets(st.one_of(st.integers(3, 40), st.integers(3, (1 << 32) - 1)), min_size=n, max_size=n)))
    wide = st.integers(0, (1 << 64) - 1)
    back = [draw(st.integers(0, k)) for k in range(n)]
    columns: dict[int, tuple[list[int], int]] = {
        fmt.Column.NODE: (ids, 4),
        fmt.Column.PARENT: ([draw(st.integers(0, node - 1)) for node in ids], 4),
        fmt.Column.CODE: (draw(st.lists(wide, min_size=n, max_size=n)), draw(st.integers(0, 8))),
        fmt.Column.PC: (draw(st.lists(wide, min_size=back.count(0), max_size=back.count(0))), 8),
        fmt.Column.PC_BACK: (back, 2),
    }
    if n == 0 and draw(st.booleans()):
        del columns[fmt.Column.PC]
    described, stored = b"", b""
    for column, (values, width) in columns.items():
        free = column in {fmt.Column.CODE, fmt.Column.PC}
        encoding = draw(st.integers(0, 2)) if free else fmt.Encoding.PLAIN
        base = draw(wide) if free else 0
        head, planes = encode(
            values, column=column, encoding=encoding, width=width, base=base, compress=draw(st.booleans())
        )
        described, stored = described + head, stored + planes
    return pack(fmt.COLUMNS_HEAD, n_columns=len(columns), time_resolution_ns=1) + described + stored, n


def decode_stack_nodes(decoder: object, payload: bytes, n: int) -> list[list[int]] | None:
    """Returns the columns, or None: the block is refused."""
    try:
        return [column.tolist() for column in decoder(memoryview(payload), n)]  # type: ignore[operator]
    except TraceFormatError:
        return None


@needs_library
@settings(max_examples=150, deadline=None)
@given(node_payloads())
def test_decoding_of_nodes_equals_numpys(drawn: tuple[bytes, int]) -> None:
    assert DECODER is not None
    expected = decode_stack_nodes(decode_nodes, *drawn)
    assert expected is not None
    assert decode_stack_nodes(DECODER.decode_nodes, *drawn) == expected


@needs_library
@settings(max_examples=250, deadline=None)
@given(node_payloads(), st.data())
def test_damaged_nodes_are_refused_by_both_or_mean_the_same(drawn: tuple[bytes, int], data: st.DataObject) -> None:
    assert DECODER is not None
    payload, n = bytearray(drawn[0]), max(drawn[1] + data.draw(st.sampled_from([0, 0, 1, -1])), 0)
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(payload) - 1))
        payload[at] = data.draw(st.sampled_from([0, 1, 2, 7, 127, 128, 255]))
    payload = payload[: data.draw(st.sampled_from([len(payload), len(payload), len(payload) - 1, 9]))]
    expected = decode_stack_nodes(decode_nodes, bytes(payload), n)
    assert decode_stack_nodes(DECODER.decode_nodes, bytes(payload), n) == expected
