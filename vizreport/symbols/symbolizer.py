"""From the stack nodes that a report shows to frames with names.

Use one Symbolizer for all images of a trace: what it has found out about a file serves them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vizreport.model.distinct import sort_distinct
from vizreport.model.frames import Frame
from vizreport.model.names import Names
from vizreport.model.places import ModuleNames, Place, Places
from vizreport.model.stacks import Stacks
from vizreport.model.trace import Image, Module
from vizreport.symbols.debuginfod import Debuginfod
from vizreport.symbols.jit_map import JitMap
from vizreport.symbols.module_map import find_modules
from vizreport.symbols.module_names import ModuleKey, ModuleNamer
from vizreport.symbols.options import SymbolOptions
from vizreport.trace.reader import Trace

JIT_MODULE = "[jit]"
"""What stands for the module of code that a just-in-time compiler made."""

_UNNAMED: Places = (Place(None),)


class StackNamer(Protocol):
    """Names stack nodes."""

    def name_stacks(self, image: Image, stacks: Stacks, rows: NDArray[np.int64]) -> Names:
        """See Symbolizer.name_stacks."""


class Symbolizer:
    """Names the stack nodes of a trace's images. Reads a module's files when an address in it is asked for."""

    def __init__(self, trace: Trace, options: SymbolOptions | None = None, *, use_stored: bool = True) -> None:
        """Reads no files yet.

        Args:
            trace: Whose images.
            options: Where to look for names.
            use_stored: Take names that are in the trace from there.
        """
        self._trace = trace
        self._options = options or SymbolOptions()
        self._command = trace.images[0].exe if trace.images else None
        self._exe_build_id = _read_build_id(Path(self._options.exe)) if self._options.exe is not None else b""
        self._warnings: dict[str, None] = {}
        self._servers = Debuginfod(self._warn) if self._options.debuginfod else None
        self._namers: dict[ModuleKey, ModuleNamer] = {}
        self._stored: dict[tuple[str, bytes], dict[int, Places]] = {}
        self._jit_maps: dict[int, JitMap] = {}
        for names in trace.read_names() if use_stored else ():
            self._stored.setdefault((names.path, names.build_id), {}).update(names.places)

    def _warn(self, text: str) -> None:
        self._warnings[text] = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the report should know about names found so far, each said once."""
        return tuple(self._warnings)

    def name_stacks(self, image: Image, stacks: Stacks, rows: NDArray[np.int64]) -> Names:
        """Returns the frames of the nodes in these rows of the image's stacks.

        Args:
            image: One of the trace's.
            stacks: Its stacks.
            rows: int64[n], any order, repetitions allowed.
        """
        return name_rows(stacks, rows, lambda pcs, codes: self.find_frames(image, pcs, codes))

    def collect_names(self, image: Image, stacks: Stacks) -> Iterator[ModuleNames]:
        """Yields what is known about each module that holds nodes of an image: about all of these."""
        codes = _make_codes(stacks, np.arange(len(stacks.ids)))
        for module, held, inside in _group_by_module(image, stacks.pcs, codes):
            addresses = set((inside[held] - np.uint64(module.bias)).tolist())
            places = self._find_places(module, addresses)
            yield ModuleNames(module.path, module.build_id, {address: places.get(address, ()) for address in addresses})

    def find_frames(self, image: Image, pcs: NDArray[np.uint64], codes: NDArray[np.uint64]) -> list[tuple[Frame, ...]]:
        """Returns the frames of distinct (pc, code) pairs: codes are generation * 2 + interrupted."""
        frames: list[tuple[Frame, ...] | None] = [None] * len(pcs)
        for module, held, inside in _group_by_module(image, pcs, codes):
            addresses = (inside[held] - np.uint64(module.bias)).tolist()
            places = self._find_places(module, addresses)
            for at, address, pc in zip(held.tolist(), addresses, pcs[held].tolist(), strict=True):
                frames[at] = _make_frames(places.get(address) or _UNNAMED, module, pc)
        return [
            chain if chain is not None else (self._find_jit_frame(image, pc, code),)
            for chain, pc, code in zip(frames, pcs.tolist(), codes.tolist(), strict=True)
        ]

    def _find_places(self, module: Module, addresses: Iterable[int]) -> dict[int, Places]:
        """Returns what is known about ELF virtual addresses of a module: at least what was found of these."""
        if not self._options.use_symbols:
            return {}
        stored = self._stored.get((module.path, module.build_id), {})
        missing = [address for address in addresses if address not in stored]
        if not missing:
            return stored
        key = ModuleKey(module.path, module.build_id, self._is_exe(module), self._trace.session.start_wall_ns)
        if key not in self._namers:
            self._namers[key] = ModuleNamer(key, self._options, self._servers, self._warn)
        return {**self._namers[key].find_places(missing), **stored}

    def _is_exe(self, module: Module) -> bool:
        """Tells whether a module is the one whose file --exe names: by its build-id, else COMMAND's executable."""
        wanted = self._exe_build_id
        if wanted and module.build_id == wanted:
            return True
        recorded = (other.build_id for image in self._trace.images for other in image.modules)
        return module.path == self._command and not (wanted and wanted in recorded)

    def _find_jit_frame(self, image: Image, pc: int, code: int) -> Frame:
        """Returns the frame of a pc that no module holds."""
        place = self._read_jit_map(image.index).find(pc - (~code & 1)) if self._options.use_symbols else None
        if place is None:
            return Frame(None, None, pc)
        return Frame(place.function, JIT_MODULE, pc, place.file, place.line)

    def _read_jit_map(self, image: int) -> JitMap:
        if image not in self._jit_maps:
            self._jit_maps[image] = JitMap(self._trace.read_jit_map(image))
        return self._jit_maps[image]


