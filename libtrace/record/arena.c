/* The recorder's private memory. Blocks of at least BLOCK_BYTES from anonymous mmap; a CAS on the current block's fill
 * hands out pieces. Losing the race for a new block only leaves one of the two partly unused. */
#include "arena.h"

#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>

#include "sys.h"

enum { ALIGNMENT = 64, BLOCK_BYTES = 1 << 20 };

/* At the start of each block. */
struct block {
    _Atomic size_t used;
    size_t bytes;
};

static _Atomic(struct block *) current;

static void *take(struct block *block, size_t bytes)
{
    size_t used = atomic_load_explicit(&block->used, memory_order_relaxed);
    do {
        if (bytes > block->bytes - used)
            return NULL;
    } while (!atomic_compare_exchange_weak(&block->used, &used, used + bytes));
    return (char *)block + used;
}

static struct block *new_block(size_t at_least)
{
    const size_t bytes = at_least + ALIGNMENT > BLOCK_BYTES ? at_least + ALIGNMENT : BLOCK_BYTES;
    struct block *block = vz_sys_map(bytes, PROT_READ | PROT_WRITE, -1, 0);
    if (!block)
        return NULL;
    block->bytes = bytes;
    atomic_store_explicit(&block->used, ALIGNMENT, memory_order_relaxed);
    return block;
}

void *vz_arena_alloc(size_t bytes)
{
    if (bytes > SIZE_MAX / 2)
        return NULL;
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    struct block *block = atomic_load_explicit(&current, memory_order_acquire);
    void *piece = block ? take(block, bytes) : NULL;
    if (piece)
        return piece;
    struct block *fresh = new_block(bytes);
    if (!fresh)
        return NULL;
    piece = take(fresh, bytes);
    if (fresh->bytes == BLOCK_BYTES) /* a block made for one large piece does not become current */
        atomic_store_explicit(&current, fresh, memory_order_release);
    return piece;
}
