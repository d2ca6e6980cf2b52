/* The sink that makes a trace (docs/trace-format.md). */
#ifndef VZ_SINK_TRACE_H
#define VZ_SINK_TRACE_H

#include "outlet.h"
#include "sink.h"

/* Filled in by who makes one, up to `written`; the rest is zero. */
struct vz_trace_sink {
    struct vz_sink sink; /* of it, say_failed */
    struct vz_outlet *outlet;
    struct vz_encoder *encoder;
    struct vz_buffer buffer; /* VZ_STORED_BOUND of the most events at once; or more than VZ_EVENTS_BOUND, to compress */
    void *(*reallocate)(void *memory, size_t bytes); /* as realloc, for the index; 0 bytes: free. NULL: no index */
    void (*release)(struct vz_trace_sink *trace);    /* when it is closed */

    uint64_t written; /* bytes of the trace before the buffer's first */
    struct vz_index_entry *index;
    uint32_t n_index, index_capacity;
};

/* Writes what comes first. Returns 0 or -errno, without a word. */
int vz_trace_sink_start(struct vz_trace_sink *trace, const struct vz_sink_session *session);

#endif
