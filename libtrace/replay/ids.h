/* Dense numbers for ids that turn up as they come: 0 for the first, then 1, and so on.
 *
 * Memory is malloc's, and grows with the number of distinct ids. No system calls of its own.
 */
#ifndef VZ_IDS_H
#define VZ_IDS_H

#include <stddef.h>
#include <stdint.h>

struct vz_id_slot {
    uint64_t id;
    uint32_t number; /* plus 1; 0: empty */
};

struct vz_ids {
    struct vz_id_slot *slots; /* open addressing; a power of two, at most half full */
    uint32_t shift;           /* 64 minus the slots' logarithm */
    uint32_t n;               /* distinct ids */
};

/* 0, or -ENOMEM. */
int vz_ids_init(struct vz_ids *ids);
void vz_ids_free(struct vz_ids *ids);

/* Make `copy` the same. 0, or -ENOMEM: to be freed all the same. */
int vz_ids_copy(struct vz_ids *copy, const struct vz_ids *ids);

/* Memory that it has. */
size_t vz_ids_bytes(const struct vz_ids *ids);

/* Double the slots. 0, or -ENOMEM. */
int vz_ids_grow(struct vz_ids *ids);

static inline uint64_t vz_hash(uint64_t id, uint32_t shift) { return (id * 0x9e3779b97f4a7c15u) >> shift; }

/* The number of an id: ids->n before the call if it is new. UINT32_MAX: no memory, or too many. */
static inline uint32_t vz_ids_find(struct vz_ids *ids, uint64_t id)
{
    uint64_t mask = UINT64_MAX >> ids->shift;

    for (uint64_t at = vz_hash(id, ids->shift);; at = (at + 1) & mask) {
        struct vz_id_slot *slot = &ids->slots[at];
        if (slot->number != 0 && slot->id == id)
            return slot->number - 1;
        if (slot->number != 0)
            continue;
        if (ids->n >= mask / 2) {
            if (vz_ids_grow(ids) != 0)
                return UINT32_MAX;
            return vz_ids_find(ids, id);
        }
        *slot = (struct vz_id_slot){id, ++ids->n};
        return ids->n - 1;
    }
}

/* Ask for what vz_ids_find will need. */
__attribute__((always_inline)) static inline void vz_ids_prefetch(const struct vz_ids *ids, uint64_t id)
{
    __builtin_prefetch(&ids->slots[vz_hash(id, ids->shift)]);
}

#endif
