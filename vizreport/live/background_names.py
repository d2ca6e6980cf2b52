"""Names for pages that can't wait: what is not known yet is a module and an offset until a thread has found it out.

Reading the debug information of a large program takes seconds. All symbolizers belong to that one thread.
"""

from __future__ import annotations

import queue
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vizreport.errors import VizzyError
from vizreport.model.frames import Frame
from vizreport.model.names import Names
from vizreport.model.stacks import Stacks
from vizreport.model.trace import Image
from vizreport.symbols.options import SymbolOptions
from vizreport.symbols.symbolizer import Symbolizer, find_unnamed_frames, name_rows
from vizreport.trace.reader import read_trace

Chain = tuple[Frame, ...]


class NameThread:
    """Does one thing after another, in a thread that holds nobody up at the end of the program."""

    def __init__(self) -> None:
        """Starts the thread."""
        self._tasks: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="names", daemon=True).start()

    def submit(self, task: Callable[[], None]) -> None:
        """Has something done when its turn comes."""
        self._tasks.put(task)

    def _run(self) -> None:
        while True:
            try:
                self._tasks.get()()
            except Exception:
                traceback.print_exc()


@dataclass(slots=True)
class _Known:
    """What is known of one image.

    Attributes:
        chains: Frames by pc and code; of those that were asked for, the unnamed ones until there is an answer.
        complete: All that the trace has to say of it was there when the last names were looked for.
    """

    chains: dict[tuple[int, int], Chain] = field(default_factory=dict)
    complete: bool = False


class BackgroundNames:
    """Names the stack nodes of one trace's images, as a Symbolizer does, and at once.

    Attributes:
        n_answers: How often it has; a page may change whenever it does.
        warnings: As of Symbolizer.
    """

    def __init__(self, path: str, options: SymbolOptions, thread: NameThread) -> None:
        """Reads nothing yet.

        Args:
            path: Of the trace.
            options: Where names are looked for.
            thread: That does it.
        """
        self.n_answers = 0
        self._n_asked = self._n_answered = 0  # the one is counted by who asks, the other by the thread
        self.warnings: tuple[str, ...] = ()
        self._path, self._options, self._thread = path, options, thread
        self._known: dict[int, _Known] = {}
        self._symbolizer: Symbolizer | None = None  # the thread's

    @property
    def n_waiting(self) -> int:
        """Addresses that the thread was asked for and has not answered yet."""
        return self._n_asked - self._n_answered

    def name_stacks(self, image: Image, stacks: Stacks, rows: NDArray[np.int64]) -> Names:
        """See Symbolizer.name_stacks."""
        return name_rows(stacks, rows, lambda pcs, codes: self._find_frames(image, pcs, codes))

    def _find_frames(self, image: Image, pcs: NDArray[np.uint64], codes: NDArray[np.uint64]) -> list[Chain]:
        known = self._known.setdefault(image.index, _Known())
        anew = image.end is not None and not known.complete
        chains = known.chains
        if anew:  # only now the trace has the maps of just-in-time compilers
            for key in [key for key, chain in list(chains.items()) if chain[0].module is None]:
                del chains[key]
            known.complete = True
        keys = list(zip(pcs.tolist(), codes.tolist(), strict=True))
        missing = [at for at, key in enumerate(keys) if key not in chains]
        if missing:
            unnamed = find_unnamed_frames(image, pcs[missing], codes[missing])
            chains.update(zip((keys[at] for at in missing), unnamed, strict=True))
            if self._options.use_symbols:
                self._request(image, pcs[missing], codes[missing], anew=anew)
        return [chains[key] for key in keys]

    def _request(self, image: Image, pcs: NDArray[np.uint64], codes: NDArray[np.uint64], *, anew: bool) -> None:
        """Has the thread find out names; anew: from the trace as it is then."""
        chains = self._known[image.index].chains
        self._n_asked += len(pcs)

        def find() -> None:
            try:
                if self._symbolizer is None or anew:
                    self._symbolizer = Symbolizer(read_trace(self._path), self._options)
                found = self._symbolizer.find_frames(image, pcs, codes)
                chains.update(zip(zip(pcs.tolist(), codes.tolist(), strict=True), found, strict=True))
                self.warnings = self._symbolizer.warnings
            except Exception as error:  # the trace may be gone by now; and what it holds must not end the thread
                self.warnings = (str(error) if isinstance(error, VizzyError) else f"{self._path}: no names: {error!r}",)
            finally:
                self._n_answered += len(pcs)
                self.n_answers += 1

        self._thread.submit(find)
