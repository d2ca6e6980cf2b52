/* A rule packed into 32 bits, where functions save the return address themselves, next to the frame pointer mostly: kind 3,
 * fixed 1, fp's place below pc's 3, pc's place 11, offset 14 (signed; all in words).
 */
#ifndef VZ_UNWIND_LAYOUT_H
#define VZ_UNWIND_LAYOUT_H

#include <stdint.h>

enum { VZ_RULE_FP_SHIFT = 4, VZ_RULE_PC_SHIFT = 7, VZ_RULE_OFFSET_SHIFT = 18 };

/* The packed fields; 0: they don't fit. */
static inline uint32_t vz_rule_pack(int64_t offset, int64_t pc_words, int64_t fp_words)
{
    const int32_t shifted = (int32_t)((uint32_t)offset << VZ_RULE_OFFSET_SHIFT);
    const int64_t below = fp_words ? fp_words - pc_words : 0;
    if (offset != shifted >> VZ_RULE_OFFSET_SHIFT || pc_words < 1 || pc_words > 0x7ff || below < 0 || below > 7)
        return 0;
    return (uint32_t)below << VZ_RULE_FP_SHIFT | (uint32_t)pc_words << VZ_RULE_PC_SHIFT | (uint32_t)shifted;
}

static inline int32_t vz_rule_offset_words(uint32_t rule) { return (int32_t)rule >> VZ_RULE_OFFSET_SHIFT; }

/* How many words below the CFA pc and fp are saved; 0: not saved. */
static inline uint32_t vz_rule_pc_words(uint32_t rule) { return rule >> VZ_RULE_PC_SHIFT & 0x7ff; }

static inline uint32_t vz_rule_fp_words(uint32_t rule)
{
    const uint32_t below = rule >> VZ_RULE_FP_SHIFT & 7;
    return below ? vz_rule_pc_words(rule) + below : 0;
}

#endif
