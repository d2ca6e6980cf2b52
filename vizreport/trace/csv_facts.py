"""NAME.stacks.csv: processes, modules and call stacks of a recording as CSV. Source: docs/trace-format.md."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from vizreport.errors import TraceFormatError
from vizreport.model.stacks import Stacks
from vizreport.model.trace import NO_DROPS, Drops, Image, ImageEnd, Module, Note, Samples
from vizreport.trace import format as fmt
from vizreport.trace.csv_table import ADDRESS, DECIMAL, NAME, Table, fold_name, split_table

HEADER = b"record,image,id,parent,address,end,bias,generation,build_id,name,time_ns,detail\n"
NODE_ID_BITS = 24

_COLUMNS = HEADER.decode().strip().split(",")
_COLUMN = {name: number for number, name in enumerate(_COLUMNS)}
_ID_MASK = np.uint64((1 << NODE_ID_BITS) - 1)


@dataclass(frozen=True, slots=True)
class Nodes:
    """The call-stack nodes of all images, as the columns of the file.

    Attributes:
        ids: uint64[n], of the whole file: image * 2^24 + node.
        parents: uint64[n], likewise.
        pcs: uint64[n].
        generations: uint32[n].
        interrupted: bool[n].
    """

    ids: NDArray[np.uint64]
    parents: NDArray[np.uint64]
    pcs: NDArray[np.uint64]
    generations: NDArray[np.uint32]
    interrupted: NDArray[np.bool_]

    def select(self, image: int) -> Stacks:
        """Returns one image's."""
        of_image = np.flatnonzero(self.ids >> np.uint64(NODE_ID_BITS) == image)
        ids, order = np.unique(self.ids[of_image], return_index=True)
        rows = of_image[order]
        return Stacks(
            ids=(ids & _ID_MASK).astype(np.uint32),
            parents=(self.parents[rows] & _ID_MASK).astype(np.uint32),
            pcs=self.pcs[rows],
            generations=self.generations[rows],
            interrupted=self.interrupted[rows],
        )


_NO_NUMBERS = np.zeros(0, dtype=np.uint64)
NO_NODES = Nodes(_NO_NUMBERS, _NO_NUMBERS, _NO_NUMBERS, np.zeros(0, np.uint32), np.zeros(0, np.bool_))


@dataclass(frozen=True, slots=True)
class Facts:
    """What the file tells.

    Attributes:
        images: By their index, without threads and counts of events.
        n_events: Events that were written, or None: the recording did not end in order.
    """

    images: dict[int, Image]
    notes: tuple[Note, ...]
    nodes: Nodes
    n_events: int | None
    images_missed: int


def make_image(index: int, pid: int) -> Image:
    """Returns an image of which nothing but the pid is known."""
    return Image(
        index=index,
        pid=pid,
        ppid=0,
        exec_number=0,
        origin=fmt.Origin.START,
        parent=None,
        not_recorded=fmt.NotRecorded.RECORDED,
        start_time_ns=0,
        exe="",
        cwd="",
        args=(),
        known=True,
        end=None,
        threads=(),
        modules=(),
        samples=Samples(_NO_NUMBERS, _NO_NUMBERS, _NO_NUMBERS),
        drops=NO_DROPS,
        notes=(),
        n_events=0,
        n_events_lost=0,
        n_damaged=0,
    )


def read_facts(data: memoryview) -> Facts:
    """Reads the file.

    Raises:
        TraceFormatError: It has other columns, or a line of it is wrong.
    """
    start = bytes(data[: len(HEADER)])
    if start != HEADER[: len(start)]:
        raise TraceFormatError(f"its columns are not {HEADER.decode().strip()}")
    whole_lines = bytes(data[len(start) :])
    table = split_table(whole_lines[: whole_lines.rfind(b"\n") + 1], len(_COLUMNS), first_line=2)
    records = table.read_numbers(_COLUMN["record"], NAME)
    interrupted = records == fold_name("interrupted")
    is_node = interrupted | (records == fold_name("node"))
    nodes = _read_nodes(table.take_rows(is_node), interrupted[is_node])
    collector = _Collector()
    for row in np.flatnonzero(~is_node).tolist():
        fields = {name: table.read_text(row, column) for name, column in _COLUMN.items()}
        try:
            collector.take(fields)
        except (ValueError, KeyError) as error:
            raise TraceFormatError(f"line {table.first_line + row} can't be understood: {error}") from error
    return collector.build(nodes)


def _read_nodes(table: Table, interrupted: NDArray[np.bool_]) -> Nodes:
    ids, parents = (table.read_numbers(_COLUMN[name], DECIMAL) for name in ("id", "parent"))
    if ((ids & _ID_MASK < fmt.NODE_FIRST_ID) | (parents >= ids)).any():
        raise TraceFormatError("a stack node does not come after its parent")
    pcs = table.read_numbers(_COLUMN["address"], ADDRESS)
    generations = table.read_numbers(_COLUMN["generation"], DECIMAL).astype(np.uint32)
    return Nodes(ids, parents, pcs, generations, interrupted)