def _read_build_id(path: Path) -> bytes:
    """Returns the build-id of a file, or nothing."""
    from vizreport.symbols.elf_file import ElfFile, ElfFileError

    try:
        return ElfFile(path).build_id
    except ElfFileError:
        return b""


def name_rows(
    stacks: Stacks,
    rows: NDArray[np.int64],
    find_frames: Callable[[NDArray[np.uint64], NDArray[np.uint64]], list[tuple[Frame, ...]]],
) -> Names:
    """Returns the frames of the nodes in these rows: any order, repetitions allowed. Each address is looked for once.

    Args:
        stacks: Of an image.
        rows: int64[n].
        find_frames: Gives the frames of distinct (pc, code) pairs.
    """
    rows = sort_distinct(rows)
    codes = _make_codes(stacks, rows)
    firsts, of_row = _find_distinct(stacks.pcs[rows], codes)
    frames = find_frames(stacks.pcs[rows][firsts], codes[firsts])
    table: dict[Frame, int] = {}
    ids = [[table.setdefault(frame, len(table)) for frame in chain] for chain in frames]
    counts = np.array([len(chain) for chain in ids], dtype=np.int64)[of_row]
    flat = [frame for key in of_row.tolist() for frame in ids[key]]
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])
    return Names(rows, starts, np.array(flat, dtype=np.int64), tuple(table))


def find_unnamed_frames(image: Image, pcs: NDArray[np.uint64], codes: NDArray[np.uint64]) -> list[tuple[Frame, ...]]:
    """Returns what Symbolizer.find_frames does for addresses without names, from the trace alone."""
    frames: list[tuple[Frame, ...]] = [(Frame(None, None, pc),) for pc in pcs.tolist()]
    for module, held, _ in _group_by_module(image, pcs, codes):
        for at, pc in zip(held.tolist(), pcs[held].tolist(), strict=True):
            frames[at] = _make_frames(_UNNAMED, module, pc)
    return frames


def _make_codes(stacks: Stacks, rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Returns generation * 2 + interrupted of each row: uint64[n]."""
    codes: NDArray[np.uint64] = stacks.generations[rows].astype(np.uint64) * np.uint64(2) + stacks.interrupted[rows]
    return codes


def _find_distinct(pcs: NDArray[np.uint64], codes: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns one index of each distinct pair, and for each index which of the pairs it has: both int64."""
    order = np.lexsort((codes, pcs))
    is_first = np.ones(len(order), dtype=np.bool_)
    is_first[1:] = (np.diff(pcs[order]) != 0) | (np.diff(codes[order]) != 0)
    of_row = np.empty(len(order), dtype=np.int64)
    of_row[order] = np.cumsum(is_first) - 1
    return order[is_first], of_row


def _group_by_module(
    image: Image, pcs: NDArray[np.uint64], codes: NDArray[np.uint64]
) -> Iterator[tuple[Module, NDArray[np.int64], NDArray[np.uint64]]]:
    """Yields each module that holds some pcs, with their indexes, and the addresses to look up for all pcs."""
    # A return address may lie behind the function's last byte: the call before it is what counts.
    inside = pcs - (~codes & np.uint64(1))
    held_by = find_modules(image.modules, inside, (codes >> np.uint64(1)).astype(np.uint32))
    for index in sort_distinct(held_by[held_by >= 0]).tolist():
        yield image.modules[index], np.flatnonzero(held_by == index), inside


def _make_frames(places: Places, module: Module, pc: int) -> tuple[Frame, ...]:
    """Returns the frames of one node: all but the last were inlined."""
    address = (pc - module.bias) % (1 << 64)
    last = len(places) - 1
    return tuple(
        Frame(place.function, module.path, address, place.file, place.line, inlined=at < last)
        for at, place in enumerate(places)
    )
