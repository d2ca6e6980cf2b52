/* Files and streams as outlets: see outlet.h. */
#include "outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "message.h"
#include "sink_open.h"

struct own_outlet {
    struct vz_outlet outlet;
    int fd;                   /* of the file */
    struct vz_stream *stream; /* or the stream, or both */
    const char *stream_name;  /* of both */
    bool has_told;            /* that nothing more is sent */
};

static struct own_outlet *self(struct vz_outlet *outlet) { return (struct own_outlet *)outlet; }

/* ---- files ------------------------------------------------------------------------------------------------------ */

static int write_file(struct vz_outlet *outlet, const void *bytes, size_t n)
{
    return vz_io_write_all(self(outlet)->fd, bytes, n);
}

static bool file_has_room(const struct vz_outlet *outlet)
{
    (void)outlet;
    return true;
}

static int close_file(struct vz_outlet *outlet)
{
    const int error = close(self(outlet)->fd) == 0 ? 0 : -errno;
    free(outlet);
    return error;
}

static const struct vz_outlet_ops file_operations = {
    .write = write_file, .has_room = file_has_room, .close = close_file};

/* access: O_WRONLY or O_RDWR. */
static int open_file(const char *path, int access, struct own_outlet **own)
{
    *own = calloc(1, sizeof(**own));
    const int fd = *own ? vz_sink_open(path, access) : -ENOMEM;
    if (fd < 0) {
        vz_sink_open_failed(path, fd);
        free(*own);
        return fd;
    }
    **own = (struct own_outlet){.outlet = {.ops = &file_operations, .name = path}, .fd = fd};
    return 0;
}

int vz_outlet_open_file(const char *path, struct vz_outlet **outlet)
{
    struct own_outlet *own;
    const int error = open_file(path, O_WRONLY, &own);
    if (!error)
        *outlet = &own->outlet;
    return error;
}

/* ---- streams ---------------------------------------------------------------------------------------------------- */

static int write_stream(struct vz_outlet *outlet, const void *bytes, size_t n)
{
    return vz_stream_write(self(outlet)->stream, bytes, n);
}

static bool stream_has_room(const struct vz_outlet *outlet)
{
    return vz_stream_has_room(((const struct own_outlet *)outlet)->stream);
}

static int close_stream(struct vz_outlet *outlet)
{
    const unsigned long long missing = vz_stream_close(self(outlet)->stream);
    if (missing)
        vz_message_error("%s: the receiver is gone: the last %llu bytes of the trace did not reach it", outlet->name,
                         missing);
    free(outlet);
    return 0; /* it was said */
}

static const struct vz_outlet_ops stream_operations = {
    .write = write_stream, .has_room = stream_has_room, .close = close_stream};

int vz_outlet_open_stream(const struct vz_stream_target *target, struct vz_outlet **outlet)
{
    struct own_outlet *own = calloc(1, sizeof(*own));
    const int error = own ? vz_stream_open(target, &own->stream) : -ENOMEM;
    if (error) {
        free(own);
        return error;
    }
    own->outlet = (struct vz_outlet){.ops = &stream_operations, .name = target->name};
    *outlet = &own->outlet;
    return 0;
}

/* ---- both ------------------------------------------------------------------------------------------------------- */

static int write_tee(struct vz_outlet *outlet, const void *bytes, size_t n)
{
    struct own_outlet *own = self(outlet);
    const int error = vz_io_write_all(own->fd, bytes, n);
    if (error)
        return error;
    vz_stream_write(own->stream, bytes, n);
    const char *failure = own->has_told ? NULL : vz_stream_failure(own->stream);
    if (failure) {
        own->has_told = true;
        vz_message_warning("%s: nothing more is sent: %s; the recording goes on in %s", own->stream_name, failure,
                           outlet->name);
    }
    return 0;
}

static int close_tee(struct vz_outlet *outlet)
{
    struct own_outlet *own = self(outlet);
    const unsigned long long missing = vz_stream_close(own->stream);
    if (missing)
        vz_message_warning("%s: the last %llu bytes of the trace did not reach the receiver; %s has all of it",
                           own->stream_name, missing, outlet->name);
    return close_file(outlet);
}

static const struct vz_outlet_ops tee_operations = {.write = write_tee, .has_room = file_has_room, .close = close_tee};

int vz_outlet_open_tee(const struct vz_stream_target *target, const char *path, struct vz_outlet **outlet)
{
    struct own_outlet *own;
    struct stat status;
    int error = open_file(path, O_RDWR, &own);
    if (error)
        return error;
    struct vz_stream_target from_file = *target;
    from_file.file = own->fd;
    own->outlet.ops = &tee_operations;
    own->stream_name = target->name;
    if (fstat(own->fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        vz_message_error("%s: --tee takes a regular file", path);
        error = -EINVAL;
    }
    if (!error)
        error = vz_stream_open(&from_file, &own->stream);
    if (error)
        close_file(&own->outlet);
    else
        *outlet = &own->outlet;
    return error;
}
