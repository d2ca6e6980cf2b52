/* One column: zstd -> byte planes -> differences -> integers. */
#include "unpack.h"

#include <errno.h>
#include <string.h>

#ifdef VZ_HAVE_ZSTD
#include <zstd.h>
#endif

#define TILE 512u /* values that are put together at a time, in the innermost cache */

int vz_unpacker_init(struct vz_unpacker *unpacker)
{
    unpacker->zstd = NULL;
#ifdef VZ_HAVE_ZSTD
    unpacker->zstd = ZSTD_createDCtx();
    if (!unpacker->zstd)
        return -ENOMEM;
#endif
    return 0;
}

void vz_unpacker_free(struct vz_unpacker *unpacker)
{
#ifdef VZ_HAVE_ZSTD
    ZSTD_freeDCtx(unpacker->zstd);
#endif
    unpacker->zstd = NULL;
}

static int decompress(struct vz_unpacker *unpacker, const uint8_t *stored, size_t n, size_t raw)
{
#ifdef VZ_HAVE_ZSTD
    size_t written = ZSTD_decompressDCtx(unpacker->zstd, unpacker->planes, sizeof unpacker->planes, stored, n);
    return written == raw ? 0 : -EINVAL; /* an error is no length that a column can have */
#else
    (void)unpacker, (void)stored, (void)n, (void)raw;
    return -ENOTSUP;
#endif
}

/* Finds the planes of a column that has any: where they are stored, or decompressed. */
static int find_planes(struct vz_unpacker *unpacker, const struct vz_column *column, const uint8_t *stored,
                       const uint8_t **planes)
{
    size_t raw = (size_t)column->width * column->n_values;

    *planes = stored;
    if (column->encoding > VZ_ENCODING_ZIGZAG)
        return -EINVAL;
    if (column->flags & VZ_COLUMN_ZSTD) {
        *planes = unpacker->planes;
        return decompress(unpacker, stored, column->stored_bytes, raw);
    }
    return column->stored_bytes == raw ? 0 : -EINVAL;
}

static int check(const struct vz_column *column)
{
    return column->n_values > VZ_MAX_EVENTS || column->width > 8 ? -EINVAL : 0;
}

/* Everything once for each width of integers: WORD has at least as many bits as OUT, and does for all of its planes that
 * count. */
#define DEFINE_UNPACK(NAME, OUT, WORD)                                                                                 \
    static void join_planes_##NAME(const uint8_t *planes, size_t stride, uint8_t width, uint32_t n, WORD *tile)        \
    {                                                                                                                  \
        for (uint32_t i = 0; i < n; i++)                                                                               \
            tile[i] = planes[i];                                                                                       \
        for (uint8_t k = 1; k < width && k < sizeof(WORD); k++)                                                        \
            for (uint32_t i = 0; i < n; i++)                                                                           \
                tile[i] |= (WORD)planes[k * stride + i] << (8u * k);                                                   \
    }                                                                                                                  \
                                                                                                                       \
    static WORD add_up_##NAME(WORD *tile, uint32_t n, uint8_t encoding, WORD last)                                     \
    {                                                                                                                  \
        if (encoding == VZ_ENCODING_ZIGZAG)                                                                            \
            for (uint32_t i = 0; i < n; i++)                                                                           \
                tile[i] = (tile[i] >> 1) ^ (0 - (tile[i] & 1u));                                                       \
        for (uint32_t i = 0; i < n; i++)                                                                               \
            tile[i] = last += tile[i];                                                                                 \
        return last;                                                                                                   \
    }                                                                                                                  \
                                                                                                                       \
    int vz_unpack_##NAME(struct vz_unpacker *unpacker, const struct vz_column *column, const uint8_t *stored,          \
                         OUT *out)                                                                                     \
    {                                                                                                                  \
        const uint8_t *planes;                                                                                         \
        uint32_t n = column->n_values;                                                                                 \
        WORD tile[TILE], last = (WORD)column->base;                                                                    \
                                                                                                                       \
        if (check(column) != 0)                                                                                        \
            return -EINVAL;                                                                                            \
        if (column->width == 0) {                                                                                      \
            for (uint32_t i = 0; i < n; i++)                                                                           \
                out[i] = (OUT)last;                                                                                    \
            return 0;                                                                                                  \
        }                                                                                                              \
        int error = n ? find_planes(unpacker, column, stored, &planes) : 0;                                            \
        for (uint32_t start = 0; !error && start < n; start += TILE) {                                                 \
            uint32_t n_tile = n - start < TILE ? n - start : TILE;                                                     \
            join_planes_##NAME(planes + start, n, column->width, n_tile, tile);                                        \
            if (column->encoding == VZ_ENCODING_PLAIN)                                                                 \
                for (uint32_t i = 0; i < n_tile; i++)                                                                  \
                    tile[i] += last;                                                                                   \
            else                                                                                                       \
                last = add_up_##NAME(tile, n_tile, column->encoding, last);                                            \
            for (uint32_t i = 0; i < n_tile; i++)                                                                      \
                out[start + i] = (OUT)tile[i];                                                                         \
        }                                                                                                              \
        return error;                                                                                                  \
    }

DEFINE_UNPACK(u8, uint8_t, uint64_t)
DEFINE_UNPACK(u32, uint32_t, uint64_t)
DEFINE_UNPACK(u64, uint64_t, uint64_t)
