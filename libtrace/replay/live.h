/* The live blocks of an image: a hash table from addresses to what is known of them.
 *
 * A block lies in the table itself, so that one cache miss finds all of it: with a million live blocks nearly every event
 * misses, and how many lines it needs is what it costs.
 * An address stays in the table when its block ends, because it will soon be given out again; such slots are dropped when
 * the table is rebuilt. Rebuilding happens in vz_live_reserve only, so that slots keep their places in between.
 * Memory is malloc's: within a constant factor of the most that was live at once.
 */
#ifndef VZ_LIVE_H
#define VZ_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ids.h"

/* Who has a slot: struct vz_block.holder. */
#define VZ_HOLDER_UNUSED 0u    /* it has no address yet */
#define VZ_HOLDER_NOBODY 1u    /* nothing is live at its address */
#define VZ_HOLDER_INHERITED 2u /* a block that came with the fork */
#define VZ_HOLDER_THREAD 3u    /* plus the dense number of a thread: a block that the thread allocated */

struct vz_block { /* half a cache line */
    uint64_t address;
    uint64_t size;
    uint64_t start_time; /* ns */
    uint32_t stack;      /* dense number; 0 of inherited blocks */
    uint32_t holder;
};

struct vz_live {
    struct vz_block *slots; /* open addressing; a power of two */
    uint32_t shift;         /* 64 minus the slots' logarithm */
    uint32_t n_used;        /* slots that have an address */
    uint32_t n_live;        /* blocks, also those that are in no slot while their reallocation is under way */
};

/* 0, or -ENOMEM. */
int vz_live_init(struct vz_live *live);
void vz_live_free(struct vz_live *live);

/* Make `copy` the same. 0, or -ENOMEM: to be freed all the same. */
int vz_live_copy(struct vz_live *copy, const struct vz_live *live);

/* Memory that it has. */
size_t vz_live_bytes(const struct vz_live *live);

/* Make room for so many addresses that are not in the table yet. Moves slots. 0, or -ENOMEM. */
int vz_live_reserve(struct vz_live *live, uint32_t n_addresses);

static inline bool vz_block_lives(const struct vz_block *block) { return block->holder > VZ_HOLDER_NOBODY; }

/* Whether the image itself allocated it. */
static inline bool vz_block_is_own(const struct vz_block *block) { return block->holder >= VZ_HOLDER_THREAD; }

/* Ask for what vz_live_find will need. */
__attribute__((always_inline)) static inline void vz_live_prefetch(const struct vz_live *live, uint64_t address)
{
    __builtin_prefetch(&live->slots[vz_hash(address, live->shift)], 1);
}

/* Where to look for an address that is not where its hash says, as k goes from 1: both slots of a line before the next line. */
static inline uint64_t vz_live_probe(uint64_t first, uint64_t k) { return (first + (k & ~1ull)) ^ (k & 1); }

/* The slot of an address, taken into the table if it is not in it: there must be room. */
static inline uint32_t vz_live_find(struct vz_live *live, uint64_t address)
{
    uint64_t mask = UINT64_MAX >> live->shift;
    uint64_t first = vz_hash(address, live->shift), at = first;

    for (uint64_t k = 1; live->slots[at].address != address && live->slots[at].holder != VZ_HOLDER_UNUSED; k++)
        at = vz_live_probe(first, k) & mask;
    if (live->slots[at].holder == VZ_HOLDER_UNUSED) {
        live->slots[at] = (struct vz_block){.address = address, .holder = VZ_HOLDER_NOBODY};
        live->n_used++;
    }
    return (uint32_t)at;
}

#endif
