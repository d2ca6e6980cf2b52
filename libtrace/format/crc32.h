/* CRC-32 as zlib.crc32 computes it (IEEE 802.3: reflected polynomial 0xEDB88320, initial value and final xor ~0).
 *
 * No system calls, no allocation, no hidden state: callers own the tables.
 */
#ifndef VZ_CRC32_H
#define VZ_CRC32_H

#include <stddef.h>
#include <stdint.h>

struct vz_crc32 {
    uint32_t table[8][256]; /* table[k][b]: the CRC of byte b followed by k zero bytes */
};

/* Fill the tables. Any time; the tables are read-only afterwards and may be shared between threads. */
void vz_crc32_init(struct vz_crc32 *crc);

/* The CRC-32 of data[0, n). */
uint32_t vz_crc32(const struct vz_crc32 *crc, const void *data, size_t n);

#endif
