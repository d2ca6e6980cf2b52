/* Call stacks that are equal: found by a hash of their paths, then compared node by node. */
#include "stack_groups.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "export.h"

#define MOST_STACKS (UINT64_C(1) << 31)

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 32;
}

/* Gives each node the hash of its path from the root. */
static int hash_paths(const struct vz_path_nodes *nodes, uint64_t *hashes)
{
    for (uint64_t row = 0; row < nodes->n; row++) {
        int64_t above = nodes->above[row];
        if (above < -1 || above >= (int64_t)row)
            return -EINVAL;
        uint64_t under = above < 0 ? nodes->roots[row] : hashes[above];
        hashes[row] = mix(mix(under, nodes->pcs[row]), nodes->codes[row]);
    }
    return 0;
}

static bool are_paths_equal(const struct vz_path_nodes *nodes, int64_t a, int64_t b)
{
    while (a != b) {
        if (a < 0 || b < 0 || nodes->pcs[a] != nodes->pcs[b] || nodes->codes[a] != nodes->codes[b])
            return false;
        int64_t above_a = nodes->above[a], above_b = nodes->above[b];
        if (above_a < 0 && above_b < 0)
            return nodes->roots[a] == nodes->roots[b];
        a = above_a;
        b = above_b;
    }
    return true;
}

static bool are_equal(const struct vz_path_nodes *nodes, const struct vz_stack_ends *stacks, uint64_t i, uint64_t j)
{
    if (stacks->leaves[i] < 0 && stacks->leaves[j] < 0)
        return stacks->roots[i] == stacks->roots[j];
    return are_paths_equal(nodes, stacks->leaves[i], stacks->leaves[j]);
}

/* Finds each stack's group in `slots`, whose number is mask + 1: group plus 1, or 0. Returns how many groups there are. */
static int64_t find_groups(const struct vz_path_nodes *nodes, const struct vz_stack_ends *stacks,
                           const uint64_t *hashes, uint32_t *slots, uint64_t mask, int64_t *groups, int64_t *firsts)
{
    uint32_t n_groups = 0;

    for (uint64_t i = 0; i < stacks->n; i++) {
        int64_t leaf = stacks->leaves[i];
        if (leaf < -1 || leaf >= (int64_t)nodes->n)
            return -EINVAL;
        uint64_t at = (leaf < 0 ? mix(0, (uint64_t)stacks->roots[i]) : hashes[leaf]) & mask;
        while (slots[at] != 0 && !are_equal(nodes, stacks, i, (uint64_t)firsts[slots[at] - 1]))
            at = (at + 1) & mask;
        if (slots[at] == 0) {
            firsts[n_groups] = (int64_t)i;
            slots[at] = ++n_groups;
        }
        groups[i] = slots[at] - 1;
    }
    return n_groups;
}

VZ_EXPORT int64_t vz_stacks_group(const struct vz_path_nodes *nodes, const struct vz_stack_ends *stacks,
                                  int64_t *groups, int64_t *firsts)
{
    uint64_t n_slots = 16;

    if (stacks->n >= MOST_STACKS)
        return -EINVAL;
    while (n_slots < 2 * stacks->n)
        n_slots *= 2;
    uint64_t *hashes = malloc((nodes->n + 1) * sizeof *hashes);
    uint32_t *slots = calloc(n_slots, sizeof *slots);
    int64_t result = hashes && slots ? hash_paths(nodes, hashes) : -ENOMEM;
    if (result == 0)
        result = find_groups(nodes, stacks, hashes, slots, n_slots - 1, groups, firsts);
    free(slots);
    free(hashes);
    return result;
}
