/* From arrays and records to the bytes of a trace file (docs/trace-format.md). */
#include "encode.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "crc32.h"
#include "kinds.h"

struct vz_encoder {
    uint32_t time_resolution_ns;
    uint32_t sequence;
    struct vz_crc32 crc;
    struct vz_packer packer;
};

size_t vz_encoder_bytes(uint32_t max_events) { return sizeof(struct vz_encoder) + vz_packer_bytes(max_events); }

struct vz_encoder *vz_encoder_place(void *memory, uint32_t max_events, uint32_t time_resolution_ns, uint32_t flags)
{
    struct vz_encoder *encoder = memory;

    if (vz_packer_init(&encoder->packer, encoder + 1, max_events, (flags & VZ_ENCODER_STORE) != 0) != 0)
        return NULL;
    encoder->time_resolution_ns = time_resolution_ns ? time_resolution_ns : 1;
    encoder->sequence = 0;
    vz_crc32_init(&encoder->crc);
    return encoder;
}

#ifndef VZ_FREESTANDING
struct vz_encoder *vz_encoder_new(uint32_t time_resolution_ns, uint32_t flags)
{
    void *memory = malloc(vz_encoder_bytes(VZ_MAX_EVENTS));
    struct vz_encoder *encoder = memory ? vz_encoder_place(memory, VZ_MAX_EVENTS, time_resolution_ns, flags) : NULL;

    if (!encoder)
        free(memory);
    return encoder;
}

void vz_encoder_free(struct vz_encoder *encoder)
{
    if (!encoder)
        return;
    vz_packer_free(&encoder->packer);
    free(encoder);
}
#endif

int vz_encode_file_header(struct vz_encoder *encoder, uint64_t capabilities, uint64_t start_wall_ns,
                          struct vz_buffer *out)
{
    struct vz_file_header header = {
        .magic = VZ_FILE_MAGIC,
        .major = VZ_FORMAT_MAJOR,
        .minor = VZ_FORMAT_MINOR,
        .header_bytes = sizeof header,
        .capabilities = capabilities | (encoder->packer.zstd ? VZ_CAPABILITY_ZSTD : 0),
        .start_wall_ns = start_wall_ns,
        .time_resolution_ns = encoder->time_resolution_ns,
    };

    if (out->capacity - out->bytes < sizeof header)
        return -ENOSPC;
    header.header_crc = vz_crc32(&encoder->crc, &header, offsetof(struct vz_file_header, header_crc));
    memcpy(out->data + out->bytes, &header, sizeof header);
    out->bytes += sizeof header;
    return 0;
}

/* ---- framing ---------------------------------------------------------------------------------------------------- */

/* A block being written at the end of `out`: its payload grows there, behind room for the header. */
struct writer {
    struct vz_encoder *encoder;
    struct vz_buffer *out;
    uint8_t *payload;
    size_t room, bytes;
    struct vz_block_header header;
};

static struct writer open_block(struct vz_encoder *encoder, struct vz_buffer *out, enum vz_block_type type,
                                uint32_t image)
{
    struct writer w = {.encoder = encoder, .out = out};
    size_t room = out->capacity - out->bytes;

    w.header = (struct vz_block_header){.sync = VZ_BLOCK_SYNC, .type = (uint16_t)type, .image = image, .count = 1};
    w.payload = out->data + out->bytes + sizeof w.header;
    /* Keep room for the gap, so that closing cannot fail. */
    w.room = room > sizeof w.header + VZ_ALIGNMENT ? room - sizeof w.header - VZ_ALIGNMENT : 0;
    if (w.room > VZ_MAX_PAYLOAD)
        w.room = VZ_MAX_PAYLOAD;
    return w;
}

/* Append to the payload; too much is noticed when the block is closed. */
static void put(struct writer *w, const void *data, size_t n)
{
    if (w->bytes <= w->room && n <= w->room - w->bytes) {
        if (n > 0)
            memcpy(w->payload + w->bytes, data, n);
        w->bytes += n;
    } else {
        w->bytes = SIZE_MAX;
    }
}

