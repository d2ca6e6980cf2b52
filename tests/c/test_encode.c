/* The encoder with every amount of room: it writes a whole block or nothing, and never beyond its room. What it writes is
 * checked by tests/unit/test_encoder.py; this program is for the sanitizers. */
#include "format/encode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/crc32.h"

#define N 500u

static uint8_t kind[N];
static uint32_t thread[N], stack[N], parent[N], node[N];
static uint64_t when[N], address[N], size[N];

static int failures;

static void check(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "test_encode: %s\n", what);
        failures++;
    }
}

static void fill_columns(void)
{
    static const uint8_t kinds[] = {1, 2, 16, 24, 25, 32, 40, 200}; /* 200 is no kind */
    uint64_t random = 1;

    for (uint32_t i = 0; i < N; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        kind[i] = kinds[random >> 61];
        thread[i] = (uint32_t)(random >> 40) % 3;
        when[i] = (i ? when[i - 1] : 0) + (random >> 50);
        address[i] = random >> (random % 64);
        size[i] = random >> (random % 50);
        node[i] = VZ_NODE_FIRST_ID + i;
        parent[i] = (uint32_t)(random >> 33) % node[i];
        stack[i] = node[i];
    }
}

static int encode(struct vz_encoder *encoder, int what, struct vz_buffer *out)
{
    struct vz_event_columns events = {N, VZ_BLOCK_FREE_STACKS, kind, thread, when, address, size, stack};
    struct vz_node_columns nodes = {N, 0, node, parent, address, thread};
    struct vz_module_record module = {.build_id_bytes = 32};
    struct vz_text path = {"/lib/x.so", 9};
    struct vz_index_entry entries[3] = {{0}};

    switch (what) {
    case 0:
        return vz_encode_events(encoder, 0, &events, out);
    case 1:
        return vz_encode_nodes(encoder, 0, &nodes, out);
    case 2:
        return vz_encode_module(encoder, 0, &module, path, out);
    default:
        return vz_encode_index(encoder, entries, 3, 0, out);
    }
}

/* Memory of exactly `room` bytes, so that a sanitizer sees the first byte beyond. */
static int encode_in(struct vz_encoder *encoder, int what, size_t room)
{
    struct vz_buffer out = {malloc(room ? room : 1), room, 0};
    int error = encode(encoder, what, &out);

    check(error == 0 || error == -ENOSPC, "an unexpected error");
    check(error ? out.bytes == 0 : out.bytes > 0 && out.bytes <= room, "not a whole block or nothing");
    free(out.data);
    return error;
}

int main(void)
{
    struct vz_crc32 crc;
    struct vz_encoder *encoder = vz_encoder_new(1000, 0);

    vz_crc32_init(&crc);
    check(vz_crc32(&crc, "123456789", 9) == 0xCBF43926u, "CRC-32 of the standard's example");
    if (!encoder)
        return 1;
    fill_columns();
    for (int what = 0; what < 4; what++) {
        size_t room = 0;
        while (encode_in(encoder, what, room) != 0)
            room += 8;
        check(encode_in(encoder, what, VZ_EVENTS_BOUND) == 0, "more room than needed");
    }
    struct vz_event_columns none = {0};
    uint8_t byte;
    struct vz_buffer out = {&byte, sizeof byte, 0};
    check(vz_encode_events(encoder, 0, &none, &out) == -EINVAL, "no events are no block");
    vz_encoder_free(encoder);
    return failures != 0;
}
