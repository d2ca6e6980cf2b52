/* The shared memory of one recording session: what the hooks write and the collector reads.
 *
 * One sparse memfd, made, sized and sealed by vizzytrace (a target that sizes its own dies by SIGXFSZ under
 * `ulimit -f`):
 *
 *   [ struct vz_session | region 0 | region 1 | ... | region VZ_MAX_REGIONS-1 ]
 *
 * A *region* belongs to one process image (pid, start, number of its exec). The library maps the whole file PROT_NONE
 * once, where the address space has room for it (else its own region), and makes what it uses accessible as it grows; so a forked child claims the next region by one CAS, needing
 * no descriptor, and mlockall() in the program does not populate gigabytes. The collector maps everything read-write.
 *
 * Inside a region everything comes from one bump allocator (`top`), in multiples of VZ_PAGE, never given back while the
 * image lives: chunks are recycled through free lists, all else only grows. Fresh memory is zero. All offsets are
 * relative to the region's start; 0 means "none" (offset 0 is the region header itself).
 *
 * Rules that make it lock-free:
 *   - A slot, node, stream, module record is filled first and published by one release store (or CAS) last; readers acquire.
 *   - Nobody waits for another's insert. A process may die between any two instructions.
 *   - Multi-byte fields are naturally aligned and in host byte order: both sides run on one machine.
 *
 * A process that records itself (solo.h) has one region, without the session around it: in its trace file, as POOL blocks,
 * or in memory of its own.
 *
 * Included by libvizzy.so and vizzytrace; it must not include anything but the C headers below.
 */
#ifndef VZ_SHM_H
#define VZ_SHM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define VZ_SHM_MAGIC 0x316d68737a7a6976ULL /* "vizzshm1", little-endian */
#define VZ_SHM_VERSION 1u                  /* library and collector must agree exactly */

#define VZ_PAGE 4096u
#if UINTPTR_MAX > UINT32_MAX
#define VZ_REGION_STRIDE (1ULL << 30) /* 1 GiB of address space each, sparse */
#else
#define VZ_REGION_STRIDE (64ULL << 20) /* address space is scarce: of the 3 GiB or so, most are the program's */
#endif
#define VZ_MAX_REGIONS 4096u
#define VZ_SESSION_BYTES (64u * VZ_PAGE) /* struct vz_session, rounded up */
#define VZ_SESSION_FILE_BYTES (VZ_SESSION_BYTES + VZ_REGION_STRIDE * VZ_MAX_REGIONS)

/* ---- session ---------------------------------------------------------------------------------------------------- */

enum vz_session_state {
    VZ_SESSION_OPEN = 1,  /* record */
    VZ_SESSION_CLOSED = 2 /* the recording has ended: images stop at their next slow path and never wait again */
};

enum vz_clock {
    VZ_CLOCK_TSC = 1,      /* rdtsc; the collector converts, from (TSC, CLOCK_MONOTONIC) pairs */
    VZ_CLOCK_MONOTONIC = 2 /* clock_gettime(CLOCK_MONOTONIC) in ns */
};

#define VZ_OPTION_FREE_STACKS 1u /* walk the stack at frees too */
#define VZ_OPTION_DROP 2u        /* pool full: drop and count; else wait */
#define VZ_OPTION_NO_CHILDREN 4u /* only the first image records (--children none) */

enum vz_claim {
    VZ_CLAIM_FREE = 0,
    VZ_CLAIM_TAKEN = 1, /* an image is filling in the region header: not readable yet */
    VZ_CLAIM_LIVE = 2,  /* header published. The collector alone goes back to FREE, after punching the region out */
    VZ_CLAIM_GONE = 3   /* the collector is done with it and is cleaning, or could not take it in: the image stops */
};

