/* Sending a trace's bytes to a receiver over TCP, as docs/stream-protocol.md has it: connecting, proving the token, sending what is
 * not acknowledged again after a broken connection. A thread of its own does it, so that a slow receiver holds nobody up.
 */
#ifndef VZ_STREAM_H
#define VZ_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vz_stream;

struct vz_stream_target {
    const char *name;  /* tcp://HOST:PORT, for messages too */
    const char *token; /* shared with the receiver; NULL: none */
    size_t token_bytes;
    const char *spool_directory; /* NULL: the spool is in memory */
    size_t spool_bytes;          /* from which on there is no room for events */
    size_t spool_margin_bytes;   /* beyond that, for what must go in nevertheless */
    int file; /* has all bytes before they are written here, and takes the place of the spool; -1: none */
};

/* Connects. Prints what fails: nobody listens, the token is wrong. Returns 0 or -errno, the stream in *stream. */
int vz_stream_open(const struct vz_stream_target *target, struct vz_stream **stream);

/* Whether the spool has room for more events. */
bool vz_stream_has_room(struct vz_stream *stream);

/* Why nothing more will be sent: the receiver refuses us now, or the file can't be read. NULL: it goes on. */
const char *vz_stream_failure(struct vz_stream *stream);

/* Takes bytes, in order. Waits while not even the margin has room. Returns 0; or -errno: the receiver refuses us, or is gone
 * for good, and nothing more is taken. */
int vz_stream_write(struct vz_stream *stream, const void *bytes, size_t n);

/* Waits until all is acknowledged, for as long as some of it is from time to time and nobody sends a signal to end, and frees the
 * stream. Returns how many bytes the receiver lacks. */
uint64_t vz_stream_close(struct vz_stream *stream);

#endif
