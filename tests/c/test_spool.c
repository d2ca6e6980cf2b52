/* The spool against an obvious twin, and HMAC-SHA-256 against the published vectors (RFC 4231). */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/sha256.h"
#include "launcher/spool.h"

#define CAPACITY 61u
#define N_BYTES 20000u

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static uint8_t byte_at(uint64_t offset) { return (uint8_t)(offset * 31 + offset / 256); }

static void check_content(struct vz_spool *spool)
{
    uint64_t at = spool->begin;
    while (at < spool->end) {
        const void *bytes;
        size_t n = vz_spool_view(spool, at, spool->end, &bytes);
        CHECK(n > 0 && n <= spool->end - at);
        for (size_t i = 0; i < n; i++)
            CHECK(((const uint8_t *)bytes)[i] == byte_at(at + i));
        at += n;
    }
}

static void check_ring(const char *directory)
{
    struct vz_spool spool;
    CHECK(vz_spool_open(directory, CAPACITY, &spool) == 0);
    srand(1);
    while (spool.end < N_BYTES) {
        uint8_t bytes[CAPACITY];
        size_t n = (size_t)rand() % CAPACITY;
        for (size_t i = 0; i < n; i++)
            bytes[i] = byte_at(spool.end + i);
        uint64_t before = spool.end;
        int fits = n <= CAPACITY - (spool.end - spool.begin);
        CHECK(vz_spool_add(&spool, bytes, n) == (fits ? 0 : -ENOSPC));
        CHECK(spool.end == before + (fits ? n : 0));
        check_content(&spool);
        vz_spool_release(&spool, spool.begin + (uint64_t)rand() % (spool.end - spool.begin + 1));
        before = spool.begin;
        vz_spool_release(&spool, spool.end + 1);
        CHECK(spool.begin == before);
    }
    vz_spool_close(&spool);
}

/* Bytes that are in a file before they are added; they stay there when they are released. */
static void check_file(void)
{
    struct vz_spool spool;
    FILE *file = tmpfile();
    CHECK(file && vz_spool_open_file(fileno(file), &spool) == 0);
    while (spool.end < 40 * N_BYTES) {
        uint8_t bytes[N_BYTES];
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = byte_at(spool.end + i);
        CHECK(fwrite(bytes, 1, sizeof(bytes), file) == sizeof(bytes) && fflush(file) == 0);
        CHECK(vz_spool_add(&spool, bytes, sizeof(bytes)) == 0);
        vz_spool_release(&spool, spool.begin + N_BYTES / 3);
        check_content(&spool);
    }
    const void *bytes;
    CHECK(ftruncate(fileno(file), 100) == 0); /* by somebody else */
    CHECK(vz_spool_view(&spool, spool.begin, spool.end, &bytes) == 0);
    vz_spool_close(&spool);
    fclose(file);
}

static void check_hmac(const void *key, size_t key_bytes, const char *message, const char *expected)
{
    uint8_t digest[VZ_SHA256_BYTES];
    char text[2 * VZ_SHA256_BYTES + 1];
    vz_hmac_sha256(key, key_bytes, message, strlen(message), digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    CHECK(strcmp(text, expected) == 0);
}

int main(void)
{
    uint8_t key[131];
    check_ring(NULL);
    check_ring(".");
    check_file();
    memset(key, 0x0b, sizeof(key));
    check_hmac(key, 20, "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    check_hmac("Jefe", 4, "what do ya want for nothing?",
               "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof(key));
    check_hmac(key, 131, "Test Using Larger Than Block-Size Key - Hash Key First",
               "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    return 0;
}