struct vz_session {
    uint64_t magic;
    uint32_t version;
    _Atomic uint32_t options;       /* VZ_OPTION_*; the collector may change VZ_OPTION_DROP */
    uint32_t max_depth;             /* frames kept of each call stack; 0: no stacks */
    uint32_t clock;                 /* enum vz_clock */
    uint64_t buffer_bytes;          /* limit on undrained chunk bytes of one image */
    uint64_t clock_start;           /* clock ticks at the start; slots carry ticks since this */
    _Atomic uint32_t state;         /* enum vz_session_state */
    _Atomic uint32_t owner;         /* robust futex held by the collector: its tid; FUTEX_OWNER_DIED once it is gone */
    _Atomic uint64_t next_serial;   /* serial of the next image, from 1 */
    _Atomic uint64_t images_missed; /* images that found no free region */
    _Atomic uint32_t claims[VZ_MAX_REGIONS]; /* enum vz_claim of each region */
};

_Static_assert(sizeof(struct vz_session) <= VZ_SESSION_BYTES, "session header grew");

/* ---- slots and chunks ------------------------------------------------------------------------------------------- */

/* One event, 24 bytes. `when_kind` is stored last, with release: zero means not published. */
struct vz_slot {
    _Atomic uint64_t when_kind; /* kind (kinds.def) in the top 8 bits; ticks since clock_start in the low 56 */
    uint64_t address;
    uint64_t size_stack; /* size in the low 40 bits, stack node id in the top 24 */
};

#define VZ_SLOT_KIND_SHIFT 56
#define VZ_SLOT_TICKS_MASK ((1ULL << 56) - 1)
#define VZ_SLOT_SIZE_BITS 40
#define VZ_SLOT_SIZE_MASK ((1ULL << 40) - 1)
/* A size of 2^40-1 or more: the slot's size field is VZ_SLOT_SIZE_MASK and the slot before it has this kind and the
 * full size in `address`. It is no event of its own. */
#define VZ_SLOT_WIDE 255u

#define VZ_CHUNK_CLASSES 4u /* 4, 16, 64, 256 KiB */
static inline uint32_t vz_chunk_bytes(uint32_t chunk_class) { return VZ_PAGE << (2u * chunk_class); }

/* A chunk belongs to one stream from the time it is linked until the collector has drained it and pushed it on the free
 * list of its class, zeroed but for the header. Slots are filled in order. `next` is set when the chunk is full:
 * a chunk with a `next` gets no further slots. In one stream an unpublished slot followed by a published one (or by
 * `next`) is a hole that will never be filled (the hook was left by siglongjmp, or the thread killed): it is skipped.
 */
struct vz_chunk {
    _Atomic uint32_t next; /* offset / VZ_PAGE of the stream's next chunk; also the free list's link */
    uint32_t chunk_class;
    uint32_t n_slots;
    uint32_t pad;
    struct vz_slot slots[];
};

/* ---- streams ---------------------------------------------------------------------------------------------------- */

enum vz_stream_state {
    VZ_STREAM_UNUSED = 0,
    VZ_STREAM_ACTIVE = 1, /* claimed by a thread, `first` may still be 0 */
    VZ_STREAM_IDLE = 2,   /* the collector saw the thread dead and drained everything: may be claimed again */
    VZ_STREAM_CLAIMED = 3 /* a thread took it and is filling in tid and level: not the collector's business yet */
};

/* One sequence of chunks with one writer. A thread has one, and further ones of the same tid for hooks that run in a
 * signal handler that interrupted a hook (level > 0). Directory in vz_region.stream_pages. */
struct vz_stream {
    _Atomic uint32_t state; /* enum vz_stream_state */
    _Atomic uint32_t tid;
    _Atomic uint32_t first; /* offset / VZ_PAGE of the first chunk not yet given back; set by the thread while 0, moved
                               by the collector */
    _Atomic uint32_t level; /* nesting level, 0 for the thread itself */
    _Atomic uint64_t dropped;       /* events not recorded: pool full, no memory, nesting too deep */
    _Atomic uint64_t filled;        /* bytes of chunks this stream has completed (left behind with a `next`) */
    _Atomic uint64_t drained;       /* bytes of those that the collector has given back */
    _Atomic uint32_t name_sequence; /* odd while `name` is being written, by the thread only (pthread_setname_np) */
    char name[16];
    uint32_t claims; /* how often a thread has taken the stream */
};

_Static_assert(sizeof(struct vz_stream) == 64, "one cache line");

#define VZ_STREAMS_PER_PAGE (VZ_PAGE / 64u)
#define VZ_MAX_STREAM_PAGES 1024u /* 65,536 streams in an image */

