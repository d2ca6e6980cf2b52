/* The opening of a stream over a socket: see handshake.h. */
#define _GNU_SOURCE
#include "handshake.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

static int send_all(int socket, const void *bytes, size_t n)
{
    const char *rest = bytes;
    while (n > 0) {
        ssize_t sent = send(socket, rest, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return -errno;
        rest += sent;
        n -= (size_t)sent;
    }
    return 0;
}

static int receive_all(int socket, void *bytes, size_t n)
{
    ssize_t got;
    do
        got = recv(socket, bytes, n, MSG_WAITALL);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return -errno;
    return (size_t)got == n ? 0 : -ECONNRESET;
}

int vz_handshake(int socket, struct vz_opening *opening)
{
    uint8_t nonce[VZ_STREAM_NONCE_BYTES];
    if (getrandom(nonce, sizeof(nonce), 0) != (ssize_t)sizeof(nonce))
        return -errno;
    vz_opening_greet(opening, nonce);
    int error = send_all(socket, &opening->hello, sizeof(opening->hello));
    if (!error)
        error = receive_all(socket, &opening->challenge, sizeof(opening->challenge));
    if (!error)
        error = vz_opening_prove(opening);
    if (!error)
        error = send_all(socket, opening->proof, sizeof(opening->proof));
    if (!error)
        error = receive_all(socket, &opening->welcome, sizeof(opening->welcome));
    return error ? error : vz_opening_check(opening);
}
