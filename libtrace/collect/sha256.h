/* SHA-256 (FIPS 180-4) and HMAC (RFC 2104), for the proof that both ends of a stream know the same token. */
#ifndef VZ_SHA256_H
#define VZ_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define VZ_SHA256_BYTES 32u
#define VZ_SHA256_BLOCK_BYTES 64u

struct vz_sha256 {
    uint32_t state[8];
    uint64_t n_bytes;
    uint8_t block[VZ_SHA256_BLOCK_BYTES];
};

void vz_sha256_start(struct vz_sha256 *hash);
void vz_sha256_add(struct vz_sha256 *hash, const void *bytes, size_t n);
void vz_sha256_finish(struct vz_sha256 *hash, uint8_t digest[VZ_SHA256_BYTES]);

/* HMAC-SHA-256 of a message, in one piece. */
void vz_hmac_sha256(const void *key, size_t key_bytes, const void *message, size_t message_bytes,
                    uint8_t digest[VZ_SHA256_BYTES]);

#endif
