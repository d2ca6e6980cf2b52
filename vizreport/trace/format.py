"""The trace file's on-disk records: a transcription of docs/trace-format.md, which is normative.

It must say the same as libtrace/format/format.h and kinds.def; a test compares them field by field. Every dtype is
little-endian and packed as the C structs lie in the file.
"""

from enum import IntEnum, IntFlag

import numpy as np

FILE_MAGIC = 0x0A0D5A59585A5695
BLOCK_SYNC = 0xD7F1B10C5A5647E9
TRAILER_MAGIC = 0x0A0D5A5945565695

FORMAT_MAJOR = 1
FORMAT_MINOR = 2

ALIGNMENT = 8
MAX_EVENTS = 65536
MAX_NAMES = 65536
BUILD_ID_BYTES = 32
MAX_PAYLOAD = 1 << 28
NO_IMAGE = 0xFFFFFFFF
NO_VALUE = 0xFFFFFFFFFFFFFFFF

NODE_COMPLETE = 0
NODE_DEPTH_CUT = 1
NODE_UNWIND_GAP = 2
NODE_FIRST_ID = 3


class Capability(IntFlag):
    """Bits of the file header's ``capabilities``."""

    ZSTD = 1
    FREE_STACKS = 2
    POOL = 4


class BlockFlag(IntFlag):
    """Bits of a block header's ``flags``."""

    ZSTD = 1
    FREE_STACKS = 2


class ColumnFlag(IntFlag):
    """Bits of a column's ``flags``."""

    ZSTD = 1


class BlockType(IntEnum):
    """What a block holds. Others are skipped."""

    SESSION = 1
    IMAGE = 2
    IMAGE_END = 3
    THREADS = 4
    MODULES = 5
    UNLOADS = 6
    NODES = 7
    EVENTS = 8
    SAMPLES = 9
    NOTES = 10
    END = 11
    INDEX = 12
    NAMES = 13
    JIT_MAP = 14
    DROPS = 15
    POOL = 16
    POSITIONS = 17


class Origin(IntEnum):
    """How a process image came to be."""

    START = 1
    FORK = 2
    EXEC = 3
    SPAWN = 4


class NotRecorded(IntEnum):
    """Why an image has no events."""

    RECORDED = 0
    STATIC = 1
    SETUID = 2
    WRONG_CLASS = 3
    OTHER_LIBC = 4
    SANITIZER = 5
    UNREACHABLE = 6
    EXECUTABLE = 7
    NO_REGION = 8
    CHILD = 9


class Fate(IntEnum):
    """How an image ended."""

    UNKNOWN = 0
    EXIT = 1
    SIGNAL = 2
    EXEC = 3
    RUNNING = 4


class Stop(IntEnum):
    """Why an image stopped recording before its end."""

    NOT = 0
    FULL = 1
    REFUSED = 2
    COLLECTOR = 3
    TRACE = 4


class NoteType(IntEnum):
    """What a note is about."""

    STATIC_ALLOCATOR = 1
    NOT_FOLLOWED = 2
    CLOCK = 3
    WARNING = 4


class Column(IntEnum):
    """Columns of EVENTS and NODES."""

    KIND = 1
    THREAD = 2
    TIME = 3
    ADDRESS = 4
    SIZE = 5
    STACK = 6
    BACK = 7
    TIME_END = 8
    NODE = 16
    PARENT = 17
    PC = 18
    CODE = 19
    PC_BACK = 20


class Encoding(IntEnum):
    """What a column's stored integers are."""

    PLAIN = 0
    DELTA = 1
    ZIGZAG = 2


class KindClass(IntEnum):
    """What an event does. NONE: no kind has this number."""

    NONE = 0
    ALLOC = 1
    FREE = 2
    RELEASE = 3
    MOVE = 4
    UNDO = 5
    DONE = 6
    MAP = 7
    UNMAP = 8


KINDS: dict[int, tuple[str, KindClass, str]] = {
    1: ("MALLOC", KindClass.ALLOC, "malloc"),
    2: ("CALLOC", KindClass.ALLOC, "calloc"),
    3: ("REALLOC_NEW", KindClass.ALLOC, "realloc_new"),
    4: ("MEMALIGN", KindClass.ALLOC, "memalign"),
    5: ("ALIGNED_ALLOC", KindClass.ALLOC, "aligned_alloc"),
    6: ("POSIX_MEMALIGN", KindClass.ALLOC, "posix_memalign"),
    7: ("VALLOC", KindClass.ALLOC, "valloc"),
    8: ("PVALLOC", KindClass.ALLOC, "pvalloc"),
    9: ("NEW", KindClass.ALLOC, "operator new"),
    16: ("FREE", KindClass.FREE, "free"),
    17: ("DELETE", KindClass.FREE, "operator delete"),
    24: ("REALLOC_RELEASE", KindClass.RELEASE, "realloc_release"),
    25: ("REALLOC_MOVE", KindClass.MOVE, "realloc"),
    26: ("REALLOC_UNDO", KindClass.UNDO, "realloc_failed"),
    27: ("REALLOC_DONE", KindClass.DONE, "realloc_free"),
    32: ("MMAP", KindClass.MAP, "mmap"),
    33: ("MREMAP_TO", KindClass.MAP, "mremap"),
    40: ("MUNMAP", KindClass.UNMAP, "munmap"),
    41: ("MREMAP_FROM", KindClass.UNMAP, "mremap_from"),
}
"""Number to (name, class, function as reports print it)."""

CLASS_OF_KIND = np.zeros(256, dtype=np.uint8)
for _number, (_, _class, _) in KINDS.items():
    CLASS_OF_KIND[_number] = _class
