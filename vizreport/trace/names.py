"""The payload of NAMES blocks: docs/trace-format.md, section 6. Names kept between runs have the same form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from vizreport.errors import TraceFormatError
from vizreport.model.places import ModuleNames, Place, Places
from vizreport.trace import format as fmt


def encode_names(names: ModuleNames) -> Iterator[tuple[int, bytes]]:
    """Yields (number of addresses, payload) of the blocks that hold all of a module's names."""
    rows = iter(sorted(names.places.items()))
    while part := list(islice(rows, fmt.MAX_NAMES)):
        yield len(part), _encode_part(names, part)


def _encode_part(names: ModuleNames, part: Sequence[tuple[int, Places]]) -> bytes:
    texts: dict[str, int] = {"": 0}
    strings = bytearray(b"\0")

    def intern(text: str | None) -> int:
        if not text:
            return 0
        if text not in texts:
            texts[text] = len(strings)
            strings.extend(text.replace("\0", "").encode("utf-8", "backslashreplace") + b"\0")
        return texts[text]

    distinct: dict[Place, int] = {}
    refs = [distinct.setdefault(place, len(distinct)) for _, places in part for place in places]
    columns = np.array(
        [(intern(place.function), intern(place.file), place.line or 0) for place in distinct], dtype="<u4"
    ).reshape(len(distinct), 3)
    path = names.path.encode("utf-8", "surrogateescape")
    record = np.zeros((), fmt.NAMES_RECORD)
    record["build_id"] = np.void(names.build_id.ljust(fmt.BUILD_ID_BYTES, b"\0"))
    record["build_id_bytes"], record["path_bytes"] = len(names.build_id), len(path)
    record["n_refs"], record["n_places"], record["strings_bytes"] = len(refs), len(distinct), len(strings)
    ends = np.cumsum([len(places) for _, places in part], dtype="<u4")
    return b"".join(
        [
            record.tobytes(),
            path,
            np.array([address for address, _ in part], dtype="<u8").tobytes(),
            ends.astype("<u4").tobytes(),
            np.array(refs, dtype="<u4").tobytes(),
            columns.T.tobytes(),
            strings,
        ]
    )


def decode_names(payload: bytes | memoryview, count: int) -> ModuleNames:
    """Returns what a payload with this number of addresses tells.

    Raises:
        TraceFormatError: It contradicts itself.
    """
    size = fmt.NAMES_RECORD.itemsize
    if len(payload) < size:
        raise TraceFormatError("a block of names ends in its head")
    record = np.frombuffer(payload, fmt.NAMES_RECORD, 1)[0]
    n_refs, n_places, path_bytes = int(record["n_refs"]), int(record["n_places"]), int(record["path_bytes"])
    strings_bytes, build_id_bytes = int(record["strings_bytes"]), int(record["build_id_bytes"])
    at = size + path_bytes
    if (
        at + 12 * count + 4 * n_refs + 12 * n_places + strings_bytes > len(payload)
        or build_id_bytes > fmt.BUILD_ID_BYTES
    ):
        raise TraceFormatError("a block of names ends too early")
    path = bytes(payload[size:at]).decode("utf-8", "backslashreplace")
    addresses = np.frombuffer(payload, "<u8", count, at).tolist()
    ends = np.frombuffer(payload, "<u4", count, at + 8 * count)
    refs = np.frombuffer(payload, "<u4", n_refs, at + 12 * count)
    columns = np.frombuffer(payload, "<u4", 3 * n_places, at + 12 * count + 4 * n_refs).reshape(3, n_places)
    strings = bytes(payload[at + 12 * count + 4 * n_refs + 12 * n_places :][:strings_bytes])
    if (refs >= n_places).any() or (np.diff(ends, prepend=0).astype(np.int64) < 0).any() or (ends > n_refs).any():
        raise TraceFormatError("a block of names refers to what it does not hold")
    places = _decode_places(columns, strings)
    named = [places[ref] for ref in refs.tolist()]
    bounds = [0, *ends.tolist()]
    return ModuleNames(
        path,
        record["build_id"].tobytes()[:build_id_bytes],
        {address: tuple(named[bounds[k] : bounds[k + 1]]) for k, address in enumerate(addresses)},
    )


def _decode_places(columns: np.ndarray[tuple[int, int], np.dtype[np.uint32]], strings: bytes) -> list[Place]:
    texts: dict[int, str | None] = {0: None}
    for at in np.unique(columns[:2]).tolist():
        end = strings.find(b"\0", at)
        if end < 0:
            raise TraceFormatError("a block of names has a text without an end")
        texts[at] = strings[at:end].decode("utf-8", "backslashreplace") or None
    functions, files, lines = columns.tolist()
    return [
        Place(texts[function], texts[file], line or None)
        for function, file, line in zip(functions, files, lines, strict=True)
    ]
