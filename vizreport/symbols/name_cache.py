"""Names of one build of a module, kept between runs.

What debug information told is true for ever: a build-id names one build. What only a symbol table told holds as long as
no file has appeared, or changed, where debug information may lie.
"""

from __future__ import annotations

import contextlib
import hashlib
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vizreport.model.places import ModuleNames, Places
from vizreport.symbols.cache_dir import find_cache_dir, mark_used, remove_oldest, write_whole
from vizreport.trace.names import decode_names, encode_names

READER_REVISION = 2
"""Raise it when the same files may give other names than before: what older versions kept is not used then."""

_MAX_BYTES = 256 << 20
_MAGIC = b"vizzyNAM"
_HEADER = struct.Struct("<8sI32s?II")  # magic, revision, state of the files, is_final, bytes of the link, blocks
_CRC = struct.Struct("<I")  # of the header and the rest
_BLOCK = struct.Struct("<II")  # addresses, bytes


@dataclass(frozen=True, slots=True)
class CachedNames:
    """What was found out about a build.

    Attributes:
        places: By ELF virtual address; empty where nothing is known.
        is_final: Debug information told it.
        state: What fingerprint() said about the places where debug information may lie.
        debug_link: Name of the debug file, as the module's file has it; or None.
    """

    places: dict[int, Places]
    is_final: bool
    state: bytes
    debug_link: str | None


def fingerprint(paths: Iterable[Path]) -> bytes:
    """Returns 32 bytes that change when one of these files appears, vanishes or is written."""
    digest = hashlib.sha256()
    for path in paths:
        with contextlib.suppress(OSError, ValueError):  # a trace names what it likes
            status = path.stat()
            digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0".encode("utf-8", "surrogateescape"))
    return digest.digest()


def _path(build_id: bytes) -> Path:
    return find_cache_dir() / "names" / build_id.hex()


def load_names(build_id: bytes) -> CachedNames | None:
    """Returns what is kept of a build; None: nothing, or nothing that this version can use."""
    path = _path(build_id)
    try:
        content = path.read_bytes()
        magic, revision, state, is_final, link_bytes, n_blocks = _HEADER.unpack_from(content)
        (crc,) = _CRC.unpack_from(content, _HEADER.size)
        rest = zlib.decompress(content[_HEADER.size + _CRC.size :])
    except (OSError, struct.error, zlib.error):
        return None
    if (magic, revision) != (_MAGIC, READER_REVISION) or crc != _sum(content[: _HEADER.size], rest):
        return None
    mark_used(path)
    places: dict[int, Places] = {}
    at = link_bytes
    for _ in range(n_blocks):
        count, size = _BLOCK.unpack_from(rest, at)
        at += _BLOCK.size
        places.update(decode_names(rest[at : at + size], count).places)
        at += size
    return CachedNames(places, is_final, state, rest[:link_bytes].decode("utf-8", "surrogateescape") or None)


def save_names(build_id: bytes, names: CachedNames) -> None:
    """Keeps what is known of a build. A cache that can't be written is none: that is no error."""
    link = (names.debug_link or "").encode("utf-8", "surrogateescape")
    blocks = list(encode_names(ModuleNames("", build_id, names.places)))
    rest = link + b"".join(_BLOCK.pack(count, len(payload)) + payload for count, payload in blocks)
    header = _HEADER.pack(_MAGIC, READER_REVISION, names.state, names.is_final, len(link), len(blocks))
    path = _path(build_id)
    with contextlib.suppress(OSError):
        write_whole(path, header + _CRC.pack(_sum(header, rest)) + zlib.compress(rest, 1))
        remove_oldest(path.parent, _MAX_BYTES)


def _sum(header: bytes, rest: bytes) -> int:
    return zlib.crc32(rest, zlib.crc32(header))
