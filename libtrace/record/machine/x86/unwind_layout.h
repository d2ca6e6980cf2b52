/* A rule packed into 32 bits, where calls push the return address: kind 3, fixed 1, fp's place 8, offset 20 (signed; both in
 * words).
 */
#ifndef VZ_UNWIND_LAYOUT_H
#define VZ_UNWIND_LAYOUT_H

#include <stdint.h>

enum { VZ_RULE_FP_SHIFT = 4, VZ_RULE_OFFSET_SHIFT = 12 };

/* The packed fields; 0: they don't fit. */
static inline uint32_t vz_rule_pack(int64_t offset, int64_t pc_words, int64_t fp_words)
{
    const int32_t shifted = (int32_t)((uint32_t)offset << VZ_RULE_OFFSET_SHIFT);
    if (offset != shifted >> VZ_RULE_OFFSET_SHIFT || pc_words != 1 || fp_words < 0 || fp_words > 0xff)
        return 0;
    return (uint32_t)fp_words << VZ_RULE_FP_SHIFT | (uint32_t)shifted;
}

static inline int32_t vz_rule_offset_words(uint32_t rule) { return (int32_t)rule >> VZ_RULE_OFFSET_SHIFT; }

/* How many words below the CFA pc and fp are saved; 0: not saved. */
static inline uint32_t vz_rule_pc_words(uint32_t rule)
{
    (void)rule;
    return 1;
}

static inline uint32_t vz_rule_fp_words(uint32_t rule) { return rule >> VZ_RULE_FP_SHIFT & 0xff; }

#endif
