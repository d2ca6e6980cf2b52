"""From a pc of one image to a frame: which module held it then, and what that calls it."""

from __future__ import annotations

from collections.abc import Iterable

from vizreport.model.frames import Frame
from vizreport.model.stacks import Stacks
from vizreport.model.trace import Module
from vizreport.symbols.demangle import demangle
from vizreport.symbols.elf import FunctionTable, read_functions

Tables = dict[tuple[str, bytes], FunctionTable | None]


class Resolver:
    """Names the frames of one image's stacks. Reads a module's file when its first frame is asked for."""

    def __init__(self, stacks: Stacks, modules: Iterable[Module], tables: Tables) -> None:
        """Shares ``tables``, the files already read, with other images' resolvers."""
        self._stacks = stacks
        self._modules = sorted(modules, key=lambda module: module.generation, reverse=True)
        self._tables = tables
        self._frames: dict[int, Frame] = {}
        self._of_pc: dict[tuple[int, int, bool], Frame] = {}

    def resolve(self, row: int) -> Frame:
        """Returns the frame of a stack node."""
        frame = self._frames.get(row)
        if frame is None:
            stacks = self._stacks
            key = (int(stacks.pcs[row]), int(stacks.generations[row]), bool(stacks.interrupted[row]))
            frame = self._of_pc.get(key)
            if frame is None:
                frame = self._of_pc[key] = self._find_frame(*key)
            self._frames[row] = frame
        return frame

    def _find_frame(self, pc: int, generation: int, interrupted: bool) -> Frame:
        # A return address may lie behind the function's last byte: the call is what counts.
        inside = pc if interrupted else pc - 1
        module = self._find_module(inside, generation)
        if module is None:
            return Frame(None, None, pc)
        key = (module.path, module.build_id)
        if key not in self._tables:
            self._tables[key] = read_functions(*key)
        table = self._tables[key]
        name = table.find(inside - module.bias) if table else None
        return Frame(demangle(name) if name else None, module.path, pc - module.bias)

    def _find_module(self, address: int, generation: int) -> Module | None:
        """Returns the module that held the address in this generation, the latest loaded if several did."""
        for module in self._modules:
            if (
                module.start <= address < module.end
                and module.generation <= generation
                and (module.gone is None or generation < module.gone)
            ):
                return module
        return None
