"""format.h, kinds.def and trace/format.py say the same."""

import re
from pathlib import Path

import numpy as np
import pytest

from vizreport.trace import format as fmt

FOLDER = Path(__file__).resolve().parents[2] / "libtrace" / "format"
HEADER = re.sub(r"/\*.*?\*/", "", (FOLDER / "format.h").read_text(), flags=re.DOTALL)
STRUCTS = dict(re.findall(r"struct vz_(\w+) \{(.*?)\n\};", HEADER, flags=re.DOTALL))
ENUMS = dict(re.findall(r"enum vz_(\w+) \{(.*?)\n\};", HEADER, flags=re.DOTALL))
C_TYPES = {"uint8_t": "u1", "uint16_t": "<u2", "uint32_t": "<u4", "uint64_t": "<u8"}

RECORDS = {
    "file_header": fmt.FILE_HEADER,
    "block_header": fmt.BLOCK_HEADER,
    "index_entry": fmt.INDEX_ENTRY,
    "trailer": fmt.TRAILER,
    "session_record": fmt.SESSION_RECORD,
    "image_record": fmt.IMAGE_RECORD,
    "image_end_record": fmt.IMAGE_END_RECORD,
    "thread_record": fmt.THREAD_RECORD,
    "module_record": fmt.MODULE_RECORD,
    "unload_record": fmt.UNLOAD_RECORD,
    "sample_record": fmt.SAMPLE_RECORD,
    "note_record": fmt.NOTE_RECORD,
    "jit_map_record": fmt.JIT_MAP_RECORD,
    "drop_record": fmt.DROP_RECORD,
    "names_record": fmt.NAMES_RECORD,
    "end_record": fmt.END_RECORD,
    "pool_record": fmt.POOL_RECORD,
    "positions_record": fmt.POSITIONS_RECORD,
    "position": fmt.POSITION,
    "columns_head": fmt.COLUMNS_HEAD,
    "column": fmt.COLUMN,
}
ENUM_CLASSES = {
    "block_type": (fmt.BlockType, "VZ_BLOCK_"),
    "image_origin": (fmt.Origin, "VZ_IMAGE_"),
    "not_recorded": (fmt.NotRecorded, "VZ_NOT_"),
    "image_fate": (fmt.Fate, "VZ_FATE_"),
    "image_stop": (fmt.Stop, "VZ_STOPPED_"),
    "note_type": (fmt.NoteType, "VZ_NOTE_TYPE_"),
    "column_id": (fmt.Column, "VZ_COLUMN_"),
    "encoding": (fmt.Encoding, "VZ_ENCODING_"),
}
CONSTANTS = {
    "VZ_FILE_MAGIC": fmt.FILE_MAGIC,
    "VZ_BLOCK_SYNC": fmt.BLOCK_SYNC,
    "VZ_TRAILER_MAGIC": fmt.TRAILER_MAGIC,
    "VZ_FORMAT_MAJOR": fmt.FORMAT_MAJOR,
    "VZ_FORMAT_MINOR": fmt.FORMAT_MINOR,
    "VZ_ALIGNMENT": fmt.ALIGNMENT,
    "VZ_MAX_EVENTS": fmt.MAX_EVENTS,
    "VZ_NODE_COMPLETE": fmt.NODE_COMPLETE,
    "VZ_NODE_DEPTH_CUT": fmt.NODE_DEPTH_CUT,
    "VZ_NODE_UNWIND_GAP": fmt.NODE_UNWIND_GAP,
    "VZ_NODE_FIRST_ID": fmt.NODE_FIRST_ID,
    "VZ_CAPABILITY_ZSTD": fmt.Capability.ZSTD,
    "VZ_CAPABILITY_FREE_STACKS": fmt.Capability.FREE_STACKS,
    "VZ_CAPABILITY_POOL": fmt.Capability.POOL,
    "VZ_BLOCK_ZSTD": fmt.BlockFlag.ZSTD,
    "VZ_BLOCK_FREE_STACKS": fmt.BlockFlag.FREE_STACKS,
    "VZ_COLUMN_ZSTD": fmt.ColumnFlag.ZSTD,
}


def test_every_struct_is_transcribed() -> None:
    assert set(STRUCTS) == set(RECORDS)


@pytest.mark.parametrize("name", RECORDS)
def test_fields(name: str) -> None:
    fields: list[tuple[str, str]] = []
    for c_type, names in re.findall(r"(\w+_t|char) ([^;]+);", STRUCTS[name]):
        for field in names.split(", "):
            array = re.fullmatch(r"(\w+)\[(\d+)\]", field)
            if array:
                fields.append((array[1], ("S" if c_type == "char" else "V") + array[2]))
            else:
                fields.append((field, C_TYPES[c_type]))
    assert np.dtype(fields) == RECORDS[name]
    size = re.search(rf"sizeof\(struct vz_{name}\) == (\d+)", HEADER)
    assert size is not None
    assert int(size[1]) == RECORDS[name].itemsize


@pytest.mark.parametrize("name", ENUM_CLASSES)
def test_enums(name: str) -> None:
    enum, prefix = ENUM_CLASSES[name]
    members = re.findall(r"(VZ_\w+) = (\d+)", ENUMS[name])
    assert {key.removeprefix(prefix).removeprefix("VZ_"): int(value) for key, value in members} == {
        member.name: member.value for member in enum
    }


@pytest.mark.parametrize("name", CONSTANTS)
def test_constants(name: str) -> None:
    defined = re.search(rf"#define {name} (0x[0-9a-f]+|\d+)(?:u|ULL)?\b", HEADER)
    assert defined is not None
    assert int(defined[1], 0) == CONSTANTS[name]


def test_kinds() -> None:
    entries = re.findall(
        r'^VZ_KIND\((\w+), (\d+), (\w+), "([^"]+)"\)', (FOLDER / "kinds.def").read_text(), re.MULTILINE
    )
    assert {int(number): (name, fmt.KindClass[kind], text) for name, number, kind, text in entries} == fmt.KINDS


def test_every_block_type_and_column_is_documented() -> None:
    text = (FOLDER.parents[1] / "docs" / "trace-format.md").read_text()
    for enum in (fmt.BlockType, fmt.Column, fmt.Encoding):
        for member in enum:
            assert re.search(rf"\b{member.name}\b", text), member
    for name, dtype in RECORDS.items():
        for field in dtype.names or ():
            assert f"`{field}`" in text, f"{name}.{field}"
    for name, _, _ in fmt.KINDS.values():
        assert f"`{name}`" in text
