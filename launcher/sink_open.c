/* Opening sinks: see sink_open.h. */
#define _GNU_SOURCE
#include "sink_open.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"

#define TIME_RESOLUTION_NS 1000u
#define BUFFER_BYTES (VZ_EVENTS_BOUND + (1u << 20))

int vz_sink_open(const char *path, int access)
{
    /* Non-blocking, or a pipe that nobody reads would hold us here. Files do not care. */
    int fd = open(path, access | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
    if (fd < 0)
        return -errno;
    return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) == 0 ? fd : -errno;
}

void vz_sink_open_failed(const char *path, int error)
{
    const char *advice = "";
    if (error == -ENXIO)
        advice = "; nobody reads from that pipe yet: start its reader first";
    else if (error == -ENOSPC || error == -EDQUOT)
        advice = "; free some space, or let LOG lie elsewhere";
    else if (error == -EISDIR)
        advice = "; LOG must be a file";
    else if (error == -ENOENT || error == -ENOTDIR || error == -EACCES || error == -EROFS || error == -EPERM)
        advice = "; LOG must lie in a directory that is there and writable";
    vz_message_error("%s: can't write the trace: %s%s", path, strerror(-error), advice);
}

void vz_sink_say_failed(const struct vz_sink *sink, int error)
{
    vz_message_error("%s: %s; the recording stops here and keeps what it has, the program goes on", sink->name,
                     strerror(-error));
}

static void *reallocate(void *memory, size_t bytes)
{
    if (bytes)
        return realloc(memory, bytes);
    free(memory);
    return NULL;
}

static void release(struct vz_trace_sink *trace)
{
    vz_encoder_free(trace->encoder);
    free(trace->buffer.data);
    free(trace->index);
    free(trace);
}

int vz_sink_trace_open(struct vz_outlet *outlet, const struct vz_sink_session *session, struct vz_sink **sink)
{
    struct vz_trace_sink *trace = calloc(1, sizeof(*trace));
    if (!trace)
        return -ENOMEM;
    *trace = (struct vz_trace_sink){.sink = {.say_failed = vz_sink_say_failed},
                                    .outlet = outlet,
                                    .encoder = vz_encoder_new(TIME_RESOLUTION_NS, 0),
                                    .buffer = {.data = malloc(BUFFER_BYTES), .capacity = BUFFER_BYTES},
                                    .reallocate = reallocate,
                                    .release = release};
    int error = trace->encoder && trace->buffer.data ? vz_trace_sink_start(trace, session) : -ENOMEM;
    if (error) {
        vz_sink_open_failed(outlet->name, error);
        outlet->ops->close(outlet);
        release(trace);
        return error;
    }
    *sink = &trace->sink;
    return 0;
}
