/* The trace file's on-disk records: a transcription of docs/trace-format.md, which is normative.
 *
 * Every field is fixed-width little-endian at its natural alignment; no struct has padding (asserted below). A test
 * compares this file with vizreport/trace/format.py field by field.
 */
#ifndef VZ_FORMAT_H
#define VZ_FORMAT_H

#include <stdint.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the records below are written as they lie in memory: a big-endian host needs byte swaps in encode.c"
#endif

#define VZ_FILE_MAGIC 0x0a0d5a59585a5695ULL /* bytes 95 56 5a 58 59 5a 0d 0a: no text, and shows newline conversion */
#define VZ_BLOCK_SYNC 0xd7f1b10c5a5647e9ULL /* starts each block header */
#define VZ_TRAILER_MAGIC 0x0a0d5a5945565695ULL

#define VZ_FORMAT_MAJOR 1u /* readers refuse another one */
#define VZ_FORMAT_MINOR 2u /* readers accept any */

#define VZ_ALIGNMENT 8u           /* file offset of every block; the gap after a payload is zero */
#define VZ_MAX_EVENTS 65536u      /* events of one EVENTS block, nodes of one NODES block */
#define VZ_MAX_PAYLOAD (1u << 28) /* stored or raw bytes: a larger one is damage */
#define VZ_NO_IMAGE UINT32_MAX    /* a block of the whole session; an image without a parent in the trace */
#define VZ_NO_VALUE UINT64_MAX    /* a measure that was not taken */

/* ---- framing ---------------------------------------------------------------------------------------------------- */

#define VZ_CAPABILITY_ZSTD 1u        /* some payload or column is compressed by Zstandard */
#define VZ_CAPABILITY_FREE_STACKS 2u /* frees were recorded with their call stacks */
#define VZ_CAPABILITY_POOL 4u /* memory of the process lies in the file, and with it events that are in no block */

struct vz_file_header {
    uint64_t magic;              /* VZ_FILE_MAGIC */
    uint16_t major;              /* VZ_FORMAT_MAJOR */
    uint16_t minor;              /* VZ_FORMAT_MINOR */
    uint32_t header_bytes;       /* offset of the first block, multiple of VZ_ALIGNMENT */
    uint64_t capabilities;       /* VZ_CAPABILITY_*: unknown bits are ignored */
    uint64_t start_wall_ns;      /* CLOCK_REALTIME when times were 0, ns since the epoch */
    uint32_t time_resolution_ns; /* event times are multiples of it */
    uint32_t header_crc;         /* CRC-32 of the bytes before it */
};

#define VZ_BLOCK_ZSTD 1u        /* the payload is one Zstandard frame */
#define VZ_BLOCK_FREE_STACKS 2u /* EVENTS: the stack column has values for FREE and RELEASE events too */

struct vz_block_header {
    uint64_t sync;         /* VZ_BLOCK_SYNC */
    uint16_t type;         /* enum vz_block_type */
    uint16_t flags;        /* VZ_BLOCK_* */
    uint32_t image;        /* index of the process image, or VZ_NO_IMAGE */
    uint32_t sequence;     /* 0 for the first block of the file, then one more for each: a gap shows what is missing */
    uint32_t count;        /* events, nodes, records in the payload */
    uint32_t stored_bytes; /* of the payload that follows, without the gap */
    uint32_t raw_bytes;    /* of the payload when decompressed; equal to stored_bytes unless VZ_BLOCK_ZSTD */
    uint64_t first_time;   /* ns since the start, of what the payload tells */
    uint64_t last_time;
    uint32_t payload_crc; /* CRC-32 of the stored payload */
    uint32_t header_crc;  /* CRC-32 of the header's bytes before it */
};

enum vz_block_type {
    VZ_BLOCK_SESSION = 1,
    VZ_BLOCK_IMAGE = 2,
    VZ_BLOCK_IMAGE_END = 3,
    VZ_BLOCK_THREADS = 4,
    VZ_BLOCK_MODULES = 5,
    VZ_BLOCK_UNLOADS = 6,
    VZ_BLOCK_NODES = 7,
    VZ_BLOCK_EVENTS = 8,
    VZ_BLOCK_SAMPLES = 9,
    VZ_BLOCK_NOTES = 10,
    VZ_BLOCK_END = 11,
    VZ_BLOCK_INDEX = 12,
    VZ_BLOCK_NAMES = 13, /* written by `vizreport symbolize` */
    VZ_BLOCK_JIT_MAP = 14,
    VZ_BLOCK_DROPS = 15,
    VZ_BLOCK_POOL = 16,     /* memory of a process that writes its own trace */
    VZ_BLOCK_POSITIONS = 17 /* up to where what lay there is in the blocks before */
};