static void put_text(struct writer *w, struct vz_text text) { put(w, text.data, text.bytes); }

static void put_gap(struct writer *w)
{
    static const uint8_t zeros[VZ_ALIGNMENT];

    put(w, zeros, -w->bytes % VZ_ALIGNMENT);
}

/* Header and gap around a payload that is in its place. */
static int seal(struct writer *w, size_t raw_bytes)
{
    struct vz_block_header *h = &w->header;
    size_t gap = -w->bytes % VZ_ALIGNMENT;

    h->sequence = w->encoder->sequence++;
    h->stored_bytes = (uint32_t)w->bytes;
    h->raw_bytes = (uint32_t)raw_bytes;
    h->payload_crc = vz_crc32(&w->encoder->crc, w->payload, w->bytes);
    h->header_crc = vz_crc32(&w->encoder->crc, h, offsetof(struct vz_block_header, header_crc));
    memset(w->payload + w->bytes, 0, gap);
    memcpy(w->payload - sizeof *h, h, sizeof *h);
    w->out->bytes += sizeof *h + w->bytes + gap;
    return 0;
}

/* Compress the payload if that pays, and seal. Payloads beyond the scratch memory stay as they are. */
static int close_block(struct writer *w)
{
    struct vz_packer *packer = &w->encoder->packer;
    size_t raw = w->bytes;

    if (raw == SIZE_MAX || w->room == 0)
        return -ENOSPC;
    if (packer->zstd && raw > 0 && raw <= 8u * packer->max_values) {
        size_t stored = vz_packer_compress(packer, w->payload, raw, packer->planes, 8u * packer->max_values);
        if (stored < raw) {
            memcpy(w->payload, packer->planes, stored);
            w->bytes = stored;
            w->header.flags |= VZ_BLOCK_ZSTD;
        }
    }
    return seal(w, raw);
}

static void set_times(struct writer *w, uint64_t first, uint64_t last)
{
    w->header.first_time = first;
    w->header.last_time = last;
}

/* ---- records ---------------------------------------------------------------------------------------------------- */

int vz_encode_session(struct vz_encoder *encoder, const struct vz_session_record *record, struct vz_text host,
                      struct vz_text version, struct vz_text system, struct vz_text args, struct vz_buffer *out)
{
    struct writer w = open_block(encoder, out, VZ_BLOCK_SESSION, VZ_NO_IMAGE);
    struct vz_session_record r = *record;

    r.host_bytes = host.bytes;
    r.version_bytes = version.bytes;
    r.system_bytes = system.bytes;
    r.args_bytes = args.bytes;
    put(&w, &r, sizeof r);
    put_text(&w, host);
    put_text(&w, version);
    put_text(&w, system);
    put_text(&w, args);
    return close_block(&w);
}

int vz_encode_image(struct vz_encoder *encoder, uint32_t image, const struct vz_image_record *record,
                    struct vz_text exe, struct vz_text cwd, struct vz_text args, struct vz_buffer *out)
{
    struct writer w = open_block(encoder, out, VZ_BLOCK_IMAGE, image);
    struct vz_image_record r = *record;

    r.exe_bytes = exe.bytes;
    r.cwd_bytes = cwd.bytes;
    r.args_bytes = args.bytes;
    set_times(&w, r.start_time, r.start_time);
    put(&w, &r, sizeof r);
    put_text(&w, exe);
    put_text(&w, cwd);
    put_text(&w, args);
    return close_block(&w);
}

int vz_encode_image_end(struct vz_encoder *encoder, uint32_t image, const struct vz_image_end_record *record,
                        struct vz_buffer *out)
{
    struct writer w = open_block(encoder, out, VZ_BLOCK_IMAGE_END, image);

