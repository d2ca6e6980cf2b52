/* The live blocks of an image. */
#include "live.h"

#include <errno.h>
#include <stdlib.h>

#include "lines.h"

#define FIRST_BITS 8u
#define MOST_BITS 31u

int vz_live_init(struct vz_live *live)
{
    *live = (struct vz_live){.shift = 64 - FIRST_BITS, .slots = vz_lines_new((1u << FIRST_BITS) * sizeof *live->slots)};
    return live->slots ? 0 : -ENOMEM;
}

void vz_live_free(struct vz_live *live) { free(live->slots); }

size_t vz_live_bytes(const struct vz_live *live) { return ((UINT64_MAX >> live->shift) + 1) * sizeof *live->slots; }

int vz_live_copy(struct vz_live *copy, const struct vz_live *live)
{
    size_t bytes = vz_live_bytes(live);

    *copy = *live;
    copy->slots = vz_lines_copy(live->slots, bytes, bytes);
    return copy->slots ? 0 : -ENOMEM;
}

static void put(struct vz_block *slots, uint32_t shift, const struct vz_block *block)
{
    uint64_t mask = UINT64_MAX >> shift;
    uint64_t first = vz_hash(block->address, shift), at = first;

    for (uint64_t k = 1; slots[at].holder != VZ_HOLDER_UNUSED; k++)
        at = vz_live_probe(first, k) & mask;
    slots[at] = *block;
}

/* Slots at which nothing is live are dropped. */
static int rebuild(struct vz_live *live, uint32_t n_addresses)
{
    uint64_t wanted = (uint64_t)live->n_live + n_addresses;
    uint32_t bits = FIRST_BITS;

    while (bits < MOST_BITS && (1ull << bits) < wanted * 2)
        bits++;
    if ((1ull << bits) < wanted * 2)
        return -ENOMEM;
    struct vz_block *slots = vz_lines_new((1ull << bits) * sizeof *slots);
    if (!slots)
        return -ENOMEM;
    uint64_t n_before = (UINT64_MAX >> live->shift) + 1;
    live->n_used = 0;
    for (uint64_t k = 0; k < n_before; k++) {
        if (!vz_block_lives(&live->slots[k]))
            continue;
        put(slots, 64 - bits, &live->slots[k]);
        live->n_used++;
    }
    free(live->slots);
    live->slots = slots;
    live->shift = 64 - bits;
    return 0;
}

int vz_live_reserve(struct vz_live *live, uint32_t n_addresses)
{
    uint64_t n_slots = (UINT64_MAX >> live->shift) + 1;

    if (((uint64_t)live->n_used + n_addresses) * 3 > n_slots * 2)
        return rebuild(live, n_addresses);
    return 0;
}