struct vz_index_entry { /* INDEX: one for each block before it, in file order */
    uint64_t offset;    /* of the block header in the file */
    uint16_t type;
    uint16_t flags;
    uint32_t image;
    uint32_t count;
    uint32_t stored_bytes;
    uint64_t first_time;
    uint64_t last_time;
};

struct vz_trailer {        /* the file's last bytes */
    uint64_t index_offset; /* of the INDEX block's header */
    uint64_t magic;        /* VZ_TRAILER_MAGIC */
    uint32_t reserved;     /* 0 */
    uint32_t crc;          /* CRC-32 of the bytes before it */
};

/* ---- records ---------------------------------------------------------------------------------------------------- */

/* Texts follow the fixed part directly, in the order of their length fields, without terminating zeros (but for args,
 * each of which ends with one). Records of which a block holds several start at multiples of VZ_ALIGNMENT. */

struct vz_session_record {
    uint64_t start_monotonic_ns; /* CLOCK_MONOTONIC when times were 0 */
    uint32_t max_depth;          /* frames kept of each call stack */
    uint32_t host_bytes;         /* text: host name */
    uint32_t version_bytes;      /* text: version of vizzy that recorded */
    uint32_t system_bytes;       /* text: kernel and machine, as uname has them */
    uint32_t args_bytes;         /* text: COMMAND and its arguments */
    uint32_t reserved;
};

enum vz_image_origin {
    VZ_IMAGE_START = 1, /* started by vizzytrace */
    VZ_IMAGE_FORK = 2,  /* forked: starts with the live blocks that parent_image had at start_time */
    VZ_IMAGE_EXEC = 3,  /* replaced the image parent_image of the same pid */
    VZ_IMAGE_SPAWN = 4  /* executed in a new process whose short life before it was not recorded (vfork, posix_spawn) */
};

struct vz_image_record {
    uint32_t pid;
    uint32_t ppid;
    uint32_t exec_number;  /* 0 for a process's first image, one more for each exec */
    uint32_t origin;       /* enum vz_image_origin */
    uint32_t parent_image; /* index, or VZ_NO_IMAGE */
    uint32_t not_recorded; /* enum vz_not_recorded: 0 if it is recorded */
    uint64_t start_time;   /* ns; of a fork: events of the parent up to and including this time are inherited */
    uint32_t exe_bytes;    /* text: path of the executable */
    uint32_t cwd_bytes;    /* text: working directory */
    uint32_t args_bytes;   /* text: arguments, each ended by a zero byte */
    uint32_t n_args;
};

enum vz_not_recorded { /* why an image has no events */
                       VZ_RECORDED = 0,
                       VZ_NOT_STATIC = 1,
                       VZ_NOT_SETUID = 2,
                       VZ_NOT_WRONG_CLASS = 3,
                       VZ_NOT_OTHER_LIBC = 4,
                       VZ_NOT_SANITIZER = 5,
                       VZ_NOT_UNREACHABLE = 6,
                       VZ_NOT_EXECUTABLE = 7,
                       VZ_NOT_NO_REGION = 8, /* more images at once than the session has room for */
                       VZ_NOT_CHILD = 9      /* --children none */
};

enum vz_image_fate {
    VZ_FATE_UNKNOWN = 0, /* the recording ended without learning it */
    VZ_FATE_EXIT = 1,    /* fate_value: exit status */
    VZ_FATE_SIGNAL = 2,  /* fate_value: signal number */
    VZ_FATE_EXEC = 3,    /* replaced by the image whose parent_image is this one */
    VZ_FATE_RUNNING = 4  /* still running when the recording ended */
};

enum vz_image_stop { /* why an image stopped recording before its end */
                     VZ_STOPPED_NOT = 0,
                     VZ_STOPPED_FULL = 1,      /* its shared memory was used up */
                     VZ_STOPPED_REFUSED = 2,   /* the kernel refused a call that recording needs */
                     VZ_STOPPED_COLLECTOR = 3, /* the collector was gone */
                     VZ_STOPPED_TRACE = 4      /* a process that writes its own trace could not write it any further */
};

