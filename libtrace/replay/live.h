/* The live blocks of an image: a pool of them, and a hash table from addresses to the pool.
 *
 * An address stays in the table when its block ends, because it will soon be given out again; such slots are dropped when
 * the table is rebuilt. Rebuilding happens in vz_live_reserve only, so that slots keep their places in between.
 * Memory is malloc's: within a constant factor of the most that was live at once.
 */
#ifndef VZ_LIVE_H
#define VZ_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "ids.h"

#define VZ_NO_BLOCK UINT32_MAX
#define VZ_THREAD_INHERITED UINT32_MAX /* struct vz_block.thread: came with the fork */

struct vz_block { /* half a cache line */
    uint64_t size;
    uint64_t start_time; /* ns */
    uint64_t number;     /* how many allocations its thread had made with it */
    uint32_t stack;      /* dense number; in a free entry the next free one */
    uint32_t thread;     /* dense number, or VZ_THREAD_INHERITED */
};

struct vz_slot {
    uint64_t address;
    uint32_t block; /* or VZ_NO_BLOCK: nothing is live there */
    uint32_t used;
};

struct vz_live {
    struct vz_slot *slots; /* open addressing; a power of two */
    uint32_t shift;        /* 64 minus the slots' logarithm */
    uint32_t n_used;       /* slots that have an address */
    struct vz_block *blocks;
    uint32_t n_blocks; /* entries of the pool that were ever used */
    uint32_t capacity;
    uint32_t free; /* first free entry below n_blocks, or VZ_NO_BLOCK */
    uint32_t
        n_live; /* blocks that are not free, also those that are at no address while their reallocation is under way */
};

/* 0, or -ENOMEM. */
int vz_live_init(struct vz_live *live);
void vz_live_free(struct vz_live *live);

/* Make room for so many addresses that are not in the table yet, and so many blocks. Moves slots and blocks.
 * 0, or -ENOMEM. */
int vz_live_reserve(struct vz_live *live, uint32_t n_addresses, uint32_t n_blocks);

/* The slot of an address, taken into the table if it is not in it: there must be room. */
static inline uint32_t vz_live_find(struct vz_live *live, uint64_t address)
{
    uint64_t mask = UINT64_MAX >> live->shift;
    uint64_t at = vz_hash(address, live->shift);

    while (live->slots[at].used && live->slots[at].address != address)
        at = (at + 1) & mask;
    if (!live->slots[at].used) {
        live->slots[at] = (struct vz_slot){address, VZ_NO_BLOCK, 1};
        live->n_used++;
    }
    return (uint32_t)at;
}

/* A free entry of the pool: there must be room. */
static inline uint32_t vz_live_take(struct vz_live *live)
{
    uint32_t index = live->free;

    if (index == VZ_NO_BLOCK)
        index = live->n_blocks++;
    else
        live->free = live->blocks[index].stack;
    live->n_live++;
    return index;
}

static inline void vz_live_give(struct vz_live *live, uint32_t index)
{
    live->blocks[index].stack = live->free;
    live->free = index;
    live->n_live--;
}

#endif
