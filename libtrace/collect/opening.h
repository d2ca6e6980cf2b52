/* The opening of a stream: docs/stream-protocol.md, section Opening, as the sender has it. What is said, not how it is sent. */
#ifndef VZ_OPENING_H
#define VZ_OPENING_H

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

/* One opening. Its first fields are the caller's; then its messages, in the order in which they are sent and received. */
struct vz_opening {
    uint8_t stream_id[VZ_STREAM_ID_BYTES]; /* the same whenever this recording connects */
    const char *token;                     /* NULL: none */
    size_t token_bytes;
    const char *refusal; /* out: what the receiver has against us, which will not change; NULL: nothing */

    struct vz_stream_hello hello;
    struct vz_stream_challenge challenge;
    uint8_t proof[VZ_STREAM_PROOF_BYTES];
    struct vz_stream_welcome welcome;
};

/* Makes HELLO, of a new random nonce. */
void vz_opening_greet(struct vz_opening *opening, const uint8_t nonce[VZ_STREAM_NONCE_BYTES]);

/* Once CHALLENGE has come: makes PROOF. Returns 0, or -EPERM: there is no use in going on. */
int vz_opening_prove(struct vz_opening *opening);

/* Once WELCOME has come. Returns 0, -EPERM, or -EBUSY: try later. */
int vz_opening_check(struct vz_opening *opening);

#endif