struct vz_image_end_record {
    uint64_t time; /* ns */
    uint32_t fate; /* enum vz_image_fate */
    uint32_t fate_value;
    uint64_t events;    /* written in EVENTS blocks */
    uint64_t dropped;   /* events that could not be recorded: the sum of the drop records */
    uint64_t reordered; /* events whose time was raised by more than 1 us, to keep times from decreasing */
    uint64_t holes;     /* slots reserved by a hook that never completed */
    uint32_t stopped;   /* enum vz_image_stop */
    uint32_t reserved;
};

struct vz_thread_record { /* a later record of the same index replaces an earlier one: threads change their names */
    uint32_t thread;      /* index in this image, as in EVENTS */
    uint32_t tid;
    uint64_t first_time; /* ns */
    char name[16];       /* zero-padded */
};

struct vz_module_record {
    uint32_t module;         /* id in this image, from 1 */
    uint32_t generation;     /* first code generation that it resolves; 0: loaded at start */
    uint64_t time;           /* ns; when it was first seen */
    uint64_t start, end;     /* mapped range [start, end) */
    uint64_t bias;           /* runtime address minus ELF virtual address */
    uint32_t build_id_bytes; /* 0: none */
    uint32_t path_bytes;
    uint8_t build_id[32];
};

struct vz_unload_record {
    uint32_t module;
    uint32_t generation; /* first code generation in which it is gone */
    uint64_t time;       /* ns */
};

struct vz_sample_record {
    uint64_t time;      /* ns */
    uint64_t rss_bytes; /* resident set */
    uint64_t pss_bytes; /* proportional set, or VZ_NO_VALUE */
};

enum vz_note_type {
    VZ_NOTE_TYPE_STATIC_ALLOCATOR = 1, /* text: allocator linked statically, whose blocks are not seen */
    VZ_NOTE_TYPE_NOT_FOLLOWED = 2,     /* value: enum vz_not_recorded; text: path of what ran unrecorded */
    VZ_NOTE_TYPE_CLOCK = 3,            /* text: what was odd about the clock */
    VZ_NOTE_TYPE_WARNING = 4           /* text: any other warning, in plain words */
};

struct vz_note_record {
    uint64_t time; /* ns */
    uint64_t value;
    uint32_t type; /* enum vz_note_type */
    uint32_t text_bytes;
};

struct vz_jit_map_record { /* followed by text: lines of a perf map */
    uint64_t time;         /* ns, when it was read */
    uint32_t text_bytes;
    uint32_t reserved;
};

struct vz_drop_record {  /* the events that were dropped in a span of time */
    uint64_t first_time; /* ns; none of them was dropped before */
    uint64_t last_time;  /* ns; nor after */
    uint64_t events;     /* at least 1 */
};

struct vz_names_record { /* the columns of names that follow: docs/trace-format.md, section 6 */
    uint8_t build_id[32];
    uint32_t build_id_bytes; /* 0: none */
    uint32_t path_bytes;
    uint32_t n_refs;
    uint32_t n_places;
    uint32_t strings_bytes;
    uint32_t reserved;
};

struct vz_pool_record { /* followed by `gap` zero bytes, then the memory itself */
    uint64_t offset;    /* of that memory in the image's region */
    uint64_t bytes;     /* of it */
    uint32_t gap;       /* so that it begins at a multiple of a page in the file */
    uint32_t reserved;
};

struct vz_positions_record { /* followed by `count` of struct vz_position */
    uint64_t log;            /* offset in the region of the next note to read */
    uint64_t last_time;      /* ns, of the last event written; none that follows has an earlier time */
};

struct vz_position { /* how far a stream was read */
    uint32_t stream; /* its index in the region */
    uint32_t thread; /* index of its thread, as in EVENTS */
    uint32_t claims; /* of the stream: another number in the region means that another thread has it by now */
    uint32_t chunk;  /* page of the chunk that comes next; 0: the stream's first */
    uint32_t slot;   /* index of the slot in it that comes next */
    uint32_t reserved;
    uint64_t wide; /* size of the event that comes next, whose VZ_SLOT_WIDE was read; 0: it has none */
};

struct vz_end_record {      /* the recording ended in order */
    uint64_t time;          /* ns */
    uint64_t events;        /* written, all images */
    uint64_t images_missed; /* process images that could not be recorded for want of room */
    uint32_t images;        /* IMAGE blocks written */
    uint32_t reserved;
};

/* ---- columns ---------------------------------------------------------------------------------------------------- */

/* The payload of EVENTS and NODES: this, then n_columns of struct vz_column, then their bytes in the same order. */
struct vz_columns_head {
    uint32_t n_columns;
    uint32_t time_resolution_ns; /* unit of VZ_COLUMN_TIME */
};

