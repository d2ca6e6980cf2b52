/* The tables of stack nodes. Nothing is ever removed, and the slots of a bucket fill in order: so who inserts a key
 * finds the other's node in the very slot that it fails to take. */
#include "stacks.h"

#include <stdbool.h>

#include "region.h"

enum { BUCKET = 16, PROBES = 24, FIRST_BITS = 10, GROWTH = 2, ID_BITS = 24 };

#define ID_MASK ((1u << ID_BITS) - 1)

/* vz_region.hash_level: the newest level, and above it the oldest that must still be asked. */
static uint32_t newest(uint32_t levels) { return levels & 0xff; }
static uint32_t oldest(uint32_t levels) { return levels >> 8; }

static uint64_t hash_of(uint32_t parent, uint64_t pc, uint32_t generation)
{
    uint64_t hash = (pc ^ ((uint64_t)generation << 32 | parent) * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
    hash ^= hash >> 32;
    return hash * 0xc4ceb9fe1a85ec53u;
}

/* The 8 bits of the hash that stand with the id; the bucket is chosen by higher ones. */
static uint32_t tag_of(uint64_t hash) { return (uint32_t)(hash >> 24) & ~ID_MASK; }

static struct vz_node *node_at(uint32_t id)
{
    const uint32_t page =
        atomic_load_explicit(&vz_region->node_segments[id / VZ_NODES_PER_SEGMENT], memory_order_acquire);
    return (struct vz_node *)vz_region_page(page) + id % VZ_NODES_PER_SEGMENT;
}

static bool is_node(uint32_t id, uint32_t parent, uint64_t pc, uint32_t generation)
{
    const struct vz_node *node = node_at(id);
    return node->pc == pc && node->parent == parent && node->generation == generation;
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

/* The buckets that a key may stand in, one after the other full. The first lies near those of its parent's siblings, since
 * nodes that were made together are asked for together (cc1plus with 700,000 nodes: half of the time that interning took);
 * the others lie anywhere, many enough that a table is about half full before a key finds no place. */
static _Atomic uint32_t *bucket_at(uint32_t level, uint64_t hash, uint32_t parent, uint32_t probe)
{
    const uint64_t offset = atomic_load_explicit(&vz_region->hash_offset[level], memory_order_acquire);
    const uint64_t n_buckets = (UINT64_C(1) << (FIRST_BITS + level)) / BUCKET;
    const uint64_t near = (uint64_t)(parent / BUCKET) * 4 + (hash >> 24 & 3);
    const uint64_t place = probe == 0 ? near : (hash >> 24) + (hash >> 48 | 1) * probe;
    return (_Atomic uint32_t *)vz_region_at(offset) + (place & (n_buckets - 1)) * BUCKET;
}

static bool make_level(uint32_t level)
{
    uint64_t none = 0;
    if (atomic_load_explicit(&vz_region->hash_offset[level], memory_order_acquire))
        return true;
    const uint64_t offset = vz_region_alloc(sizeof(uint32_t) << (FIRST_BITS + level));
    /* The loser's table stays untouched: address space only. */
    if (offset)
        atomic_compare_exchange_strong(&vz_region->hash_offset[level], &none, offset);
    return offset != 0;
}

/* The id of this key in a bucket, or 0. Looks from slot *n_used on, and leaves there the first free slot (or BUCKET).
 */
static uint32_t find(_Atomic uint32_t *bucket, uint32_t parent, uint64_t pc, uint32_t generation, uint32_t tag,
                     uint32_t *n_used)
{
    for (uint32_t i = *n_used; i < BUCKET; i++) {
        const uint32_t slot = atomic_load_explicit(&bucket[i], memory_order_acquire);
        *n_used = i;
        if (!slot)
            return 0;
        if ((slot & ~ID_MASK) == tag && is_node(slot & ID_MASK, parent, pc, generation))
            return slot & ID_MASK;
    }
    *n_used = BUCKET;
    return 0;
}

/* Copy an id into a bucket, unless it is there. False: the bucket is full. */
static bool copy_into(_Atomic uint32_t *bucket, uint32_t slot)
{
    for (uint32_t k = 0; k < BUCKET; k++) {
        uint32_t none = 0;
        if (atomic_compare_exchange_strong(&bucket[k], &none, slot) || none == slot)
            return true;
    }
    return false;
}

/* Copy every id of one level to another whose buckets have room. */
static void copy_level(uint32_t from, uint32_t to)
{
    const uint64_t n_slots = UINT64_C(1) << (FIRST_BITS + from);
    const uint64_t offset = atomic_load_explicit(&vz_region->hash_offset[from], memory_order_acquire);
    const _Atomic uint32_t *slots = vz_region_at(offset);
    for (uint64_t i = 0; i < n_slots; i++) {
        const uint32_t slot = atomic_load_explicit(&slots[i], memory_order_acquire);
        if (!slot)
            continue;
        const struct vz_node *node = node_at(slot & ID_MASK);
        const uint64_t hash = hash_of(node->parent, node->pc, node->generation);
        for (uint32_t probe = 0; probe < PROBES && !copy_into(bucket_at(to, hash, node->parent, probe), slot); probe++)
            ;
    }
}

/* Add a level above the newest. Who publishes it copies what is older; killed or forked in between, the older levels
 * are simply asked for ever. */
static bool add_level(uint32_t levels)
{
    const uint32_t old = newest(levels);
    const uint32_t new = old + GROWTH < VZ_HASH_LEVELS ? old + GROWTH : VZ_HASH_LEVELS - 1;
    if (old == new || !make_level(new))
        return false;
    if (!atomic_compare_exchange_strong(&vz_region->hash_level, &levels, (levels & ~0xffu) | new))
        return true;
    for (uint32_t level = oldest(levels); level <= old; level++)
        if (atomic_load_explicit(&vz_region->hash_offset[level], memory_order_acquire))
            copy_level(level, new);
    levels = (levels & ~0xffu) | new;
    atomic_compare_exchange_strong(&vz_region->hash_level, &levels, new << 8 | new);
    return true;
}

/* ---- nodes ------------------------------------------------------------------------------------------------------- */

static bool make_segment(uint32_t segment)
{
    uint32_t none = 0;
    if (atomic_load_explicit(&vz_region->node_segments[segment], memory_order_acquire))
        return true;
    const uint64_t offset = vz_region_alloc(VZ_NODES_PER_SEGMENT * sizeof(struct vz_node));
    if (offset)
        atomic_compare_exchange_strong(&vz_region->node_segments[segment], &none, (uint32_t)(offset / VZ_PAGE));
    return offset != 0;
}

/* A new node, not yet in any table, or 0. */
static uint32_t make_node(uint32_t parent, uint64_t pc, uint32_t generation)
{
    if (atomic_load_explicit(&vz_region->n_nodes, memory_order_relaxed) > ID_MASK)
        return 0;
    const uint32_t id = atomic_fetch_add(&vz_region->n_nodes, 1);
    if (id > ID_MASK || !make_segment(id / VZ_NODES_PER_SEGMENT))
        return 0;
    struct vz_node *node = node_at(id);
    node->parent = parent;
    node->generation = generation;
    __atomic_store_n(&node->pc, pc, __ATOMIC_RELEASE);
    return id;
}

/* The id of this key in the levels older than the newest, or 0. */
static uint32_t find_older(uint32_t levels, uint64_t hash, uint32_t parent, uint64_t pc, uint32_t generation)
{
    for (uint32_t level = newest(levels); level-- > oldest(levels);) {
        if (!atomic_load_explicit(&vz_region->hash_offset[level], memory_order_acquire))
            continue;
        uint32_t n_used = BUCKET;
        for (uint32_t probe = 0; probe < PROBES && n_used == BUCKET; probe++) {
            n_used = 0;
            _Atomic uint32_t *bucket = bucket_at(level, hash, parent, probe);
            const uint32_t id = find(bucket, parent, pc, generation, tag_of(hash), &n_used);
            if (id)
                return id;
        }
    }
    return 0;
}

/* Put a new node into a bucket, of which the first n_used slots hold other keys. Returns the id that stands for the key
 * then, somebody else's perhaps; or 0: the bucket is full. */
static uint32_t insert(_Atomic uint32_t *bucket, uint32_t n_used, uint32_t made, uint32_t tag)
{
    const struct vz_node *node = node_at(made);
    while (n_used < BUCKET) {
        uint32_t none = 0;
        if (atomic_compare_exchange_strong(&bucket[n_used], &none, tag | made))
            return made;
        const uint32_t id = find(bucket, node->parent, node->pc, node->generation, tag, &n_used);
        if (id)
            return id;
    }
    return 0;
}

/* Try one set of levels. Returns the id, or 0 when the key's buckets in the newest are full. *made: a node for the key that
 * is in no table yet, or 0. */
static uint32_t intern_in(uint32_t levels, uint32_t parent, uint64_t pc, uint32_t generation, uint32_t *made)
{
    const uint64_t hash = hash_of(parent, pc, generation);
    for (uint32_t probe = 0; probe < PROBES; probe++) {
        _Atomic uint32_t *bucket = bucket_at(newest(levels), hash, parent, probe);
        uint32_t n_used = 0;
        uint32_t id = find(bucket, parent, pc, generation, tag_of(hash), &n_used);
        if (!id && n_used == BUCKET)
            continue;
        if (!id && !*made && oldest(levels) != newest(levels))
            id = find_older(levels, hash, parent, pc, generation);
        if (!id && !*made && (*made = make_node(parent, pc, generation)) == 0)
            return VZ_NODE_GAP;
        if (!id)
            id = insert(bucket, n_used, *made, tag_of(hash));
        if (id)
            return id;
    }
    return 0;
}

uint32_t vz_stacks_intern(uint32_t parent, uint64_t pc, uint32_t generation)
{
    uint32_t made = 0;
    for (;;) {
        const uint32_t levels = atomic_load_explicit(&vz_region->hash_level, memory_order_acquire);
        if (!make_level(newest(levels)))
            return VZ_NODE_GAP;
        const uint32_t id = intern_in(levels, parent, pc, generation, &made);
        if (id)
            return id;
        if (!add_level(levels))
            return VZ_NODE_GAP;
    }
}
