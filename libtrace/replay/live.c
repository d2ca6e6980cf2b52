/* The live blocks of an image. */
#include "live.h"

#include <errno.h>
#include <stdlib.h>

#include "lines.h"
#include "sys_pages.h"

#define FIRST_BITS 8u
#define MOST_BITS 31u
#define FIRST_BLOCKS 64u

int vz_live_init(struct vz_live *live)
{
    *live = (struct vz_live){.shift = 64 - FIRST_BITS, .free = VZ_NO_BLOCK, .capacity = FIRST_BLOCKS};
    live->slots = calloc(1u << FIRST_BITS, sizeof *live->slots);
    live->blocks = vz_lines_grow(NULL, 0, FIRST_BLOCKS * sizeof *live->blocks);
    return live->slots && live->blocks ? 0 : -ENOMEM;
}

void vz_live_free(struct vz_live *live)
{
    free(live->slots);
    free(live->blocks);
}

static void put(struct vz_slot *slots, uint32_t shift, uint64_t address, uint32_t block)
{
    uint64_t mask = UINT64_MAX >> shift;
    uint64_t at = vz_hash(address, shift);

    while (slots[at].used)
        at = (at + 1) & mask;
    slots[at] = (struct vz_slot){address, block, 1};
}

/* Slots at which nothing is live are dropped. */
static int rebuild(struct vz_live *live, uint32_t n_addresses)
{
    uint64_t wanted = ((uint64_t)live->n_live + n_addresses) * 2;
    uint32_t bits = FIRST_BITS;

    while (bits < MOST_BITS && (1ull << bits) < wanted + wanted / 2)
        bits++;
    if ((1ull << bits) < wanted)
        return -ENOMEM;
    struct vz_slot *slots = calloc(1ull << bits, sizeof *slots);
    if (!slots)
        return -ENOMEM;
    vz_prefer_huge_pages(slots, (1ull << bits) * sizeof *slots);
    uint64_t n_before = (UINT64_MAX >> live->shift) + 1;
    live->n_used = 0;
    for (uint64_t k = 0; k < n_before; k++) {
        const struct vz_slot *slot = &live->slots[k];
        if (!slot->used || slot->block == VZ_NO_BLOCK)
            continue;
        put(slots, 64 - bits, slot->address, slot->block);
        live->n_used++;
    }
    free(live->slots);
    live->slots = slots;
    live->shift = 64 - bits;
    return 0;
}

int vz_live_reserve(struct vz_live *live, uint32_t n_addresses, uint32_t n_blocks)
{
    uint64_t n_slots = (UINT64_MAX >> live->shift) + 1;

    if (((uint64_t)live->n_used + n_addresses) * 3 > n_slots * 2 && rebuild(live, n_addresses) != 0)
        return -ENOMEM;
    uint64_t wanted = (uint64_t)live->n_blocks + n_blocks;
    if (wanted <= live->capacity)
        return 0;
    if (wanted >= VZ_NO_BLOCK / 2)
        return -ENOMEM;
    uint64_t capacity = wanted + wanted / 2;
    struct vz_block *blocks = vz_lines_grow(live->blocks, live->n_blocks * sizeof *blocks, capacity * sizeof *blocks);
    if (!blocks)
        return -ENOMEM;
    live->blocks = blocks;
    live->capacity = (uint32_t)capacity;
    return 0;
}
