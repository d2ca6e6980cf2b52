/* The opening of a stream: see opening.h. */
#include "opening.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "sha256.h"

/* What a side with the token can say, and nobody else. */
static void prove(const struct vz_opening *opening, const char *role, uint8_t proof[VZ_STREAM_PROOF_BYTES])
{
    uint8_t message[16 + 2 * VZ_STREAM_NONCE_BYTES + VZ_STREAM_ID_BYTES];
    size_t n = strlen(role);
    memset(proof, 0, VZ_STREAM_PROOF_BYTES);
    if (!opening->token)
        return;
    memcpy(message, role, n);
    memcpy(message + n, opening->challenge.nonce, VZ_STREAM_NONCE_BYTES);
    n += VZ_STREAM_NONCE_BYTES;
    memcpy(message + n, opening->hello.nonce, VZ_STREAM_NONCE_BYTES);
    n += VZ_STREAM_NONCE_BYTES;
    memcpy(message + n, opening->stream_id, VZ_STREAM_ID_BYTES);
    n += VZ_STREAM_ID_BYTES;
    vz_hmac_sha256(opening->token, opening->token_bytes, message, n, proof);
}

static bool is_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
    uint8_t difference = 0;
    for (size_t i = 0; i < n; i++)
        difference |= a[i] ^ b[i];
    return difference == 0;
}

static int refuse(struct vz_opening *opening, const char *why)
{
    opening->refusal = why;
    return -EPERM;
}

void vz_opening_greet(struct vz_opening *opening, const uint8_t nonce[VZ_STREAM_NONCE_BYTES])
{
    opening->hello = (struct vz_stream_hello){.magic = VZ_STREAM_MAGIC, .version = VZ_STREAM_VERSION};
    memcpy(opening->hello.stream_id, opening->stream_id, VZ_STREAM_ID_BYTES);
    memcpy(opening->hello.nonce, nonce, VZ_STREAM_NONCE_BYTES);
}

int vz_opening_prove(struct vz_opening *opening)
{
    if (opening->challenge.magic != VZ_STREAM_MAGIC || opening->challenge.version != VZ_STREAM_VERSION)
        return refuse(opening, "what listens there is no vizreport of this version");
    prove(opening, "vizzy sender", opening->proof);
    return 0;
}

int vz_opening_check(struct vz_opening *opening)
{
    const struct vz_stream_welcome *welcome = &opening->welcome;
    uint8_t expected[VZ_STREAM_PROOF_BYTES];
    if (welcome->status == VZ_STREAM_BAD_TOKEN)
        return refuse(opening, opening->token ? "it has another token" : "it wants a token: give --token-file");
    prove(opening, "vizzy receiver", expected);
    if (opening->token && !is_equal(welcome->proof, expected, VZ_STREAM_PROOF_BYTES))
        return refuse(opening, "it does not know our token");
    return welcome->status == VZ_STREAM_WELCOME ? 0 : -EBUSY;
}