_Enum = TypeVar("_Enum", bound=IntEnum)


def _by_name(enum: type[_Enum], name: str, otherwise: _Enum) -> _Enum:
    return enum.__members__.get(name.upper(), otherwise)


class _Collector:
    """Takes the lines that are no nodes, in their order: an image's description comes before all else of it."""

    def __init__(self) -> None:
        self._images: dict[int, Image] = {}
        self._notes: list[Note] = []
        self._counts: defaultdict[tuple[int, str], int] = defaultdict(int)
        self._n_events: int | None = None
        self._images_missed = 0

    def take(self, fields: dict[str, str]) -> None:
        """Takes one line.

        Raises:
            ValueError, KeyError: A field is no number, or the image was not described.
        """
        record, number = fields["record"], int(fields["id"] or 0)
        if record == "end":
            self._n_events = number
        elif record == "missed":
            self._images_missed = number
        elif record == "note" and not fields["image"]:
            self._notes.append(_read_note(fields))
        elif record in ("dropped", "reordered", "holes", "stopped"):
            self._counts[int(fields["image"]), record] = number
        elif record == "image":
            self._take_image(int(fields["image"]), fields)
        elif record in _CHANGES:
            index = int(fields["image"])
            self._images[index] = _CHANGES[record](self._images[index], fields)
        elif record == "image_end":
            index = int(fields["image"])
            self._images[index] = replace(self._images[index], end=self._read_end(index, fields))

    def _take_image(self, index: int, fields: dict[str, str]) -> None:
        origin = _by_name(fmt.Origin, fields["detail"], fmt.Origin.START)
        parent = int(fields["parent"]) if fields["parent"] else None
        before = self._images.get(parent) if parent is not None and origin == fmt.Origin.EXEC else None
        self._images[index] = replace(
            make_image(index, int(fields["id"])),
            exec_number=before.exec_number + 1 if before else 0,
            origin=origin,
            parent=parent,
            start_time_ns=int(fields["time_ns"]),
            args=tuple(fields["name"].removesuffix(" ").split(" ")) if fields["name"] else (),
        )

    def _read_end(self, index: int, fields: dict[str, str]) -> ImageEnd:
        return ImageEnd(
            time_ns=int(fields["time_ns"]),
            fate=_by_name(fmt.Fate, fields["detail"], fmt.Fate.UNKNOWN),
            fate_value=int(fields["id"]),
            events=0,
            dropped=self._counts[index, "dropped"],
            reordered=self._counts[index, "reordered"],
            holes=self._counts[index, "holes"],
            stopped=fmt.Stop(self._counts[index, "stopped"]),
        )

    def build(self, nodes: Nodes) -> Facts:
        """Returns what was taken."""
        return Facts(self._images, tuple(self._notes), nodes, self._n_events, self._images_missed)


def _read_note(fields: dict[str, str]) -> Note:
    return Note(int(fields["id"]), int(fields["parent"] or 0), fields["name"], int(fields["time_ns"]))


def _add_note(image: Image, fields: dict[str, str]) -> Image:
    return replace(image, notes=(*image.notes, _read_note(fields)))


def _add_module(image: Image, fields: dict[str, str]) -> Image:
    module = Module(
        module_id=int(fields["id"]),
        path=fields["name"],
        build_id=bytes.fromhex(fields["build_id"]),
        start=int(fields["address"], 16),
        end=int(fields["end"], 16),
        bias=int(fields["bias"], 16),
        generation=int(fields["generation"]),
        gone=None,
        time_ns=int(fields["time_ns"]),
    )
    return replace(image, modules=(*image.modules, module))


def _unload_module(image: Image, fields: dict[str, str]) -> Image:
    number, generation = int(fields["id"]), int(fields["generation"])
    modules = (replace(each, gone=generation) if each.module_id == number else each for each in image.modules)
    return replace(image, modules=tuple(modules))


def _set_exe(image: Image, fields: dict[str, str]) -> Image:
    return replace(image, exe=fields["name"], ppid=int(fields["id"]))


def _set_not_recorded(image: Image, fields: dict[str, str]) -> Image:
    return replace(image, not_recorded=fmt.NotRecorded(int(fields["id"])))


def _add_drops(image: Image, fields: dict[str, str]) -> Image:
    values = (int(fields["time_ns"]), int(fields["detail"]), int(fields["id"]))
    columns = (image.drops.starts, image.drops.ends, image.drops.events)
    return replace(
        image,
        drops=Drops(*(np.append(column, np.uint64(value)) for column, value in zip(columns, values, strict=True))),
    )


_CHANGES: dict[str, Callable[[Image, dict[str, str]], Image]] = {
    "exe": _set_exe,
    "unrecorded": _set_not_recorded,
    "module": _add_module,
    "unload": _unload_module,
    "drops": _add_drops,
    "note": _add_note,
}