/* ---- call stacks ------------------------------------------------------------------------------------------------ */

/* A call stack is the id of its leaf's node. Ids below VZ_NODE_FIRST are roots without a frame. */
#define VZ_NODE_ROOT 0u /* the outermost frame was reached (and: no stack recorded) */
#define VZ_NODE_CUT 1u  /* cut at the depth cap */
#define VZ_NODE_GAP 2u  /* cut for want of unwind data or module */
#define VZ_NODE_FIRST 3u

struct vz_node {
    uint64_t pc;         /* return address; the interrupted pc itself if VZ_NODE_INTERRUPTED */
    uint32_t parent;     /* id of the caller's node, or a root */
    uint32_t generation; /* code epoch that resolves pc (vz_module); top bit: VZ_NODE_INTERRUPTED */
};

#define VZ_NODE_INTERRUPTED 0x80000000u /* pc was interrupted by a signal: look up pc, not pc-1 */
#define VZ_NODES_PER_SEGMENT 4096u      /* 64 KiB */
#define VZ_MAX_NODE_SEGMENTS 4096u      /* 16 Mi nodes: what 24 bits of a slot can name */
#define VZ_HASH_LEVELS 16u              /* level k: 2^(10 + k) uint32_t slots (stacks.h) */

/* ---- modules and notes ------------------------------------------------------------------------------------------ */

/* Append-only records in log pages; `kind` is published last. `bytes` (multiple of 8, header included), stored first, leads
 * to the next record; a record with kind 0 ends the log for now, and is passed over once nobody can fill it any more. A record never crosses its log segment's end: when the rest
 * is too small a VZ_NOTE_NEXT record, whose `value` is the offset of the next segment, is written instead. */
enum vz_note_kind {
    VZ_NOTE_MODULE = 1,          /* struct vz_module_note */
    VZ_NOTE_MODULE_UNLOADED = 2, /* value: module id; generation: first code epoch in which it is gone */
    VZ_NOTE_EXEC = 3,            /* this image's process (never a vfork child) is about to exec: text is the path */
    VZ_NOTE_EXEC_FAILED = 4,     /* the exec before failed */
    VZ_NOTE_NOT_FOLLOWED = 5,    /* a program in which the library can't run was started without it: value: reason (enum
                                  * vz_unfit), generation: its pid if known, text: path. Just before the VZ_NOTE_EXEC of
                                  * the same call if it replaces this image */
    VZ_NOTE_NEXT = 6,            /* value: offset of the next log segment */
    VZ_NOTE_PROGRAM = 7, /* text: path of the executable. In the log before the region is LIVE, not after a fork */
    VZ_NOTE_ARGUMENT = 8 /* text: the next argument of its command line. Directly after VZ_NOTE_PROGRAM */
};

struct vz_note {
    _Atomic uint32_t kind;
    uint32_t bytes;
    uint64_t ticks; /* since clock_start */
    uint64_t value;
    uint32_t generation;
    uint32_t text_bytes; /* of what follows the fixed part, without a terminating 0 */
};

struct vz_module_note {
    struct vz_note note; /* kind VZ_NOTE_MODULE; value: module id, from 1; generation: first code epoch it resolves (0:
                          * loaded at start, valid for every node with generation 0); text: path, at `text` */
    uint64_t start, end; /* mapped range [start, end) */
    uint64_t bias;       /* runtime address minus ELF virtual address */
    uint32_t build_id_bytes; /* 0: none */
    uint8_t build_id[32];
    uint32_t pad;
    char text[];
};

enum vz_unfit { /* why the library stays out of a program */
                VZ_FIT = 0,
                VZ_UNFIT_STATIC,
                VZ_UNFIT_SETUID,
                VZ_UNFIT_WRONG_CLASS,   /* another ELF class or machine */
                VZ_UNFIT_OTHER_LIBC,    /* an interpreter that is not glibc's: musl */
                VZ_UNFIT_SANITIZER,     /* its runtime insists on coming first */
                VZ_UNFIT_UNREACHABLE,   /* library or session not reachable from there: chroot, another user */
                VZ_UNFIT_NOT_EXECUTABLE /* no ELF, no #! */
};

