/* EVENTS and NODES blocks: from the payload to columns. */
#include "decode.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "export.h"
#include "format/format.h"
#include "format/kinds.h"
#include "unpack.h"

#define MAX_COLUMN_ID VZ_COLUMN_PC_BACK /* columns with higher ids are none of EVENTS or NODES */

struct vz_decoder {
    struct vz_unpacker unpacker;
    uint32_t back[VZ_MAX_EVENTS];
    uint64_t pcs[VZ_MAX_EVENTS];
};

/* A column as it lies in the payload; one that is missing has no values. */
struct found {
    struct vz_column column;
    const uint8_t *stored;
};

VZ_EXPORT struct vz_decoder *vz_decoder_new(void)
{
    struct vz_decoder *decoder = malloc(sizeof *decoder);

    if (decoder && vz_unpacker_init(&decoder->unpacker) != 0) {
        free(decoder);
        decoder = NULL;
    }
    return decoder;
}

VZ_EXPORT void vz_decoder_free(struct vz_decoder *decoder)
{
    if (decoder)
        vz_unpacker_free(&decoder->unpacker);
    free(decoder);
}

/* Finds the columns; returns the unit of times in ns, or a negative error. */
static int64_t find_columns(const uint8_t *payload, size_t bytes, struct found found[MAX_COLUMN_ID + 1])
{
    struct vz_columns_head head;

    if (bytes < sizeof head)
        return -EINVAL;
    memcpy(&head, payload, sizeof head);
    if (head.n_columns > (bytes - sizeof head) / sizeof(struct vz_column))
        return -EINVAL;
    size_t at = sizeof head + head.n_columns * sizeof(struct vz_column);
    for (uint32_t k = 0; k < head.n_columns; k++) {
        struct vz_column column;
        memcpy(&column, payload + sizeof head + k * sizeof column, sizeof column);
        if (column.stored_bytes > bytes - at)
            return -EINVAL;
        if (column.column <= MAX_COLUMN_ID)
            found[column.column] = (struct found){column, payload + at};
        at += column.stored_bytes;
    }
    return head.time_resolution_ns;
}

/* Whether every column is there but ADDRESS, which nothing needs where there is nothing. */
static bool are_all_there(const struct found *found)
{
    for (uint8_t id = VZ_COLUMN_KIND; id <= VZ_COLUMN_TIME_END; id++)
        if (!found[id].stored && id != VZ_COLUMN_ADDRESS)
            return false;
    return true;
}

/* How many of the events have a size, and how many a stack. */
static void count_values(const uint8_t *kinds, uint32_t n, bool free_stacks, uint32_t *n_sized, uint32_t *n_stacked)
{
    uint64_t step[256], sum = 0; /* sizes in the low half, stacks in the high one */

    for (uint32_t kind = 0; kind < 256; kind++)
        step[kind] = vz_kind_has_size((uint8_t)kind) | (uint64_t)vz_kind_has_stack((uint8_t)kind, free_stacks) << 32;
    for (uint32_t i = 0; i < n; i++)
        sum += step[kinds[i]];
    *n_sized = (uint32_t)sum;
    *n_stacked = (uint32_t)(sum >> 32);
}

/* Each event has the address of the one that lies back[i] before it, or the next that was not used yet. */
static int resolve_back(const uint32_t *back, uint32_t n, uint32_t n_addresses, uint32_t *ordinals)
{
    uint32_t next = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (back[i] > i)
            return -EINVAL;
        ordinals[i] = back[i] ? ordinals[i - back[i]] : next++;
    }
    return next == n_addresses ? 0 : -EINVAL;
}

static int check_runs(const struct vz_event_block *block)
{
    uint32_t before = 0;

    for (uint32_t k = 0; k < block->n_runs; k++) {
        if (block->run_ends[k] <= before)
            return -EINVAL;
        before = block->run_ends[k];
    }
    return before == block->n ? 0 : -EINVAL;
}

static int unpack_columns(struct vz_decoder *decoder, const struct found *found, struct vz_event_block *block)
{
    struct vz_unpacker *unpacker = &decoder->unpacker;
#define UNPACK(NAME, TYPE, OUT) vz_unpack_##TYPE(unpacker, &found[NAME].column, found[NAME].stored, OUT)
    int error = UNPACK(VZ_COLUMN_THREAD, u32, block->threads);

    if (!error)
        error = UNPACK(VZ_COLUMN_TIME, u64, block->run_times);
    if (!error)
        error = UNPACK(VZ_COLUMN_TIME_END, u32, block->run_ends);
    if (!error)
        error = UNPACK(VZ_COLUMN_BACK, u32, decoder->back);
    if (!error)
        error = UNPACK(VZ_COLUMN_ADDRESS, u64, block->addresses);
    if (!error)
        error = UNPACK(VZ_COLUMN_SIZE, u64, block->sizes);
    if (!error)
        error = UNPACK(VZ_COLUMN_STACK, u32, block->stacks);
#undef UNPACK
    return error;
}

