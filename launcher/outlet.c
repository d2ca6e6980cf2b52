/* Files and streams as outlets: see outlet.h. */
#include "outlet.h"

#include <errno.h>
#include <unistd.h>

#include "io.h"
#include "message.h"
#include "sink.h"

int vz_outlet_open_file(const char *path, struct vz_outlet *outlet)
{
    int fd = vz_sink_open(path);
    *outlet = (struct vz_outlet){.name = path, .fd = fd};
    if (fd < 0)
        vz_sink_open_failed(path, fd);
    return fd < 0 ? fd : 0;
}

int vz_outlet_open_stream(const struct vz_stream_target *target, struct vz_outlet *outlet)
{
    *outlet = (struct vz_outlet){.name = target->name, .fd = -1};
    return vz_stream_open(target, &outlet->stream);
}

int vz_outlet_write(struct vz_outlet *outlet, const void *bytes, size_t n)
{
    return outlet->stream ? vz_stream_write(outlet->stream, bytes, n) : vz_io_write_all(outlet->fd, bytes, n);
}

bool vz_outlet_has_room(const struct vz_outlet *outlet)
{
    return !outlet->stream || vz_stream_has_room(outlet->stream);
}

int vz_outlet_close(struct vz_outlet *outlet)
{
    if (!outlet->stream)
        return outlet->fd < 0 || close(outlet->fd) == 0 ? 0 : -errno;
    unsigned long long missing = vz_stream_close(outlet->stream);
    if (missing)
        vz_message_error("%s: the receiver is gone: the last %llu bytes of the trace did not reach it", outlet->name,
                         missing);
    return missing ? -EPIPE : 0;
}