#define VZ_LOG_SEGMENT (16u * VZ_PAGE)
#define VZ_N_WAITS (VZ_PAGE / 8u)

/* ---- regions ---------------------------------------------------------------------------------------------------- */

enum vz_origin {
    VZ_ORIGIN_START = 1, /* attached by loading the library: COMMAND, or an exec */
    VZ_ORIGIN_FORK = 2   /* forked without exec (so far) */
};

struct vz_region {
    uint64_t serial; /* unique in the session: tells an image from an earlier one in the same region */
    uint32_t pid;    /* as the image itself sees it (getpid) */
    uint32_t ppid;
    uint32_t origin;        /* enum vz_origin */
    uint32_t parent_region; /* VZ_ORIGIN_FORK: region of the image it was forked from */
    uint64_t parent_serial; /* and its serial */
    uint64_t start_ticks; /* START: when attached; FORK: when forked, on the parent's stream: its events up to here are
                             inherited */
    _Atomic uint32_t stopped; /* why the image stopped recording by itself; 0: it did not (enum vz_stop) */
    uint32_t pad0;

    _Atomic uint64_t top;     /* bump allocator: offset of the first unused byte, multiple of VZ_PAGE */
    _Atomic uint64_t dropped; /* events lost where no stream could be had */

    _Atomic uint64_t filled; /* sums over all streams, for the limit: see vz_stream */
    _Atomic uint64_t drained;
    _Atomic uint32_t drain_sequence; /* futex: incremented and woken by the collector after it gave chunks back */
    _Atomic uint32_t waiters;        /* threads waiting on it */

    _Atomic uint64_t
        free_chunks[VZ_CHUNK_CLASSES]; /* Treiber stacks: ABA tag << 32 | offset / VZ_PAGE of the top chunk */

    _Atomic uint32_t n_streams;    /* streams ever claimed: directory entries below it may be looked at */
    _Atomic uint32_t idle_streams; /* how many are VZ_STREAM_IDLE, a hint */
    _Atomic uint32_t code_epoch;   /* even; odd while a dlclose runs */
    _Atomic uint32_t n_nodes;      /* next node id; starts at VZ_NODE_FIRST */
    _Atomic uint32_t hash_level;   /* level that takes new nodes; << 8: the oldest still asked */
    uint32_t log_first;            /* offset of the first log segment */

    _Atomic uint32_t waits; /* offset / VZ_PAGE of the ring of how children ended; 0: none has been waited for yet */
    _Atomic uint32_t
        n_waits; /* ever put there. Entry i stands at i % VZ_N_WAITS of uint64_t: pid << 32 | wait status; the
                                 collector sets to 0 what it has used */

    _Atomic uint64_t hash_offset[VZ_HASH_LEVELS];         /* offset of each level's table */
    _Atomic uint32_t node_segments[VZ_MAX_NODE_SEGMENTS]; /* offset / VZ_PAGE of each segment of vz_node */
    _Atomic uint32_t stream_pages[VZ_MAX_STREAM_PAGES];   /* offset / VZ_PAGE of each page of vz_stream */
};

enum vz_stop {
    VZ_STOP_NONE = 0,
    VZ_STOP_REGION_FULL = 1, /* the region is used up, or what a limit on address space leaves of it */
    VZ_STOP_REFUSED = 2,     /* the kernel refused a call it needs (seccomp, address-space limit) */
    VZ_STOP_COLLECTOR_GONE = 3,
    VZ_STOP_TRACE = 4 /* the own trace can't be written any further */
};

#define VZ_REGION_HEADER_BYTES (6u * VZ_PAGE)
_Static_assert(sizeof(struct vz_region) <= VZ_REGION_HEADER_BYTES, "region header grew");

/* The same for all machines and compilers, some of which align 64-bit words to 4 bytes only: no field relies on padding. */
_Static_assert(sizeof(struct vz_slot) == 24 && sizeof(struct vz_chunk) == 16 && sizeof(struct vz_node) == 16 &&
                   sizeof(struct vz_note) == 32 && offsetof(struct vz_module_note, text) == 96 &&
                   offsetof(struct vz_session, claims) == 64 && offsetof(struct vz_region, node_segments) == 280,
               "layout");

#endif
