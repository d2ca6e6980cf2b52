/* Sums by call stack, by thread, and by pair of threads. */
#include "accounts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lines.h"

#define FIRST_ROOM 64u

int vz_accounts_init(struct vz_accounts *accounts)
{
    memset(accounts, 0, sizeof *accounts);
    if (vz_ids_init(&accounts->stack_ids) != 0 || vz_ids_init(&accounts->thread_ids) != 0 ||
        vz_ids_init(&accounts->pair_ids) != 0)
        return -ENOMEM;
    return 0;
}

void vz_accounts_free(struct vz_accounts *accounts)
{
    vz_ids_free(&accounts->stack_ids);
    vz_ids_free(&accounts->thread_ids);
    vz_ids_free(&accounts->pair_ids);
    free(accounts->stacks);
    free(accounts->more);
    free(accounts->threads);
    free(accounts->pairs);
}

/* Rows with room for so many; NULL, and the old ones as they were: no memory. */
static void *grow(void *rows, uint32_t room, size_t row_bytes) { return realloc(rows, (size_t)room * row_bytes); }

static uint32_t next_room(uint32_t room) { return room ? room * 2 : FIRST_ROOM; }

uint32_t vz_accounts_add_stack(struct vz_accounts *accounts, uint32_t id)
{
    uint32_t n = accounts->stack_ids.n;

    if (n == accounts->stack_room) {
        uint32_t room = next_room(n);
        struct vz_stack_sums *stacks = vz_lines_grow(accounts->stacks, n * sizeof *stacks, room * sizeof *stacks);
        if (!stacks)
            return VZ_NONE;
        accounts->stacks = stacks;
        struct vz_stack_more *more = grow(accounts->more, room, sizeof *more);
        if (!more)
            return VZ_NONE;
        accounts->more = more;
        accounts->stack_room = room;
    }
    uint32_t row = vz_ids_find(&accounts->stack_ids, id);
    if (row == n) {
        accounts->stacks[row] = (struct vz_stack_sums){.saved_for = accounts->peak};
        accounts->more[row] = (struct vz_stack_more){.id = id};
    }
    return row;
}

uint32_t vz_accounts_add_thread(struct vz_accounts *accounts, uint32_t id)
{
    uint32_t n = accounts->thread_ids.n;

    if (n == accounts->thread_room) {
        uint32_t room = next_room(n);
        struct vz_thread_sums *threads = grow(accounts->threads, room, sizeof *threads);
        if (!threads)
            return VZ_NONE;
        accounts->threads = threads;
        accounts->thread_room = room;
    }
    uint32_t row = vz_ids_find(&accounts->thread_ids, id);
    if (row == n)
        accounts->threads[row] = (struct vz_thread_sums){.id = id, .pending = VZ_NONE};
    return row;
}

int vz_accounts_add_pair(struct vz_accounts *accounts, uint32_t start, uint32_t end, uint64_t size)
{
    uint32_t n = accounts->pair_ids.n;

    if (n == accounts->pair_room) {
        uint32_t room = next_room(n);
        struct vz_pair_sums *pairs = grow(accounts->pairs, room, sizeof *pairs);
        if (!pairs)
            return -ENOMEM;
        accounts->pairs = pairs;
        accounts->pair_room = room;
    }
    uint32_t row = vz_ids_find(&accounts->pair_ids, (uint64_t)start << 32 | end);
    if (row == VZ_NONE)
        return -ENOMEM;
    if (row == n)
        accounts->pairs[row] = (struct vz_pair_sums){.start = start, .end = end};
    accounts->pairs[row].blocks++;
    accounts->pairs[row].bytes += size;
    return 0;
}
