/* The opening of a stream: docs/stream-protocol.md, section Opening, as the sender has it. */
#ifndef VZ_HANDSHAKE_H
#define VZ_HANDSHAKE_H

#include <stddef.h>
#include <stdint.h>

#define VZ_STREAM_MAGIC 0x0a0d5a5953545695ULL
#define VZ_STREAM_VERSION 1u
#define VZ_STREAM_ID_BYTES 16u
#define VZ_STREAM_NONCE_BYTES 32u
#define VZ_STREAM_PROOF_BYTES 32u
#define VZ_STREAM_TOKEN_REQUIRED 1u

struct vz_stream_hello {
    uint64_t magic;   /* VZ_STREAM_MAGIC */
    uint16_t version; /* VZ_STREAM_VERSION */
    uint16_t reserved;
    uint32_t reserved2;
    uint8_t stream_id[VZ_STREAM_ID_BYTES]; /* the recording's */
    uint8_t nonce[VZ_STREAM_NONCE_BYTES];  /* the connection's */
};

struct vz_stream_challenge {
    uint64_t magic;
    uint16_t version;
    uint16_t flags; /* VZ_STREAM_TOKEN_REQUIRED */
    uint32_t reserved;
    uint8_t nonce[VZ_STREAM_NONCE_BYTES];
};

enum vz_stream_status { VZ_STREAM_WELCOME, VZ_STREAM_BAD_TOKEN, VZ_STREAM_BUSY, VZ_STREAM_CANNOT_WRITE };

struct vz_stream_welcome {
    uint32_t status; /* enum vz_stream_status */
    uint32_t reserved;
    uint64_t offset; /* bytes of the stream that the receiver has */
    uint8_t proof[VZ_STREAM_PROOF_BYTES];
};

_Static_assert(sizeof(struct vz_stream_hello) == 64, "no padding");
_Static_assert(sizeof(struct vz_stream_challenge) == 48, "no padding");
_Static_assert(sizeof(struct vz_stream_welcome) == 48, "no padding");

struct vz_handshake {
    const uint8_t *stream_id;
    const char *token; /* NULL: none */
    size_t token_bytes;
    const char *refusal; /* out: what the receiver has against us, which will not change; NULL: nothing */
};

/* Goes through the opening up to WELCOME on a connected socket with timeouts. Returns 0 and the receiver's offset, or
 * -errno; -EPERM: there is no use in trying again. */
int vz_handshake(int socket, struct vz_handshake *handshake, uint64_t *offset);

#endif
