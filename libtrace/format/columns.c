/* One column: integers -> differences -> byte planes -> zstd (docs/trace-format.md, "Columns"). */
#include "columns.h"

#include <errno.h>
#include <string.h>

#ifdef VZ_HAVE_ZSTD
#include <zstd.h>
#endif

/* Level 1: on cc1plus level 3 is 4 % smaller and 8 % slower all in all, level -1 is 15 % larger and 8 % faster. */
#define LEVEL 1

int vz_packer_init(struct vz_packer *packer, int store)
{
    packer->zstd = NULL;
#ifdef VZ_HAVE_ZSTD
    if (!store) {
        packer->zstd = ZSTD_createCCtx();
        if (!packer->zstd)
            return -ENOMEM;
    }
#else
    (void)store;
#endif
    return 0;
}

void vz_packer_free(struct vz_packer *packer)
{
#ifdef VZ_HAVE_ZSTD
    ZSTD_freeCCtx(packer->zstd);
#endif
    packer->zstd = NULL;
}

size_t vz_packer_compress(struct vz_packer *packer, const uint8_t *bytes, size_t n, uint8_t *out, size_t capacity)
{
#ifdef VZ_HAVE_ZSTD
    if (packer->zstd) {
        size_t stored = ZSTD_compressCCtx(packer->zstd, out, capacity, bytes, n, LEVEL);
        if (!ZSTD_isError(stored) && stored < n)
            return stored;
    }
#else
    (void)packer;
#endif
    if (n > capacity)
        return 0;
    memcpy(out, bytes, n);
    return n;
}

/* Replace values by their differences; returns the bitwise or of them all. */
static uint64_t take_differences(uint64_t *values, uint32_t n, enum vz_encoding encoding)
{
    uint64_t all = 0, previous = values[0];

    for (uint32_t i = 0; i < n; i++) {
        uint64_t value = values[i], difference = value - previous;
        previous = value;
        if (encoding == VZ_ENCODING_ZIGZAG)
            difference = (difference << 1) ^ (0 - (difference >> 63));
        values[i] = difference;
        all |= difference;
    }
    return all;
}

/* Plane k holds byte k of every value. */
static void split_planes(const uint64_t *values, uint32_t n, uint8_t width, uint8_t *planes)
{
    for (uint8_t k = 0; k < width; k++)
        for (uint32_t i = 0; i < n; i++)
            planes[(size_t)k * n + i] = (uint8_t)(values[i] >> (8u * k));
}

int vz_packer_column(struct vz_packer *packer, enum vz_encoding encoding, uint32_t n, struct vz_column *column,
                     uint8_t *out, size_t capacity)
{
    uint64_t *values = packer->values;
    uint64_t all = 0;

    memset(column, 0, sizeof *column);
    column->encoding = (uint8_t)encoding;
    column->n_values = n;
    if (n == 0)
        return 0;
    column->base = values[0];
    if (encoding == VZ_ENCODING_PLAIN) {
        uint64_t first = values[0], different = 0;
        for (uint32_t i = 0; i < n; i++) {
            all |= values[i];
            different |= values[i] ^ first;
        }
        all = different ? all : 0; /* constant: the base says it all */
        column->base = different ? 0 : first;
    } else {
        all = take_differences(values, n, encoding);
    }
    while (column->width < 8 && all >> (8u * column->width))
        column->width++;

    size_t raw = (size_t)column->width * n;
    if (raw == 0)
        return 0;
    split_planes(values, n, column->width, packer->planes);
    size_t stored = vz_packer_compress(packer, packer->planes, raw, out, capacity);
    if (stored == 0)
        return -ENOSPC;
    column->stored_bytes = (uint32_t)stored;
    column->flags = stored < raw ? VZ_COLUMN_ZSTD : 0;
    return 0;
}

/* The slot of source[i]: the one that names its last occurrence, or the empty one for its first. */
static uint32_t *find_slot(struct vz_packer *packer, const uint64_t *source, uint32_t i)
{
    uint32_t at = (uint32_t)((source[i] * 0x9e3779b97f4a7c15u) >> 32) % VZ_PACKER_SLOTS;

    while (packer->last_seen[at] != 0 && source[packer->last_seen[at] - 1] != source[i])
        at = (at + 1) % VZ_PACKER_SLOTS;
    return &packer->last_seen[at];
}

uint32_t vz_packer_back(struct vz_packer *packer, const uint64_t *source, uint32_t n)
{
    uint32_t n_literals = 0;

    memset(packer->last_seen, 0, sizeof packer->last_seen);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t *slot = find_slot(packer, source, i);
        packer->literals[n_literals] = source[i];
        n_literals += *slot == 0;
        packer->values[i] = *slot ? i + 1 - *slot : 0;
        *slot = i + 1;
    }
    return n_literals;
}