    set_times(&w, record->time, record->time);
    put(&w, record, sizeof *record);
    return close_block(&w);
}

int vz_encode_threads(struct vz_encoder *encoder, uint32_t image, const struct vz_thread_record *records, uint32_t n,
                      struct vz_buffer *out)
{
    struct writer w = open_block(encoder, out, VZ_BLOCK_THREADS, image);

    if (n == 0)
        return -EINVAL;
    w.header.count = n;
    set_times(&w, records[0].first_time, records[n - 1].first_time);
    put(&w, records, n * sizeof *records);
    return close_block(&w);
}

int vz_encode_modules(struct vz_encoder *encoder, uint32_t image, const struct vz_module_record *records,
                      const struct vz_text *paths, uint32_t n, struct vz_buffer *out)
{
    struct writer w = open_block(encoder, out, VZ_BLOCK_MODULES, image);

    if (n == 0)
        return -EINVAL;
    w.header.count = n;
    set_times(&w, records[0].time, records[n - 1].time);
    for (uint32_t i = 0; i < n; i++) {
        struct vz_module_record r = records[i];
        if (r.build_id_bytes > sizeof r.build_id)
            return -EINVAL;
        r.path_bytes = paths[i].bytes;
        put(&w, &r, sizeof r);
        put_text(&w, paths[i]);
        put_gap(&w);
    }
    return close_block(&w);
}

int vz_encode_module(struct vz_encoder *encoder, uint32_t image, const struct vz_module_record *record,
                     struct vz_text path, struct vz_buffer *out)
{
    return vz_encode_modules(encoder, image, record, &path, 1, out);
}

int vz_encode_unloads(struct vz_encoder *encoder, uint32_t image, const struct vz_unload_record *records, uint32_t n,
                      struct vz_buffer *out)
{
    struct writer w = open_block(encoder, out, VZ_BLOCK_UNLOADS, image);

    if (n == 0)
        return -EINVAL;
    w.header.count = n;
    set_times(&w, records[0].time, records[n - 1].time);
    put(&w, records, n * sizeof *records);
    return close_block(&w);
}

int vz_encode_samples(struct vz_encoder *encoder, uint32_t image, const struct vz_sample_record *records, uint32_t n,
                      struct vz_buffer *out)
{
    struct writer w = open_block(encoder, out, VZ_BLOCK_SAMPLES, image);

    if (n == 0)
        return -EINVAL;
    w.header.count = n;
    set_times(&w, records[0].time, records[n - 1].time);
    put(&w, records, n * sizeof *records);
    return close_block(&w);
}

int vz_encode_note(struct vz_encoder *encoder, uint32_t image, const struct vz_note_record *record, struct vz_text text,
                   struct vz_buffer *out)
{
    struct writer w = open_block(encoder, out, VZ_BLOCK_NOTES, image);
    struct vz_note_record r = *record;

    r.text_bytes = text.bytes;
    set_times(&w, r.time, r.time);
    put(&w, &r, sizeof r);
    put_text(&w, text);
    return close_block(&w);
}

int vz_encode_jit_map(struct vz_encoder *encoder, uint32_t image, const struct vz_jit_map_record *record,
                      struct vz_text text, struct vz_buffer *out)
{
    struct writer w = open_block(encoder, out, VZ_BLOCK_JIT_MAP, image);
    struct vz_jit_map_record r = *record;

    r.text_bytes = text.bytes;
    set_times(&w, r.time, r.time);
    put(&w, &r, sizeof r);
    put_text(&w, text);
    return close_block(&w);
}

int vz_encode_drops(struct vz_encoder *encoder, uint32_t image, const struct vz_drop_record *records, uint32_t n,
                    struct vz_buffer *out)
{
    struct writer w = open_block(encoder, out, VZ_BLOCK_DROPS, image);

