/* One column: integers -> differences -> byte planes -> zstd (docs/trace-format.md, "Columns"). */
#include "columns.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#ifdef VZ_HAVE_ZSTD
#include <zstd.h>
#endif

/* Level 1: on cc1plus level 3 is 4 % smaller and 8 % slower all in all, level -1 is 15 % larger and 8 % faster. Longer matches
 * than the level's own make the columns up to 4 % smaller, and take 6 % less time. */
#define LEVEL 1
#define MIN_MATCH 7

#define TILE 512u /* values that are packed together, in the innermost cache */

int vz_packer_init(struct vz_packer *packer, void *memory, uint32_t max_values, int store)
{
    packer->zstd = NULL;
    packer->max_values = max_values;
    packer->large = memory;
    packer->small = (uint32_t *)(packer->large + max_values);
    packer->last_seen = packer->small + max_values;
    packer->planes = (uint8_t *)(packer->last_seen + 2u * max_values);
#ifdef VZ_HAVE_ZSTD
    if (!store) {
        packer->zstd = ZSTD_createCCtx();
        if (!packer->zstd)
            return -ENOMEM;
        ZSTD_CCtx_setParameter(packer->zstd, ZSTD_c_compressionLevel, LEVEL);
        ZSTD_CCtx_setParameter(packer->zstd, ZSTD_c_minMatch, MIN_MATCH);
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
        size_t stored = ZSTD_compress2(packer->zstd, out, capacity, bytes, n);
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

/* Widens values [start, start + n). */
static void load_tile(struct vz_values values, uint32_t start, uint32_t n, uint64_t *tile)
{
    const uint8_t *bytes = values.data;
    const uint32_t *words = values.data;

    if (values.size == sizeof *bytes)
        for (uint32_t i = 0; i < n; i++)
            tile[i] = bytes[start + i];
    else if (values.size == sizeof *words)
        for (uint32_t i = 0; i < n; i++)
            tile[i] = words[start + i];
    else
        memcpy(tile, (const uint64_t *)values.data + start, n * sizeof *tile);
}

/* The differences of loaded[0, n + 1) from the one before. */
static void take_differences(const uint64_t *loaded, uint32_t n, enum vz_encoding encoding, uint64_t *differences)
{
    for (uint32_t i = 0; i < n; i++) {
        uint64_t difference = loaded[i + 1] - loaded[i];
        if (encoding == VZ_ENCODING_ZIGZAG)
            difference = (difference << 1) ^ (0 - (difference >> 63));
        differences[i] = difference;
    }
}

/* Byte k of tile[i] goes to planes[k * stride + i]. */
static void split_tile(const uint64_t *tile, uint32_t n, uint8_t width, uint8_t *planes, size_t stride)
{
    if (width > sizeof(uint32_t)) {
        for (uint8_t k = 0; k < width; k++)
            for (uint32_t i = 0; i < n; i++)
                planes[k * stride + i] = (uint8_t)(tile[i] >> (8u * k));
        return;
    }
    uint32_t words[TILE]; /* twice as many at a time */
    for (uint32_t i = 0; i < n; i++)
        words[i] = (uint32_t)tile[i];
    for (uint8_t k = 0; k < width; k++)
        for (uint32_t i = 0; i < n; i++)
            planes[k * stride + i] = (uint8_t)(words[i] >> (8u * k));
}

/* Plane k holds byte k of every value. Returns how many planes there are: those above are zero. */
static uint8_t make_planes(struct vz_values values, uint32_t n, enum vz_encoding encoding, uint64_t first,
                           uint8_t *planes)
{
    uint64_t loaded[1 + TILE], differences[TILE];
    const uint64_t *tile = encoding == VZ_ENCODING_PLAIN ? loaded + 1 : differences;
    uint8_t width = 0;

    loaded[0] = first;
    for (uint32_t start = 0; start < n; start += TILE) {
        uint32_t n_tile = n - start < TILE ? n - start : TILE;
        uint64_t all = 0;
        load_tile(values, start, n_tile, loaded + 1);
        if (encoding != VZ_ENCODING_PLAIN)
            take_differences(loaded, n_tile, encoding, differences);
        for (uint32_t i = 0; i < n_tile; i++)
            all |= tile[i];
        for (; width < 8 && all >> (8u * width); width++)
            memset(planes + (size_t)width * n, 0, start);
        split_tile(tile, n_tile, width, planes + start, n);
        loaded[0] = loaded[n_tile];
    }
    return width;
}

int vz_packer_column(struct vz_packer *packer, enum vz_encoding encoding, struct vz_values values, uint32_t n,
                     struct vz_column *column, uint8_t *out, size_t capacity)
{
    memset(column, 0, sizeof *column);
    column->encoding = (uint8_t)encoding;
    column->n_values = n;
    if (n == 0)
        return 0;
    uint64_t first;
    load_tile(values, 0, 1, &first);
    /* All are the first: each equals the next. */
    bool is_constant = memcmp(values.data, (const uint8_t *)values.data + values.size, (n - 1) * values.size) == 0;
    column->base = encoding != VZ_ENCODING_PLAIN || is_constant ? first : 0;
    if (is_constant)
        return 0;
    const uint8_t *planes = packer->planes;
    if (values.size == 1 && encoding == VZ_ENCODING_PLAIN) {
        planes = values.data;
        column->width = 1;
    } else {
        column->width = make_planes(values, n, encoding, first, packer->planes);
    }
    size_t raw = (size_t)column->width * n;
    size_t stored = vz_packer_compress(packer, planes, raw, out, capacity);
    if (stored == 0)
        return -ENOSPC;
    column->stored_bytes = (uint32_t)stored;
    column->flags = stored < raw ? VZ_COLUMN_ZSTD : 0;
    return 0;
}

/* The slot of source[i]: the one that names its last occurrence, or the empty one for its first. */
static uint32_t *find_slot(uint32_t *last_seen, uint32_t mask, const uint64_t *source, uint32_t i)
{
    uint32_t at = (uint32_t)((source[i] * 0x9e3779b97f4a7c15u) >> 32) & mask;

    while (last_seen[at] != 0 && source[last_seen[at] - 1] != source[i])
        at = (at + 1) & mask;
    return &last_seen[at];
}

uint32_t vz_packer_back(struct vz_packer *packer, const uint64_t *source, uint32_t n)
{
    const uint32_t n_slots = 2u * packer->max_values;
    uint64_t *large = packer->large;
    uint32_t *small = packer->small, *last_seen = packer->last_seen;
    uint32_t n_literals = 0;

    memset(last_seen, 0, n_slots * sizeof *last_seen);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t *slot = find_slot(last_seen, n_slots - 1, source, i);
        large[n_literals] = source[i];
        n_literals += *slot == 0;
        small[i] = *slot ? i + 1 - *slot : 0;
        *slot = i + 1;
    }
    return n_literals;
}
