"""A trace without what tells who recorded it where: for pages that leave the house.

Gone are the host, the command with its arguments, directories and names of threads; what stays are names of functions,
of source files and of libraries, without which a page says nothing.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from vizreport.model.frames import Frame
from vizreport.model.names import Names
from vizreport.model.stacks import Stacks
from vizreport.model.trace import Image, Module, Note
from vizreport.reports.page_words import say_count
from vizreport.symbols.options import SymbolOptions
from vizreport.symbols.symbolizer import Symbolizer
from vizreport.trace.reader import Trace

_PROGRAM = "program"


def anonymize_trace(trace: Trace) -> Trace:
    """Returns the trace as others may see it. Names of its frames must come from an AnonymousSymbolizer."""
    return replace(
        trace,
        path=_PROGRAM,
        session=replace(trace.session, host="", system="", args=(_PROGRAM,)),
        images=tuple(_anonymize_image(image) for image in trace.images),
        notes=tuple(map(_anonymize_note, trace.notes)),
    )


def _anonymize_image(image: Image) -> Image:
    return replace(
        image,
        exe="",
        cwd="",
        args=(f"{_PROGRAM} {image.index + 1}",),
        threads=tuple(replace(thread, name="") for thread in image.threads),
        modules=tuple(_anonymize_module(module, image.exe) for module in image.modules),
        notes=tuple(map(_anonymize_note, image.notes)),
    )


def _anonymize_module(module: Module, exe: str) -> Module:
    return replace(module, path=_hide_directory(module.path, exe))


def _anonymize_note(note: Note) -> Note:
    return replace(note, text="(text removed)")


def _hide_directory(path: str, exe: str) -> str:
    return _PROGRAM if path == exe else PurePath(path).name


class AnonymousSymbolizer(Symbolizer):
    """Names frames by the trace as it was, and leaves out where their files lay."""

    def __init__(self, trace: Trace, options: SymbolOptions) -> None:
        """Takes the trace as it was. What is asked for afterwards are images of the anonymous one."""
        super().__init__(trace, options)
        self._originals = {image.index: image for image in trace.images}

    @property
    def warnings(self) -> tuple[str, ...]:
        """That there are some: their texts have paths."""
        n = len(super().warnings)
        return (f"{say_count(n, 'warning')} (text removed)",) if n else ()

    def name_stacks(self, image: Image, stacks: Stacks, rows: NDArray[np.int64]) -> Names:
        """Returns what Symbolizer.name_stacks does, without directories."""
        original = self._originals[image.index]
        names = super().name_stacks(original, stacks, rows)
        return replace(names, table=tuple(_anonymize_frame(frame, original.exe) for frame in names.table))


def _anonymize_frame(frame: Frame, exe: str) -> Frame:
    return replace(
        frame,
        module=_hide_directory(frame.module, exe) if frame.module else frame.module,
        file=PurePath(frame.file).name if frame.file else frame.file,
    )
