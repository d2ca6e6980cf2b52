/* What all sinks share: see sink.h. */
#define _GNU_SOURCE
#include "sink.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "message.h"

int vz_sink_open(const char *path)
{
    /* Non-blocking, or a pipe that nobody reads would hold us here. Files do not care. */
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
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

int vz_sink_fail(struct vz_sink *sink, int error)
{
    if (!sink->has_failed)
        vz_message_error("%s: %s; the recording stops here and keeps what it has, the program goes on", sink->name,
                         strerror(-error));
    sink->has_failed = true;
    return error;
}