    if (n == 0)
        return -EINVAL;
    w.header.count = n;
    set_times(&w, records[0].first_time, records[n - 1].last_time);
    put(&w, records, n * sizeof *records);
    return close_block(&w);
}

int vz_encode_end(struct vz_encoder *encoder, const struct vz_end_record *record, struct vz_buffer *out)
{
    struct writer w = open_block(encoder, out, VZ_BLOCK_END, VZ_NO_IMAGE);

    set_times(&w, record->time, record->time);
    put(&w, record, sizeof *record);
    return close_block(&w);
}

/* ---- processes that write their own trace ----------------------------------------------------------------------- */

int vz_encode_pool(struct vz_encoder *encoder, uint32_t image, const struct vz_pool_record *record,
                   struct vz_buffer *out)
{
    struct writer w = open_block(encoder, out, VZ_BLOCK_POOL, image);

    if (record->gap % VZ_ALIGNMENT != 0 || record->bytes > VZ_MAX_PAYLOAD)
        return -EINVAL;
    put(&w, record, sizeof *record);
    const size_t checked = w.bytes;
    if (checked == SIZE_MAX || w.room - checked < record->gap)
        return -ENOSPC;
    memset(w.payload + checked, 0, record->gap);
    w.header.sequence = encoder->sequence++;
    w.header.stored_bytes = w.header.raw_bytes = (uint32_t)(checked + record->gap + record->bytes);
    w.header.payload_crc = vz_crc32(&encoder->crc, w.payload, checked); /* what follows changes all the time */
    w.header.header_crc = vz_crc32(&encoder->crc, &w.header, offsetof(struct vz_block_header, header_crc));
    memcpy(w.payload - sizeof w.header, &w.header, sizeof w.header);
    out->bytes += sizeof w.header + checked + record->gap;
    return 0;
}

int vz_encode_positions(struct vz_encoder *encoder, uint32_t image, const struct vz_positions_record *record,
                        const struct vz_position *positions, uint32_t n, struct vz_buffer *out)
{
    struct writer w = open_block(encoder, out, VZ_BLOCK_POSITIONS, image);

    w.header.count = n;
    set_times(&w, record->last_time, record->last_time);
    put(&w, record, sizeof *record);
    put(&w, positions, n * sizeof *positions);
    return close_block(&w);
}

uint32_t vz_encoder_sequence(const struct vz_encoder *encoder) { return encoder->sequence; }

void vz_encoder_rewind(struct vz_encoder *encoder, uint32_t sequence) { encoder->sequence = sequence; }

/* ---- columns ---------------------------------------------------------------------------------------------------- */

/* Make room for the head of a block of columns; returns where the columns' descriptions go. */
static struct vz_column *open_columns(struct writer *w, uint32_t n_columns)
{
    static const struct vz_column none[8];
    struct vz_columns_head head = {.n_columns = n_columns, .time_resolution_ns = w->encoder->time_resolution_ns};

    put(w, &head, sizeof head);
    put(w, none, n_columns * sizeof none[0]);
    return (struct vz_column *)(void *)(w->payload + sizeof head);
}

static struct vz_values bytes_of(const uint8_t *data) { return (struct vz_values){data, sizeof *data}; }
static struct vz_values u32_of(const uint32_t *data) { return (struct vz_values){data, sizeof *data}; }
static struct vz_values u64_of(const uint64_t *data) { return (struct vz_values){data, sizeof *data}; }

static void put_column(struct writer *w, struct vz_column *column, enum vz_column_id id, enum vz_encoding encoding,
                       struct vz_values values, uint32_t n)
{
    struct vz_column filled;

    if (w->bytes > w->room || vz_packer_column(&w->encoder->packer, encoding, values, n, &filled, w->payload + w->bytes,
                                               w->room - w->bytes) != 0) {
        w->bytes = SIZE_MAX;
        return;
    }
    filled.column = (uint8_t)id;
    w->bytes += filled.stored_bytes;
    *column = filled;
}

