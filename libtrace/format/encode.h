/* From arrays and records to the bytes of a trace file (docs/trace-format.md), appended to the caller's buffer.
 *
 * No system calls; no allocation but the encoder itself. An encoder serves one file: it numbers the blocks. Not for use
 * in a hook; one thread at a time. All functions return 0, or -ENOSPC with nothing appended when the buffer has not
 * room enough, or -EINVAL for arguments that the format cannot express.
 *
 * A file is: vz_encode_file_header, blocks in any order that keeps what refers after what it refers to (IMAGE before
 * the image's other blocks, NODES before EVENTS that use them), vz_encode_end, vz_encode_index.
 */
#ifndef VZ_ENCODE_H
#define VZ_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "format.h"

struct vz_encoder; /* compression context, scratch memory, CRC tables, the next block's number */

/* Where bytes go. `bytes` grows by what is appended; the file offset of `data` must be a multiple of VZ_ALIGNMENT
 * when `bytes` is 0, and every append keeps `bytes` a multiple of it. */
struct vz_buffer {
    uint8_t *data;
    size_t capacity;
    size_t bytes;
};

#define VZ_EVENTS_BOUND (4u << 20)                    /* room that any EVENTS or NODES block fits in */
#define VZ_STORED_BOUND(n) (512u + 48u * (size_t)(n)) /* the same for n events or nodes, by an encoder that stores */
#define VZ_RECORD_BOUND(texts) (sizeof(struct vz_block_header) + 128u + (texts)) /* any block of one record */
#define VZ_INDEX_BOUND(n) (128u + (size_t)(n) * sizeof(struct vz_index_entry))   /* INDEX and trailer */

/* In memory of the caller's, 8-aligned, of vz_encoder_bytes(max_events): those of one block, a power of two up to
 * VZ_MAX_EVENTS. NULL: no memory for the compressor. time_resolution_ns: unit in which times of events are kept. */
size_t vz_encoder_bytes(uint32_t max_events);
struct vz_encoder *vz_encoder_place(void *memory, uint32_t max_events, uint32_t time_resolution_ns, uint32_t flags);

/* Allocated by malloc, about 2 MiB, for blocks of any size; NULL: no memory. Not in builds with VZ_FREESTANDING. */
struct vz_encoder *vz_encoder_new(uint32_t time_resolution_ns, uint32_t flags);
void vz_encoder_free(struct vz_encoder *encoder);

#define VZ_ENCODER_STORE 1u /* do not compress (always so in builds without zstd) */

int vz_encode_file_header(struct vz_encoder *encoder, uint64_t capabilities, uint64_t start_wall_ns,
                          struct vz_buffer *out);

/* A text: bytes without a terminating zero. */
struct vz_text {
    const char *data;
    uint32_t bytes;
};

/* The length fields of the records below are filled in from the texts; the others are the caller's. */
int vz_encode_session(struct vz_encoder *encoder, const struct vz_session_record *record, struct vz_text host,
                      struct vz_text version, struct vz_text system, struct vz_text args, struct vz_buffer *out);

int vz_encode_image(struct vz_encoder *encoder, uint32_t image, const struct vz_image_record *record,
                    struct vz_text exe, struct vz_text cwd, struct vz_text args, struct vz_buffer *out);

int vz_encode_image_end(struct vz_encoder *encoder, uint32_t image, const struct vz_image_end_record *record,
                        struct vz_buffer *out);

int vz_encode_threads(struct vz_encoder *encoder, uint32_t image, const struct vz_thread_record *records, uint32_t n,
                      struct vz_buffer *out);

/* One module; path.bytes and the record's path_bytes agree afterwards. */
int vz_encode_module(struct vz_encoder *encoder, uint32_t image, const struct vz_module_record *record,
                     struct vz_text path, struct vz_buffer *out);

/* Several at once: paths[i] belongs to records[i]. Better compressed: for the modules loaded at start. */
int vz_encode_modules(struct vz_encoder *encoder, uint32_t image, const struct vz_module_record *records,
                      const struct vz_text *paths, uint32_t n, struct vz_buffer *out);

int vz_encode_unloads(struct vz_encoder *encoder, uint32_t image, const struct vz_unload_record *records, uint32_t n,
                      struct vz_buffer *out);

int vz_encode_samples(struct vz_encoder *encoder, uint32_t image, const struct vz_sample_record *records, uint32_t n,
                      struct vz_buffer *out);

/* image may be VZ_NO_IMAGE. */
int vz_encode_note(struct vz_encoder *encoder, uint32_t image, const struct vz_note_record *record, struct vz_text text,
                   struct vz_buffer *out);

int vz_encode_jit_map(struct vz_encoder *encoder, uint32_t image, const struct vz_jit_map_record *record,
                      struct vz_text text, struct vz_buffer *out);

/* Ordered by time. */
int vz_encode_drops(struct vz_encoder *encoder, uint32_t image, const struct vz_drop_record *records, uint32_t n,
                    struct vz_buffer *out);

int vz_encode_end(struct vz_encoder *encoder, const struct vz_end_record *record, struct vz_buffer *out);

/* Call-stack nodes, n in [1, VZ_MAX_EVENTS]. code: generation * 2 + interrupted. `time` is the block's first and last
 * time, for the index only. */
struct vz_node_columns {
    uint32_t n;
    uint64_t time;
    const uint32_t *node;
    const uint32_t *parent;
    const uint64_t *pc;
    const uint32_t *code;
};

int vz_encode_nodes(struct vz_encoder *encoder, uint32_t image, const struct vz_node_columns *nodes,
                    struct vz_buffer *out);

/* Events of one image in their authoritative order, n in [1, VZ_MAX_EVENTS]; times in ns, non-decreasing. size and
 * stack are read only where the kind has them. */
struct vz_event_columns {
    uint32_t n;
    uint32_t flags; /* 0 or VZ_BLOCK_FREE_STACKS */
    const uint8_t *kind;
    const uint32_t *thread;
    const uint64_t *time;
    const uint64_t *address;
    const uint64_t *size;
    const uint32_t *stack;
};

int vz_encode_events(struct vz_encoder *encoder, uint32_t image, const struct vz_event_columns *events,
                     struct vz_buffer *out);

/* A POOL block without the memory that it ends with: header, record and gap, in a file that has it at its place already. */
int vz_encode_pool(struct vz_encoder *encoder, uint32_t image, const struct vz_pool_record *record,
                   struct vz_buffer *out);

int vz_encode_positions(struct vz_encoder *encoder, uint32_t image, const struct vz_positions_record *record,
                        const struct vz_position *positions, uint32_t n, struct vz_buffer *out);

/* The number of the next block. Who overwrites the end of a file gives it back to the first block that is overwritten. */
uint32_t vz_encoder_sequence(const struct vz_encoder *encoder);
void vz_encoder_rewind(struct vz_encoder *encoder, uint32_t sequence);

/* The index entry of a block just encoded: header points at it in the buffer, offset is where it goes in the file. */
struct vz_index_entry vz_index_entry_of(const void *header, uint64_t offset);

/* The bytes that the block at `header` takes in the file: header, payload, gap. */
size_t vz_block_bytes(const void *header);

/* INDEX block and trailer: the file's end. offset: of the INDEX block in the file. */
int vz_encode_index(struct vz_encoder *encoder, const struct vz_index_entry *entries, uint32_t n, uint64_t offset,
                    struct vz_buffer *out);

#endif
