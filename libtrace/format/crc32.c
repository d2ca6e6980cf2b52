/* CRC-32, eight bytes a step ("slicing by 8": Kounavis and Berry, A Systematic Approach to Building High Performance
 * Software-Based CRC Generators, 2005). */
#include "crc32.h"

#include <string.h>

#define POLYNOMIAL 0xEDB88320u

void vz_crc32_init(struct vz_crc32 *crc)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t value = byte;
        for (int bit = 0; bit < 8; bit++)
            value = (value & 1u) ? (value >> 1) ^ POLYNOMIAL : value >> 1;
        crc->table[0][byte] = value;
    }
    for (int k = 1; k < 8; k++)
        for (uint32_t byte = 0; byte < 256; byte++) {
            uint32_t shorter = crc->table[k - 1][byte];
            crc->table[k][byte] = (shorter >> 8) ^ crc->table[0][shorter & 0xffu];
        }
}

uint32_t vz_crc32(const struct vz_crc32 *crc, const void *data, size_t n)
{
    const uint32_t(*table)[256] = crc->table;
    const uint8_t *p = data;
    uint32_t value = ~0u;

    for (; n >= 8; n -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        word ^= value;
        value = table[7][word & 0xffu] ^ table[6][(word >> 8) & 0xffu] ^ table[5][(word >> 16) & 0xffu] ^
                table[4][(word >> 24) & 0xffu] ^ table[3][(word >> 32) & 0xffu] ^ table[2][(word >> 40) & 0xffu] ^
                table[1][(word >> 48) & 0xffu] ^ table[0][word >> 56];
    }
    for (; n > 0; n--, p++)
        value = (value >> 8) ^ table[0][(value ^ *p) & 0xffu];
    return ~value;
}
