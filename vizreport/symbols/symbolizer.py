"""From the stack nodes that a report shows to frames with names.

Use one Symbolizer for all images of a trace: what it has found out about a file serves them all.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from vizreport.model.frames import Frame
from vizreport.model.names import Names
from vizreport.model.places import Place, Places
from vizreport.model.stacks import Stacks
from vizreport.model.trace import Image, Module
from vizreport.symbols.debuginfod import Debuginfod
from vizreport.symbols.module_map import find_modules
from vizreport.symbols.module_names import ModuleKey, ModuleNamer
from vizreport.symbols.options import SymbolOptions
from vizreport.trace.reader import Trace

_UNNAMED: Places = (Place(None),)


class Symbolizer:
    """Names the stack nodes of a trace's images. Reads a module's files when an address in it is asked for."""

    def __init__(self, trace: Trace, options: SymbolOptions | None = None) -> None:
        """Reads nothing yet."""
        self._options = options or SymbolOptions()
        self._command = trace.images[0].exe if trace.images else None
        self._recorded_ns = trace.session.start_wall_ns
        self._warnings: dict[str, None] = {}
        self._servers = Debuginfod(self._warn) if self._options.debuginfod else None
        self._namers: dict[ModuleKey, ModuleNamer] = {}

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
        rows = np.unique(rows)
        codes = stacks.generations[rows].astype(np.uint64) * np.uint64(2) + stacks.interrupted[rows]
        keys, of_row = np.unique(np.column_stack([stacks.pcs[rows], codes]), axis=0, return_inverse=True)
        frames = self._find_frames(image, keys[:, 0], keys[:, 1])
        table: dict[Frame, int] = {}
        ids = [[table.setdefault(frame, len(table)) for frame in chain] for chain in frames]
        counts = np.array([len(chain) for chain in ids], dtype=np.int64)[of_row.ravel()]
        flat = [frame for key in of_row.ravel().tolist() for frame in ids[key]]
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])
        return Names(rows, starts, np.array(flat, dtype=np.int64), tuple(table))

    def _find_frames(self, image: Image, pcs: NDArray[np.uint64], codes: NDArray[np.uint64]) -> list[tuple[Frame, ...]]:
        """Returns the frames of distinct (pc, code) pairs: codes are generation * 2 + interrupted."""
        # A return address may lie behind the function's last byte: the call before it is what counts.
        inside = pcs - (~codes & np.uint64(1))
        held_by = find_modules(image.modules, inside, (codes >> np.uint64(1)).astype(np.uint32))
        frames: list[tuple[Frame, ...]] = [(Frame(None, None, pc),) for pc in pcs.tolist()]
        for index in np.unique(held_by[held_by >= 0]).tolist():
            module = image.modules[index]
            of_module = np.flatnonzero(held_by == index)
            addresses = (inside[of_module] - np.uint64(module.bias)).tolist()
            places = self._find_places(module, addresses)
            for at, inside_address, pc in zip(of_module.tolist(), addresses, pcs[of_module].tolist(), strict=True):
                frames[at] = _make_frames(places.get(inside_address) or _UNNAMED, module, pc)
        return frames

    def _find_places(self, module: Module, addresses: Iterable[int]) -> dict[int, Places]:
        """Returns what the module's files say about ELF virtual addresses."""
        if not self._options.use_symbols:
            return {}
        key = ModuleKey(module.path, module.build_id, module.path == self._command, self._recorded_ns)
        if key not in self._namers:
            self._namers[key] = ModuleNamer(key, self._options, self._servers, self._warn)
        return self._namers[key].find_places(addresses)


def _make_frames(places: Places, module: Module, pc: int) -> tuple[Frame, ...]:
    """Returns the frames of one node: all but the last were inlined."""
    address = (pc - module.bias) % (1 << 64)
    last = len(places) - 1
    return tuple(
        Frame(place.function, module.path, address, place.file, place.line, inlined=at < last)
        for at, place in enumerate(places)
    )
