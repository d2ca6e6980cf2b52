/* Sums by call stack, by thread, and by pair of threads. */
#include "accounts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lines.h"

#define FIRST_ROOM 64u

/* Notes in `error` if there is no memory. */
static void *copy_rows(const void *rows, size_t n, size_t row_bytes, int *error)
{
    void *copy = vz_lines_copy(rows, n * row_bytes, n * row_bytes);

    if (!copy)
        *error = -ENOMEM;
    return copy;
}

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

int vz_accounts_copy(struct vz_accounts *copy, const struct vz_accounts *accounts)
{
    size_t n_stacks = accounts->stack_ids.n, n_threads = accounts->thread_ids.n, n_pairs = accounts->pair_ids.n;
    int error = 0;

    *copy = *accounts;
    copy->stack_room = accounts->stack_ids.n;
    copy->thread_room = accounts->thread_ids.n;
    copy->pair_room = accounts->pair_ids.n;
    copy->stacks = copy_rows(accounts->stacks, n_stacks, sizeof *copy->stacks, &error);
    copy->more = copy_rows(accounts->more, n_stacks, sizeof *copy->more, &error);
    copy->threads = copy_rows(accounts->threads, n_threads, sizeof *copy->threads, &error);
    copy->pairs = copy_rows(accounts->pairs, n_pairs, sizeof *copy->pairs, &error);
    if (vz_ids_copy(&copy->stack_ids, &accounts->stack_ids) != 0)
        error = -ENOMEM;
    if (vz_ids_copy(&copy->thread_ids, &accounts->thread_ids) != 0)
        error = -ENOMEM;
    if (vz_ids_copy(&copy->pair_ids, &accounts->pair_ids) != 0)
        error = -ENOMEM;
    return error;
}

size_t vz_accounts_bytes(const struct vz_accounts *accounts)
{
    return vz_ids_bytes(&accounts->stack_ids) + vz_ids_bytes(&accounts->thread_ids) +
           vz_ids_bytes(&accounts->pair_ids) +
           accounts->stack_room * (sizeof *accounts->stacks + sizeof *accounts->more) +
           accounts->thread_room * sizeof *accounts->threads + accounts->pair_room * sizeof *accounts->pairs;
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
