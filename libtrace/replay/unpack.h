/* One column of a trace file: zstd -> byte planes -> differences -> integers (docs/trace-format.md, "Columns").
 *
 * The bytes come from a file and are not to be trusted. No system calls.
 */
#ifndef VZ_UNPACK_H
#define VZ_UNPACK_H

#include <stddef.h>
#include <stdint.h>

#include "format/format.h"

struct vz_unpacker {
    void *zstd; /* ZSTD_DCtx; NULL in a build without zstd */
    uint8_t planes[VZ_MAX_EVENTS * 8u];
};

/* Whether compressed columns can be read. 0, or -ENOMEM. */
int vz_unpacker_init(struct vz_unpacker *unpacker);
void vz_unpacker_free(struct vz_unpacker *unpacker);

/* The column's n_values integers, modulo 2^8, 2^32 or 2^64, at out, which has room for VZ_MAX_EVENTS or for as many as
 * the caller has made sure that there are. `stored` are column->stored_bytes bytes.
 * 0; -EINVAL: the column contradicts itself; -ENOTSUP: it is compressed, and this build can't. */
int vz_unpack_u8(struct vz_unpacker *unpacker, const struct vz_column *column, const uint8_t *stored, uint8_t *out);
int vz_unpack_u32(struct vz_unpacker *unpacker, const struct vz_column *column, const uint8_t *stored, uint32_t *out);
int vz_unpack_u64(struct vz_unpacker *unpacker, const struct vz_column *column, const uint8_t *stored, uint64_t *out);

#endif
