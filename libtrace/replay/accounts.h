/* Sums by call stack, by thread, and by pair of threads. Rows are numbered as ids turn up.
 *
 * What was live at the peak is kept by copy on write: `peak` counts how often a peak was left, and a stack saves what it
 * had live when it changes for the first time after that. So a peak costs nothing for stacks that do not change.
 * Memory is malloc's.
 */
#ifndef VZ_ACCOUNTS_H
#define VZ_ACCOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ids.h"

struct vz_stack_sums { /* one cache line: what most events change */
    uint64_t allocs;
    uint64_t bytes;
    uint64_t gone_blocks; /* ended, freed or not */
    uint64_t gone_bytes;
    uint64_t lifetime_ns;
    uint64_t temporary;
    uint64_t saved_for; /* the peak that `peak_*` belong to */
    uint64_t displaced; /* ended without a free */
};

struct vz_stack_more {
    uint32_t id;
    uint32_t unused;
    uint64_t peak_bytes;
    uint64_t peak_blocks;
    uint64_t other_walks; /* stacks of mappings and of frees */
};

struct vz_thread_sums {
    uint32_t id;
    uint32_t pending; /* innermost pending reallocation, or VZ_NONE */
    uint64_t allocs;
    uint64_t bytes;
    uint64_t frees;
    uint64_t foreign_frees;
    uint64_t own_blocks; /* own blocks of the image that it allocated and freed */
    uint64_t own_bytes;
    uint64_t last_address; /* where the block is that it allocated last */
    bool last_lives;       /* whether that is still in its slot */
};

struct vz_pair_sums { /* of two different threads */
    uint32_t start;   /* row of the allocating thread */
    uint32_t end;     /* of the freeing one */
    uint64_t blocks;
    uint64_t bytes;
};

#define VZ_NONE UINT32_MAX

struct vz_accounts {
    struct vz_ids stack_ids, thread_ids, pair_ids;
    struct vz_stack_sums *stacks;
    struct vz_stack_more *more;
    struct vz_thread_sums *threads;
    struct vz_pair_sums *pairs;
    uint32_t stack_room, thread_room, pair_room;
    uint64_t peak; /* how often a peak was left */
};

/* 0, or -ENOMEM. */
int vz_accounts_init(struct vz_accounts *accounts);
void vz_accounts_free(struct vz_accounts *accounts);

/* Make `copy` the same. 0, or -ENOMEM: to be freed all the same. */
int vz_accounts_copy(struct vz_accounts *copy, const struct vz_accounts *accounts);

/* Memory that they have. */
size_t vz_accounts_bytes(const struct vz_accounts *accounts);

/* The row of an id that may be new; rows move. VZ_NONE: no memory. */
uint32_t vz_accounts_add_stack(struct vz_accounts *accounts, uint32_t id);
uint32_t vz_accounts_add_thread(struct vz_accounts *accounts, uint32_t id);

/* A block that thread row `start` allocated was freed by another, `end`. 0, or -ENOMEM. */
int vz_accounts_add_pair(struct vz_accounts *accounts, uint32_t start, uint32_t end, uint64_t size);

/* Before what a stack has live changes, unless a new peak is being reached. */
static inline void vz_accounts_save(struct vz_accounts *accounts, uint32_t row)
{
    struct vz_stack_sums *sums = &accounts->stacks[row];

    if (sums->saved_for == accounts->peak)
        return;
    sums->saved_for = accounts->peak;
    accounts->more[row].peak_bytes = sums->bytes - sums->gone_bytes;
    accounts->more[row].peak_blocks = sums->allocs - sums->gone_blocks;
}

#endif
