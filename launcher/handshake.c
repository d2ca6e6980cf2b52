/* The opening of a stream: see handshake.h. */
#define _GNU_SOURCE
#include "handshake.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "sha256.h"

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

/* What a side with the token can say, and nobody else. */
static void prove(const struct vz_handshake *handshake, const char *role, const struct vz_stream_hello *hello,
                  const struct vz_stream_challenge *challenge, uint8_t proof[VZ_STREAM_PROOF_BYTES])
{
    uint8_t message[16 + 2 * VZ_STREAM_NONCE_BYTES + VZ_STREAM_ID_BYTES];
    size_t n = strlen(role);
    memset(proof, 0, VZ_STREAM_PROOF_BYTES);
    if (!handshake->token)
        return;
    memcpy(message, role, n);
    memcpy(message + n, challenge->nonce, VZ_STREAM_NONCE_BYTES);
    n += VZ_STREAM_NONCE_BYTES;
    memcpy(message + n, hello->nonce, VZ_STREAM_NONCE_BYTES);
    n += VZ_STREAM_NONCE_BYTES;
    memcpy(message + n, hello->stream_id, VZ_STREAM_ID_BYTES);
    n += VZ_STREAM_ID_BYTES;
    vz_hmac_sha256(handshake->token, handshake->token_bytes, message, n, proof);
}

static bool is_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
    uint8_t difference = 0;
    for (size_t i = 0; i < n; i++)
        difference |= a[i] ^ b[i];
    return difference == 0;
}

static int refuse(struct vz_handshake *handshake, const char *why)
{
    handshake->refusal = why;
    return -EPERM;
}

static int take_welcome(struct vz_handshake *handshake, const struct vz_stream_welcome *welcome,
                        const uint8_t expected[VZ_STREAM_PROOF_BYTES])
{
    if (welcome->status == VZ_STREAM_BAD_TOKEN)
        return refuse(handshake, handshake->token ? "it has another token" : "it wants a token: give --token-file");
    if (handshake->token && !is_equal(welcome->proof, expected, VZ_STREAM_PROOF_BYTES))
        return refuse(handshake, "it does not know our token");
    return welcome->status == VZ_STREAM_WELCOME ? 0 : -EBUSY;
}

int vz_handshake(int socket, struct vz_handshake *handshake, uint64_t *offset)
{
    struct vz_stream_hello hello = {.magic = VZ_STREAM_MAGIC, .version = VZ_STREAM_VERSION};
    struct vz_stream_challenge challenge;
    struct vz_stream_welcome welcome;
    uint8_t proof[VZ_STREAM_PROOF_BYTES];
    memcpy(hello.stream_id, handshake->stream_id, VZ_STREAM_ID_BYTES);
    if (getrandom(hello.nonce, sizeof(hello.nonce), 0) != (ssize_t)sizeof(hello.nonce))
        return -errno;
    int error = send_all(socket, &hello, sizeof(hello));
    if (!error)
        error = receive_all(socket, &challenge, sizeof(challenge));
    if (error)
        return error;
    if (challenge.magic != VZ_STREAM_MAGIC || challenge.version != VZ_STREAM_VERSION)
        return refuse(handshake, "what listens there is no vizreport of this version");
    prove(handshake, "vizzy sender", &hello, &challenge, proof);
    error = send_all(socket, proof, sizeof(proof));
    if (!error)
        error = receive_all(socket, &welcome, sizeof(welcome));
    if (error)
        return error;
    prove(handshake, "vizzy receiver", &hello, &challenge, proof);
    *offset = welcome.offset;
    return take_welcome(handshake, &welcome, proof);
}