/* Columns are compressed one by one: the payload is sealed as it is. */
static int close_columns(struct writer *w) { return w->bytes > w->room ? -ENOSPC : seal(w, w->bytes); }

/* Addresses recur: how far back, and only the new ones themselves. */
static void put_addresses(struct writer *w, struct vz_column *column, enum vz_column_id back, enum vz_column_id literal,
                          const uint64_t *source, uint32_t n)
{
    struct vz_packer *packer = &w->encoder->packer;
    uint32_t n_literals = vz_packer_back(packer, source, n);

    put_column(w, column, back, VZ_ENCODING_PLAIN, u32_of(packer->small), n);
    put_column(w, column + 1, literal, VZ_ENCODING_ZIGZAG, u64_of(packer->large), n_literals);
}

int vz_encode_nodes(struct vz_encoder *encoder, uint32_t image, const struct vz_node_columns *nodes,
                    struct vz_buffer *out)
{
    struct writer w = open_block(encoder, out, VZ_BLOCK_NODES, image);
    uint32_t n = nodes->n;

    if (n == 0 || n > encoder->packer.max_values)
        return -EINVAL;
    w.header.count = n;
    set_times(&w, nodes->time, nodes->time);
    struct vz_column *column = open_columns(&w, 5);
    put_column(&w, column++, VZ_COLUMN_NODE, VZ_ENCODING_ZIGZAG, u32_of(nodes->node), n);
    put_column(&w, column++, VZ_COLUMN_PARENT, VZ_ENCODING_ZIGZAG, u32_of(nodes->parent), n);
    put_column(&w, column++, VZ_COLUMN_CODE, VZ_ENCODING_PLAIN, u32_of(nodes->code), n);
    put_addresses(&w, column, VZ_COLUMN_PC_BACK, VZ_COLUMN_PC, nodes->pc, n);
    return close_columns(&w);
}

/* time / resolution, rounded down; in a block that spans less than four seconds by 32-bit products, which are at most one too
 * small. */
static void round_times(const struct vz_event_columns *events, uint32_t resolution, uint64_t *rounded)
{
    uint64_t reciprocal = UINT32_MAX / resolution;
    uint64_t first_tick = events->time[0] / resolution;
    uint64_t first = first_tick * resolution;
    uint32_t n = events->n;

    if (events->time[n - 1] - first > UINT32_MAX) {
        for (uint32_t i = 0; i < n; i++)
            rounded[i] = events->time[i] / resolution;
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t time = (uint32_t)(events->time[i] - first);
        uint32_t ticks = (uint32_t)(time * reciprocal >> 32);
        rounded[i] = first_tick + ticks + (time - ticks * resolution >= resolution);
    }
}

/* Each time once, and where the events that have it end. */
static void put_times(struct writer *w, struct vz_column *column, const struct vz_event_columns *events)
{
    struct vz_packer *packer = &w->encoder->packer;
    uint32_t last = events->n - 1;
    uint32_t n = 0;

    round_times(events, w->encoder->time_resolution_ns, packer->large);
    for (uint32_t i = 0; i < last; i++) {
        uint64_t time = packer->large[i];
        packer->large[n] = time;
        packer->small[n] = i + 1;
        n += packer->large[i + 1] != time;
    }
    packer->large[n] = packer->large[last];
    packer->small[n++] = events->n;
    put_column(w, column, VZ_COLUMN_TIME, VZ_ENCODING_DELTA, u64_of(packer->large), n);
    put_column(w, column + 1, VZ_COLUMN_TIME_END, VZ_ENCODING_DELTA, u32_of(packer->small), n);
}

