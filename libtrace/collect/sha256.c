/* SHA-256 and HMAC: see sha256.h. vizzytrace must be one file without dependencies, so no library has it for us. */
#include "sha256.h"

#include <string.h>

/* The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2). */
static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t x, unsigned n) { return x >> n | x << (32 - n); }

static uint32_t big_endian(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void expand(const uint8_t *block, uint32_t schedule[64])
{
    for (unsigned t = 0; t < 16; t++)
        schedule[t] = big_endian(block + 4 * t);
    for (unsigned t = 16; t < 64; t++) {
        uint32_t a = schedule[t - 15], b = schedule[t - 2];
        schedule[t] = schedule[t - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + schedule[t - 7] +
                      (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
    }
}

static void compress(uint32_t state[8], const uint8_t *block)
{
    uint32_t schedule[64], v[8];
    expand(block, schedule);
    memcpy(v, state, sizeof(v));
    for (unsigned t = 0; t < 64; t++) {
        uint32_t e = v[4], a = v[0];
        uint32_t first = v[7] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & v[5]) ^ (~e & v[6])) +
                         constants[t] + schedule[t];
        uint32_t second = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof(v[0]));
        v[4] += first;
        v[0] = first + second;
    }
    for (unsigned i = 0; i < 8; i++)
        state[i] += v[i];
}

void vz_sha256_start(struct vz_sha256 *hash)
{
    *hash = (struct vz_sha256){
        .state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void vz_sha256_add(struct vz_sha256 *hash, const void *bytes, size_t n)
{
    const uint8_t *rest = bytes;
    while (n > 0) {
        size_t at = hash->n_bytes % VZ_SHA256_BLOCK_BYTES;
        size_t taken = VZ_SHA256_BLOCK_BYTES - at < n ? VZ_SHA256_BLOCK_BYTES - at : n;
        memcpy(hash->block + at, rest, taken);
        hash->n_bytes += taken;
        rest += taken;
        n -= taken;
        if (at + taken == VZ_SHA256_BLOCK_BYTES)
            compress(hash->state, hash->block);
    }
}

void vz_sha256_finish(struct vz_sha256 *hash, uint8_t digest[VZ_SHA256_BYTES])
{
    static const uint8_t padding[VZ_SHA256_BLOCK_BYTES] = {0x80};
    uint8_t length[8];
    for (unsigned i = 0; i < 8; i++)
        length[i] = (uint8_t)(hash->n_bytes * 8 >> (56 - 8 * i));
    size_t at = hash->n_bytes % VZ_SHA256_BLOCK_BYTES;
    vz_sha256_add(hash, padding, at < 56 ? 56 - at : 120 - at);
    vz_sha256_add(hash, length, sizeof(length));
    for (unsigned i = 0; i < VZ_SHA256_BYTES; i++)
        digest[i] = (uint8_t)(hash->state[i / 4] >> (24 - 8 * (i % 4)));
}

/* The key with each byte changed by `change`, as a first block. */
static void start_keyed(struct vz_sha256 *hash, const uint8_t key[VZ_SHA256_BLOCK_BYTES], uint8_t change)
{
    uint8_t block[VZ_SHA256_BLOCK_BYTES];
    for (unsigned i = 0; i < sizeof(block); i++)
        block[i] = key[i] ^ change;
    vz_sha256_start(hash);
    vz_sha256_add(hash, block, sizeof(block));
}

void vz_hmac_sha256(const void *key, size_t key_bytes, const void *message, size_t message_bytes,
                    uint8_t digest[VZ_SHA256_BYTES])
{
    uint8_t block[VZ_SHA256_BLOCK_BYTES] = {0};
    struct vz_sha256 hash;
    if (key_bytes > sizeof(block)) {
        vz_sha256_start(&hash);
        vz_sha256_add(&hash, key, key_bytes);
        vz_sha256_finish(&hash, block);
    } else {
        memcpy(block, key, key_bytes);
    }
    start_keyed(&hash, block, 0x36);
    vz_sha256_add(&hash, message, message_bytes);
    vz_sha256_finish(&hash, digest);
    start_keyed(&hash, block, 0x5c);
    vz_sha256_add(&hash, digest, VZ_SHA256_BYTES);
    vz_sha256_finish(&hash, digest);
}