CLASS_OF_KIND.flags.writeable = False

SIZED_CLASSES = (KindClass.ALLOC, KindClass.MOVE, KindClass.MAP, KindClass.UNMAP)
STACKED_CLASSES = (KindClass.ALLOC, KindClass.MOVE, KindClass.MAP)
FREE_STACKED_CLASSES = (KindClass.FREE, KindClass.RELEASE)

FILE_HEADER = np.dtype(
    [
        ("magic", "<u8"),
        ("major", "<u2"),
        ("minor", "<u2"),
        ("header_bytes", "<u4"),
        ("capabilities", "<u8"),
        ("start_wall_ns", "<u8"),
        ("time_resolution_ns", "<u4"),
        ("header_crc", "<u4"),
    ]
)
BLOCK_HEADER = np.dtype(
    [
        ("sync", "<u8"),
        ("type", "<u2"),
        ("flags", "<u2"),
        ("image", "<u4"),
        ("sequence", "<u4"),
        ("count", "<u4"),
        ("stored_bytes", "<u4"),
        ("raw_bytes", "<u4"),
        ("first_time", "<u8"),
        ("last_time", "<u8"),
        ("payload_crc", "<u4"),
        ("header_crc", "<u4"),
    ]
)
INDEX_ENTRY = np.dtype(
    [
        ("offset", "<u8"),
        ("type", "<u2"),
        ("flags", "<u2"),
        ("image", "<u4"),
        ("count", "<u4"),
        ("stored_bytes", "<u4"),
        ("first_time", "<u8"),
        ("last_time", "<u8"),
    ]
)
TRAILER = np.dtype([("index_offset", "<u8"), ("magic", "<u8"), ("reserved", "<u4"), ("crc", "<u4")])
SESSION_RECORD = np.dtype(
    [
        ("start_monotonic_ns", "<u8"),
        ("max_depth", "<u4"),
        ("host_bytes", "<u4"),
        ("version_bytes", "<u4"),
        ("system_bytes", "<u4"),
        ("args_bytes", "<u4"),
        ("reserved", "<u4"),
    ]
)
IMAGE_RECORD = np.dtype(
    [
        ("pid", "<u4"),
        ("ppid", "<u4"),
        ("exec_number", "<u4"),
        ("origin", "<u4"),
        ("parent_image", "<u4"),
        ("not_recorded", "<u4"),
        ("start_time", "<u8"),
        ("exe_bytes", "<u4"),
        ("cwd_bytes", "<u4"),
        ("args_bytes", "<u4"),
        ("n_args", "<u4"),
    ]
)
IMAGE_END_RECORD = np.dtype(
    [
        ("time", "<u8"),
        ("fate", "<u4"),
        ("fate_value", "<u4"),
        ("events", "<u8"),
        ("dropped", "<u8"),
        ("reordered", "<u8"),
        ("holes", "<u8"),
        ("stopped", "<u4"),
        ("reserved", "<u4"),
    ]
)
THREAD_RECORD = np.dtype([("thread", "<u4"), ("tid", "<u4"), ("first_time", "<u8"), ("name", "S16")])
MODULE_RECORD = np.dtype(
    [
        ("module", "<u4"),
        ("generation", "<u4"),
        ("time", "<u8"),
        ("start", "<u8"),
        ("end", "<u8"),
        ("bias", "<u8"),
        ("build_id_bytes", "<u4"),
        ("path_bytes", "<u4"),
        ("build_id", "V32"),
    ]
)
UNLOAD_RECORD = np.dtype([("module", "<u4"), ("generation", "<u4"), ("time", "<u8")])
SAMPLE_RECORD = np.dtype([("time", "<u8"), ("rss_bytes", "<u8"), ("pss_bytes", "<u8")])
NOTE_RECORD = np.dtype([("time", "<u8"), ("value", "<u8"), ("type", "<u4"), ("text_bytes", "<u4")])
END_RECORD = np.dtype(
    [("time", "<u8"), ("events", "<u8"), ("images_missed", "<u8"), ("images", "<u4"), ("reserved", "<u4")]
)
NAMES_RECORD = np.dtype(
    [
        ("build_id", "V32"),
        ("build_id_bytes", "<u4"),
        ("path_bytes", "<u4"),
        ("n_refs", "<u4"),
        ("n_places", "<u4"),
        ("strings_bytes", "<u4"),
        ("reserved", "<u4"),
    ]
)
JIT_MAP_RECORD = np.dtype([("time", "<u8"), ("text_bytes", "<u4"), ("reserved", "<u4")])
DROP_RECORD = np.dtype([("first_time", "<u8"), ("last_time", "<u8"), ("events", "<u8")])
COLUMNS_HEAD = np.dtype([("n_columns", "<u4"), ("time_resolution_ns", "<u4")])
COLUMN = np.dtype(
    [
        ("column", "u1"),
        ("encoding", "u1"),
        ("width", "u1"),
        ("flags", "u1"),
        ("n_values", "<u4"),
        ("stored_bytes", "<u4"),
        ("reserved", "<u4"),
        ("base", "<u8"),
    ]
)

POOL_RECORD = np.dtype([("offset", "<u8"), ("bytes", "<u8"), ("gap", "<u4"), ("reserved", "<u4")])
POSITIONS_RECORD = np.dtype([("log", "<u8"), ("last_time", "<u8")])
POSITION = np.dtype(
    [
        ("stream", "<u4"),
        ("thread", "<u4"),
        ("claims", "<u4"),
        ("chunk", "<u4"),
        ("slot", "<u4"),
        ("reserved", "<u4"),
        ("wide", "<u8"),
    ]
)