struct vz_column {
    uint8_t column;   /* enum vz_column_id */
    uint8_t encoding; /* enum vz_encoding */
    uint8_t width;    /* bytes of each value, 1 to 8; 0: every value is `base` and no bytes are stored */
    uint8_t flags;    /* VZ_COLUMN_ZSTD */
    uint32_t n_values;
    uint32_t stored_bytes;
    uint32_t reserved; /* 0 */
    uint64_t base;     /* what the first difference is taken from; added to plain values */
};

#define VZ_COLUMN_ZSTD 1u /* the column's bytes are one Zstandard frame */

enum vz_column_id {
    VZ_COLUMN_KIND = 1,     /* EVENTS: numbers of kinds.def */
    VZ_COLUMN_THREAD = 2,   /* EVENTS: index of the thread */
    VZ_COLUMN_TIME = 3,     /* EVENTS: time / time_resolution_ns, each once, increasing */
    VZ_COLUMN_ADDRESS = 4,  /* EVENTS whose BACK is 0 */
    VZ_COLUMN_SIZE = 5,     /* EVENTS of the classes ALLOC, MOVE, MAP, UNMAP only */
    VZ_COLUMN_STACK = 6,    /* EVENTS of the classes ALLOC, MOVE, MAP only; FREE, RELEASE too if VZ_BLOCK_FREE_STACKS */
    VZ_COLUMN_BACK = 7,     /* EVENTS: how many events before it has the same address in this block; 0: none */
    VZ_COLUMN_TIME_END = 8, /* EVENTS: for each TIME, how many events of the block have it or an earlier one */
    VZ_COLUMN_NODE = 16,    /* NODES: id */
    VZ_COLUMN_PARENT = 17,  /* NODES: id of the caller's node, or a root */
    VZ_COLUMN_PC = 18,      /* NODES whose PC_BACK is 0 */
    VZ_COLUMN_CODE = 19,   /* NODES: code generation * 2 + (1 if the pc was interrupted, 0 if it is a return address) */
    VZ_COLUMN_PC_BACK = 20 /* NODES: how many nodes before it has the same pc in this block; 0: none */
};

enum vz_encoding {
    VZ_ENCODING_PLAIN = 0, /* base + stored */
    VZ_ENCODING_DELTA = 1, /* previous + stored */
    VZ_ENCODING_ZIGZAG = 2 /* previous + unzigzag(stored) */
};

#define VZ_NODE_COMPLETE 0u   /* parent, or a whole stack: the outermost frame was reached, or no stack was taken */
#define VZ_NODE_DEPTH_CUT 1u  /* cut at max_depth */
#define VZ_NODE_UNWIND_GAP 2u /* cut for want of unwind data or module */
#define VZ_NODE_FIRST_ID 3u

_Static_assert(sizeof(struct vz_file_header) == 40, "no padding");
_Static_assert(sizeof(struct vz_block_header) == 56, "no padding");
_Static_assert(sizeof(struct vz_index_entry) == 40, "no padding");
_Static_assert(sizeof(struct vz_trailer) == 24, "no padding");
_Static_assert(sizeof(struct vz_session_record) == 32, "no padding");
_Static_assert(sizeof(struct vz_image_record) == 48, "no padding");
_Static_assert(sizeof(struct vz_image_end_record) == 56, "no padding");
_Static_assert(sizeof(struct vz_thread_record) == 32, "no padding");
_Static_assert(sizeof(struct vz_module_record) == 80, "no padding");
_Static_assert(sizeof(struct vz_unload_record) == 16, "no padding");
_Static_assert(sizeof(struct vz_sample_record) == 24, "no padding");
_Static_assert(sizeof(struct vz_note_record) == 24, "no padding");
_Static_assert(sizeof(struct vz_jit_map_record) == 16, "no padding");
_Static_assert(sizeof(struct vz_drop_record) == 24, "no padding");
_Static_assert(sizeof(struct vz_names_record) == 56, "no padding");
_Static_assert(sizeof(struct vz_pool_record) == 24, "no padding");
_Static_assert(sizeof(struct vz_positions_record) == 16, "no padding");
_Static_assert(sizeof(struct vz_position) == 32, "no padding");
_Static_assert(sizeof(struct vz_end_record) == 32, "no padding");
_Static_assert(sizeof(struct vz_columns_head) == 8, "no padding");
_Static_assert(sizeof(struct vz_column) == 24, "no padding");

#endif
