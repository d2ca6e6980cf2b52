/* The trace (docs/trace-format.md): blocks appended through one buffer, an index at the end.
 *
 * Append-only: what has gone out is a valid trace after each block, whatever happens next. The index is kept in memory, 40 bytes
 * a block, so it is given up (readers scan instead) when a recording has more blocks than INDEX_LIMIT.
 */
#define _GNU_SOURCE
#include "sink_trace.h"

#include <errno.h>

#define WRITE_THRESHOLD (1u << 18) /* buffered bytes from which a block's end is worth a system call */
#define INDEX_LIMIT (1u << 18)     /* entries: 10 MiB */

static struct vz_trace_sink *self(struct vz_sink *sink) { return (struct vz_trace_sink *)sink; }

static int flush(struct vz_sink *sink)
{
    struct vz_trace_sink *trace = self(sink);
    int error = trace->outlet->ops->write(trace->outlet, trace->buffer.data, trace->buffer.bytes);
    if (!error) /* else the blocks that still went in stay, and the one that was cut: readers skip that */
        trace->written += trace->buffer.bytes;
    trace->buffer.bytes = 0;
    return error;
}

/* Makes room for a block of at most `bound` bytes. */
static int reserve(struct vz_trace_sink *trace, size_t bound)
{
    return trace->buffer.capacity - trace->buffer.bytes < bound ? flush(&trace->sink) : 0;
}

static int add_index_entry(struct vz_trace_sink *trace, struct vz_index_entry entry)
{
    if (trace->n_index == trace->index_capacity) {
        uint32_t capacity = trace->index_capacity ? trace->index_capacity * 2 : 256;
        struct vz_index_entry *grown = trace->reallocate(trace->index, capacity * sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        trace->index = grown;
        trace->index_capacity = capacity;
    }
    trace->index[trace->n_index++] = entry;
    return 0;
}

/* After a block was encoded at `start` of the buffer: index it, and write when enough has come together. */
static int finish(struct vz_trace_sink *trace, size_t start, int error)
{
    if (!error && trace->reallocate && trace->n_index < INDEX_LIMIT)
        error = add_index_entry(trace, vz_index_entry_of(trace->buffer.data + start, trace->written + start));
    if (!error && trace->buffer.bytes >= WRITE_THRESHOLD)
        error = flush(&trace->sink);
    return error;
}

/* Encodes a block by the call, which appends to `out`. */
#define APPEND(trace, bound, call)                                                                                     \
    do {                                                                                                               \
        int reserve_error = reserve((trace), (bound));                                                                 \
        if (reserve_error)                                                                                             \
            return reserve_error;                                                                                      \
        struct vz_buffer *out = &(trace)->buffer;                                                                      \
        size_t start = out->bytes;                                                                                     \
        return finish((trace), start, (call));                                                                         \
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

/* Compressing is faster with room to spare; a small buffer is that of an encoder that stores. */
static size_t columns_bound(const struct vz_trace_sink *trace, uint32_t n)
{
    return trace->buffer.capacity > VZ_EVENTS_BOUND ? VZ_EVENTS_BOUND : VZ_STORED_BOUND(n);
}

static int put_nodes(struct vz_sink *sink, uint32_t image, const struct vz_node_columns *nodes)
{
    APPEND(self(sink), columns_bound(self(sink), nodes->n), vz_encode_nodes(self(sink)->encoder, image, nodes, out));
}

static int put_events(struct vz_sink *sink, uint32_t image, const struct vz_event_columns *events)
{
    APPEND(self(sink), columns_bound(self(sink), events->n), vz_encode_events(self(sink)->encoder, image, events, out));
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

static int put_drops(struct vz_sink *sink, uint32_t image, const struct vz_drop_record *records, uint32_t n)
{
    APPEND(self(sink), VZ_RECORD_BOUND(n * (uint32_t)sizeof(*records)),
           vz_encode_drops(self(sink)->encoder, image, records, n, out));
}

static int put_end(struct vz_sink *sink, const struct vz_end_record *record)
{
    struct vz_trace_sink *trace = self(sink);
    int error = reserve(trace, VZ_RECORD_BOUND(0));
    if (error)
        return error;
    size_t start = trace->buffer.bytes;
    error = finish(trace, start, vz_encode_end(trace->encoder, record, &trace->buffer));
    if (!error)
        error = flush(sink);
    if (error)
        return error;
    if (!trace->reallocate || trace->n_index == INDEX_LIMIT) { /* an empty one: readers scan, receivers see the end */
        error = vz_encode_index(trace->encoder, NULL, 0, trace->written, &trace->buffer);
        return error ? error : flush(sink);
    }
    /* The index may be larger than the buffer: it gets room of its own. */
    struct vz_buffer out = {.capacity = VZ_INDEX_BOUND(trace->n_index)};
    out.data = trace->reallocate(NULL, out.capacity);
    if (!out.data)
        return 0; /* readers scan */
    error = vz_encode_index(trace->encoder, trace->index, trace->n_index, trace->written, &out);
    if (!error)
        error = trace->outlet->ops->write(trace->outlet, out.data, out.bytes);
    trace->reallocate(out.data, 0);
    return error;
}

static void close_trace(struct vz_sink *sink)
{
    struct vz_trace_sink *trace = self(sink);
    int error = trace->outlet->ops->close(trace->outlet);
    if (error)
        vz_sink_fail(sink, error);
    trace->release(trace);
}

static bool has_room(struct vz_sink *sink) { return self(sink)->outlet->ops->has_room(self(sink)->outlet); }

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
                                              .drops = put_drops,
                                              .flush = flush,
                                              .end = put_end,
                                              .has_room = has_room,
                                              .close = close_trace};

static int write_start(struct vz_trace_sink *trace, const struct vz_sink_session *session)
{
    int error = vz_encode_file_header(trace->encoder, session->capabilities, session->start_wall_ns, &trace->buffer);
    if (error)
        return error;
    size_t start = trace->buffer.bytes;
    error = vz_encode_session(trace->encoder, &session->record, session->host, session->version, session->system,
                              session->args, &trace->buffer);
    error = finish(trace, start, error);
    return error ? error : flush(&trace->sink); /* a full disk shows before COMMAND is started */
}

int vz_trace_sink_start(struct vz_trace_sink *trace, const struct vz_sink_session *session)
{
    trace->sink.ops = &operations;
    trace->sink.name = trace->outlet->name;
    return write_start(trace, session);
}
