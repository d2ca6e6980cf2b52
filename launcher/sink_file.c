/* The trace file (docs/trace-format.md): blocks appended through one buffer, an index at the end.
 *
 * Append-only: the file is a valid trace after each block, whatever happens next. The index is kept in memory, 40 bytes
 * a block, so it is given up (readers scan instead) when a recording has more blocks than INDEX_LIMIT.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io.h"
#include "message.h"
#include "sink.h"

#define TIME_RESOLUTION_NS 1000u
#define BUFFER_BYTES (VZ_EVENTS_BOUND + (1u << 20))
#define WRITE_THRESHOLD (1u << 18) /* buffered bytes from which a block's end is worth a system call */
#define INDEX_LIMIT (1u << 18)     /* entries: 10 MiB */

struct file_sink {
    struct vz_sink sink;
    int fd;
    struct vz_encoder *encoder;
    struct vz_buffer buffer;
    uint64_t written; /* bytes of the file before the buffer's first */
    struct vz_index_entry *index;
    uint32_t n_index, index_capacity;
};

static struct file_sink *self(struct vz_sink *sink) { return (struct file_sink *)sink; }

static int flush(struct vz_sink *sink)
{
    struct file_sink *file = self(sink);
    int error = vz_io_write_all(file->fd, file->buffer.data, file->buffer.bytes);
    if (!error) /* else the blocks that still went in stay, and the one that was cut: readers skip that */
        file->written += file->buffer.bytes;
    file->buffer.bytes = 0;
    return error;
}

/* Makes room for a block of at most `bound` bytes. */
static int reserve(struct file_sink *file, size_t bound)
{
    return file->buffer.capacity - file->buffer.bytes < bound ? flush(&file->sink) : 0;
}

static int add_index_entry(struct file_sink *file, struct vz_index_entry entry)
{
    if (file->n_index == file->index_capacity) {
        uint32_t capacity = file->index_capacity ? file->index_capacity * 2 : 256;
        struct vz_index_entry *grown = realloc(file->index, capacity * sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        file->index = grown;
        file->index_capacity = capacity;
    }
    file->index[file->n_index++] = entry;
    return 0;
}

/* After a block was encoded at `start` of the buffer: index it, and write when enough has come together. */
static int finish(struct file_sink *file, size_t start, int error)
{
    if (!error && file->n_index < INDEX_LIMIT)
        error = add_index_entry(file, vz_index_entry_of(file->buffer.data + start, file->written + start));
    if (!error && file->buffer.bytes >= WRITE_THRESHOLD)
        error = flush(&file->sink);
    return error;
}

/* Encodes a block by the call, which appends to `out`. */
#define APPEND(file, bound, call)                                                                                      \
    do {                                                                                                               \
        int reserve_error = reserve((file), (bound));                                                                  \
        if (reserve_error)                                                                                             \
            return reserve_error;                                                                                      \
        struct vz_buffer *out = &(file)->buffer;                                                                       \
        size_t start = out->bytes;                                                                                     \
        return finish((file), start, (call));                                                                          \
    } while (0)

static int put_image(struct vz_sink *sink, uint32_t image, const struct vz_image_record *record, struct vz_text exe,
                     struct vz_text cwd, struct vz_text args)
{
    APPEND(self(sink), VZ_RECORD_BOUND(exe.bytes + cwd.bytes + args.bytes),
           vz_encode_image(self(sink)->encoder, image, record, exe, cwd, args, out));
}

static int put_image_end(struct vz_sink *sink, uint32_t image, const struct vz_image_end_record *record)
{
    APPEND(self(sink), VZ_RECORD_BOUND(0), vz_encode_image_end(self(sink)->encoder, image, record, out));
}

static int put_threads(struct vz_sink *sink, uint32_t image, const struct vz_thread_record *records, uint32_t n)
{
    APPEND(self(sink), VZ_RECORD_BOUND(n * (uint32_t)sizeof(*records)),
           vz_encode_threads(self(sink)->encoder, image, records, n, out));
}

static int put_modules(struct vz_sink *sink, uint32_t image, const struct vz_module_record *records,
                       const struct vz_text *paths, uint32_t n)
{
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < n; i++)
        bytes += (uint32_t)sizeof(*records) + paths[i].bytes + VZ_ALIGNMENT;
    APPEND(self(sink), VZ_RECORD_BOUND(bytes), vz_encode_modules(self(sink)->encoder, image, records, paths, n, out));
}

static int put_unload(struct vz_sink *sink, uint32_t image, const struct vz_unload_record *record)
{
    APPEND(self(sink), VZ_RECORD_BOUND(0), vz_encode_unloads(self(sink)->encoder, image, record, 1, out));
}

