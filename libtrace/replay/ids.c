/* Dense numbers for ids. */
#include "ids.h"

#include <errno.h>
#include <stdlib.h>

#include "lines.h"

#define FIRST_BITS 6u
#define MOST_BITS 31u

int vz_ids_init(struct vz_ids *ids)
{
    *ids = (struct vz_ids){.shift = 64 - FIRST_BITS, .slots = calloc(1u << FIRST_BITS, sizeof *ids->slots)};
    return ids->slots ? 0 : -ENOMEM;
}

void vz_ids_free(struct vz_ids *ids)
{
    free(ids->slots);
    ids->slots = NULL;
}

size_t vz_ids_bytes(const struct vz_ids *ids) { return ((UINT64_MAX >> ids->shift) + 1) * sizeof *ids->slots; }

int vz_ids_copy(struct vz_ids *copy, const struct vz_ids *ids)
{
    size_t bytes = vz_ids_bytes(ids);

    *copy = *ids;
    copy->slots = vz_lines_copy(ids->slots, bytes, bytes);
    return copy->slots ? 0 : -ENOMEM;
}

int vz_ids_grow(struct vz_ids *ids)
{
    uint32_t shift = ids->shift - 1;
    uint64_t n_before = (UINT64_MAX >> ids->shift) + 1;
    uint64_t mask = UINT64_MAX >> shift;

    if (64 - shift > MOST_BITS)
        return -ENOMEM;
    struct vz_id_slot *slots = calloc(mask + 1, sizeof *slots);
    if (!slots)
        return -ENOMEM;
    for (uint64_t k = 0; k < n_before; k++) {
        if (ids->slots[k].number == 0)
            continue;
        uint64_t at = vz_hash(ids->slots[k].id, shift);
        while (slots[at].number != 0)
            at = (at + 1) & mask;
        slots[at] = ids->slots[k];
    }
    free(ids->slots);
    ids->slots = slots;
    ids->shift = shift;
    return 0;
}