/* Sizes and stacks, of the events that have them. */
static void put_sizes_and_stacks(struct writer *w, struct vz_column *column, const struct vz_event_columns *events)
{
    struct vz_packer *packer = &w->encoder->packer;
    bool free_stacks = (events->flags & VZ_BLOCK_FREE_STACKS) != 0;
    uint8_t has_size[256], has_stack[256];
    uint32_t n_sizes = 0, n_stacks = 0;

    for (uint32_t kind = 0; kind < 256; kind++) {
        has_size[kind] = vz_kind_has_size((uint8_t)kind);
        has_stack[kind] = vz_kind_has_stack((uint8_t)kind, free_stacks);
    }
    for (uint32_t i = 0; i < events->n; i++) {
        uint8_t kind = events->kind[i];
        packer->large[n_sizes] = events->size[i];
        packer->small[n_stacks] = events->stack[i];
        n_sizes += has_size[kind];
        n_stacks += has_stack[kind];
    }
    put_column(w, column, VZ_COLUMN_SIZE, VZ_ENCODING_PLAIN, u64_of(packer->large), n_sizes);
    put_column(w, column + 1, VZ_COLUMN_STACK, VZ_ENCODING_ZIGZAG, u32_of(packer->small), n_stacks);
}

int vz_encode_events(struct vz_encoder *encoder, uint32_t image, const struct vz_event_columns *events,
                     struct vz_buffer *out)
{
    struct writer w = open_block(encoder, out, VZ_BLOCK_EVENTS, image);
    uint32_t n = events->n;

    if (n == 0 || n > encoder->packer.max_values)
        return -EINVAL;
    w.header.count = n;
    w.header.flags = events->flags & VZ_BLOCK_FREE_STACKS;
    set_times(&w, events->time[0], events->time[n - 1]);

    struct vz_column *column = open_columns(&w, 8);
    put_column(&w, column++, VZ_COLUMN_KIND, VZ_ENCODING_PLAIN, bytes_of(events->kind), n);
    put_column(&w, column++, VZ_COLUMN_THREAD, VZ_ENCODING_PLAIN, u32_of(events->thread), n);
    put_times(&w, column, events);
    column += 2;
    put_sizes_and_stacks(&w, column, events);
    column += 2;
    put_addresses(&w, column, VZ_COLUMN_BACK, VZ_COLUMN_ADDRESS, events->address, n);
    return close_columns(&w);
}

/* ---- index ------------------------------------------------------------------------------------------------------ */

struct vz_index_entry vz_index_entry_of(const void *header, uint64_t offset)
{
    struct vz_block_header h;

    memcpy(&h, header, sizeof h);
    return (struct vz_index_entry){.offset = offset,
                                   .type = h.type,
                                   .flags = h.flags,
                                   .image = h.image,
                                   .count = h.count,
                                   .stored_bytes = h.stored_bytes,
                                   .first_time = h.first_time,
                                   .last_time = h.last_time};
}

size_t vz_block_bytes(const void *header)
{
    struct vz_block_header h;

    memcpy(&h, header, sizeof h);
    return sizeof h + ((size_t)h.stored_bytes + VZ_ALIGNMENT - 1) / VZ_ALIGNMENT * VZ_ALIGNMENT;
}

int vz_encode_index(struct vz_encoder *encoder, const struct vz_index_entry *entries, uint32_t n, uint64_t offset,
                    struct vz_buffer *out)
{
    struct vz_trailer trailer = {.index_offset = offset, .magic = VZ_TRAILER_MAGIC};
    struct writer w = open_block(encoder, out, VZ_BLOCK_INDEX, VZ_NO_IMAGE);

    if (w.room < n * sizeof *entries + sizeof trailer)
        return -ENOSPC;
    w.header.count = n;
    put(&w, entries, n * sizeof *entries);
    int error = close_block(&w);
    if (error)
        return error;
    trailer.crc = vz_crc32(&encoder->crc, &trailer, offsetof(struct vz_trailer, crc));
    memcpy(out->data + out->bytes, &trailer, sizeof trailer);
    out->bytes += sizeof trailer;
    return 0;
}