static int put_nodes(struct vz_sink *sink, uint32_t image, const struct vz_node_columns *nodes)
{
    APPEND(self(sink), VZ_EVENTS_BOUND, vz_encode_nodes(self(sink)->encoder, image, nodes, out));
}

static int put_events(struct vz_sink *sink, uint32_t image, const struct vz_event_columns *events)
{
    APPEND(self(sink), VZ_EVENTS_BOUND, vz_encode_events(self(sink)->encoder, image, events, out));
}

static int put_samples(struct vz_sink *sink, uint32_t image, const struct vz_sample_record *records, uint32_t n)
{
    APPEND(self(sink), VZ_RECORD_BOUND(n * (uint32_t)sizeof(*records)),
           vz_encode_samples(self(sink)->encoder, image, records, n, out));
}

static int put_note(struct vz_sink *sink, uint32_t image, const struct vz_note_record *record, struct vz_text text)
{
    APPEND(self(sink), VZ_RECORD_BOUND(text.bytes), vz_encode_note(self(sink)->encoder, image, record, text, out));
}

static int put_jit_map(struct vz_sink *sink, uint32_t image, const struct vz_jit_map_record *record,
                       struct vz_text text)
{
    APPEND(self(sink), VZ_RECORD_BOUND(text.bytes), vz_encode_jit_map(self(sink)->encoder, image, record, text, out));
}

static int put_end(struct vz_sink *sink, const struct vz_end_record *record)
{
    struct file_sink *file = self(sink);
    int error = reserve(file, VZ_RECORD_BOUND(0));
    if (error)
        return error;
    size_t start = file->buffer.bytes;
    error = finish(file, start, vz_encode_end(file->encoder, record, &file->buffer));
    if (!error)
        error = flush(sink);
    if (error || file->n_index == INDEX_LIMIT)
        return error;
    /* The index may be larger than the buffer: it gets room of its own. */
    struct vz_buffer out = {.capacity = VZ_INDEX_BOUND(file->n_index)};
    out.data = malloc(out.capacity);
    if (!out.data)
        return 0; /* readers scan */
    error = vz_encode_index(file->encoder, file->index, file->n_index, file->written, &out);
    if (!error)
        error = vz_io_write_all(file->fd, out.data, out.bytes);
    free(out.data);
    return error;
}

static void close_file(struct vz_sink *sink)
{
    struct file_sink *file = self(sink);
    if (file->fd >= 0 && close(file->fd) != 0 && !sink->has_failed)
        vz_sink_fail(sink, -errno);
    vz_encoder_free(file->encoder);
    free(file->buffer.data);
    free(file->index);
    free(file);
}

static const struct vz_sink_ops operations = {.image = put_image,
                                              .image_end = put_image_end,
                                              .threads = put_threads,
                                              .modules = put_modules,
                                              .unload = put_unload,
                                              .nodes = put_nodes,
                                              .events = put_events,
                                              .samples = put_samples,
                                              .note = put_note,
                                              .jit_map = put_jit_map,
                                              .flush = flush,
                                              .end = put_end,
                                              .close = close_file};

static int write_start(struct file_sink *file, const struct vz_sink_session *session)
{
    uint64_t capabilities = session->free_stacks ? VZ_CAPABILITY_FREE_STACKS : 0;
    int error = vz_encode_file_header(file->encoder, capabilities, session->start_wall_ns, &file->buffer);
    if (error)
        return error;
    size_t start = file->buffer.bytes;
    error = vz_encode_session(file->encoder, &session->record, session->host, session->version, session->system,
                              session->args, &file->buffer);
    error = finish(file, start, error);
    return error ? error : flush(&file->sink); /* a full disk shows before COMMAND is started */
}

int vz_sink_file_open(const char *path, const struct vz_sink_session *session, struct vz_sink **sink)
{
    struct file_sink *file = calloc(1, sizeof(*file));
    if (!file)
        return -ENOMEM;
    int error = 0;
    file->sink = (struct vz_sink){.ops = &operations, .name = path};
    file->fd = vz_sink_open(path);
    file->encoder = vz_encoder_new(TIME_RESOLUTION_NS, 0);
    file->buffer = (struct vz_buffer){.data = malloc(BUFFER_BYTES), .capacity = BUFFER_BYTES};
    if (file->fd < 0)
        error = file->fd;
    else if (!file->encoder || !file->buffer.data)
        error = -ENOMEM;
    if (!error)
        error = write_start(file, session);
    if (error) {
        vz_sink_open_failed(path, error);
        file->sink.has_failed = true;
        close_file(&file->sink);
        return error;
    }
    *sink = &file->sink;
    return 0;
}