VZ_EXPORT int vz_decode_events(struct vz_decoder *decoder, const uint8_t *payload, size_t bytes,
                               struct vz_event_block *block)
{
    struct found found[MAX_COLUMN_ID + 1] = {{{0}, NULL}};
    uint32_t n = block->n;
    int64_t resolution = find_columns(payload, bytes, found);

    if (resolution < 0 || !are_all_there(found) || n == 0 || n > VZ_MAX_EVENTS ||
        found[VZ_COLUMN_KIND].column.n_values != n || found[VZ_COLUMN_THREAD].column.n_values != n ||
        found[VZ_COLUMN_BACK].column.n_values != n)
        return -EINVAL;
    block->n_runs = found[VZ_COLUMN_TIME].column.n_values;
    block->n_addresses = found[VZ_COLUMN_ADDRESS].column.n_values;
    int error =
        vz_unpack_u8(&decoder->unpacker, &found[VZ_COLUMN_KIND].column, found[VZ_COLUMN_KIND].stored, block->kinds);
    if (error)
        return error;
    count_values(block->kinds, n, block->free_stacks, &block->n_sized, &block->n_stacked);
    if (found[VZ_COLUMN_SIZE].column.n_values != block->n_sized ||
        found[VZ_COLUMN_STACK].column.n_values != block->n_stacked ||
        found[VZ_COLUMN_TIME_END].column.n_values != block->n_runs || block->n_runs > n || block->n_addresses > n)
        return -EINVAL;
    error = unpack_columns(decoder, found, block);
    if (!error)
        error = check_runs(block);
    if (!error)
        error = resolve_back(decoder->back, n, block->n_addresses, block->ordinals);
    for (uint32_t k = 0; !error && k < block->n_runs; k++)
        block->run_times[k] *= (uint64_t)resolution;
    return error;
}

/* Whether the columns of NODES are there with n values each; PC may be missing where nothing needs it. */
static bool are_nodes_there(const struct found *found, uint32_t n)
{
    static const uint8_t ids[] = {VZ_COLUMN_NODE, VZ_COLUMN_PARENT, VZ_COLUMN_CODE, VZ_COLUMN_PC_BACK};

    for (size_t k = 0; k < sizeof ids; k++)
        if (!found[ids[k]].stored || found[ids[k]].column.n_values != n)
            return false;
    return true;
}

/* Each node has the pc of the one that lies back[i] before it, or the next of `literals`. */
static int resolve_pcs(const uint32_t *back, uint32_t n, const uint64_t *literals, uint32_t n_literals, uint64_t *pcs)
{
    uint32_t next = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (back[i] > i || (back[i] == 0 && next == n_literals))
            return -EINVAL;
        pcs[i] = back[i] ? pcs[i - back[i]] : literals[next++];
    }
    return next == n_literals ? 0 : -EINVAL;
}

static int check_nodes(const struct vz_node_block *block, uint32_t n)
{
    uint64_t wrong = 0;

    for (uint32_t i = 0; i < n; i++)
        wrong |= (uint64_t)(block->ids[i] < VZ_NODE_FIRST_ID) | (uint64_t)(block->parents[i] >= block->ids[i]) |
                 block->ids[i] >> 32;
    return wrong ? -EINVAL : 0;
}

VZ_EXPORT int vz_decode_nodes(struct vz_decoder *decoder, const uint8_t *payload, size_t bytes, uint32_t n,
                              const struct vz_node_block *block)
{
    struct vz_unpacker *unpacker = &decoder->unpacker;
    struct found found[MAX_COLUMN_ID + 1] = {{{0}, NULL}};
    const struct vz_column *literals = &found[VZ_COLUMN_PC].column;

    if (find_columns(payload, bytes, found) < 0 || n > VZ_MAX_EVENTS || !are_nodes_there(found, n))
        return -EINVAL;
#define UNPACK(NAME, TYPE, OUT) vz_unpack_##TYPE(unpacker, &found[NAME].column, found[NAME].stored, OUT)
    int error = UNPACK(VZ_COLUMN_NODE, u64, block->ids);
    if (!error)
        error = UNPACK(VZ_COLUMN_PARENT, u64, block->parents);
    if (!error)
        error = UNPACK(VZ_COLUMN_CODE, u64, block->codes);
    if (!error)
        error = UNPACK(VZ_COLUMN_PC, u64, decoder->pcs);
    if (!error)
        error = UNPACK(VZ_COLUMN_PC_BACK, u32, decoder->back);
#undef UNPACK
    if (!error)
        error = check_nodes(block, n);
    return error ? error : resolve_pcs(decoder->back, n, decoder->pcs, literals->n_values, block->pcs);
}
