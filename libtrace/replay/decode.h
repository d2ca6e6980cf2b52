/* EVENTS and NODES blocks: from the payload to columns, of events those that replay is fed with.
 *
 * Called by vizreport through ctypes, from several threads at once with a decoder each. The payload comes from a file and
 * is not to be trusted: whatever it holds, nothing is read or written out of bounds, and what is returned is consistent.
 */
#ifndef VZ_DECODE_H
#define VZ_DECODE_H

#include <stddef.h>
#include <stdint.h>

/* vizreport/trace/event_block.py says what the columns mean. Arrays have room for n values each. */
struct vz_event_block {
    uint32_t n;
    uint32_t free_stacks; /* FREE and RELEASE events have stacks */
    uint32_t n_runs;
    uint32_t n_addresses;
    uint32_t n_sized;
    uint32_t n_stacked;
    uint8_t *kinds;
    uint32_t *threads;
    uint64_t *run_times; /* n_runs */
    uint32_t *run_ends;  /* n_runs; increasing, the last is n */
    uint64_t *addresses; /* n_addresses */
    uint32_t *ordinals;  /* less than n_addresses */
    uint64_t *sizes;     /* n_sized: one for each event whose kind has one */
    uint32_t *stacks;    /* n_stacked: likewise */
};

struct vz_decoder;

/* NULL: no memory. */
struct vz_decoder *vz_decoder_new(void);
void vz_decoder_free(struct vz_decoder *decoder);

/* Decode a payload of `bytes` bytes that announces block->n events; n and free_stacks are the caller's, all else is
 * written. 0; -EINVAL: it contradicts the format; -ENOTSUP: it is compressed, and this build has no zstd. */
int vz_decode_events(struct vz_decoder *decoder, const uint8_t *payload, size_t bytes, struct vz_event_block *block);

/* What vz_decode_nodes writes, n values each. */
struct vz_node_block {
    uint64_t *ids;     /* from VZ_NODE_FIRST_ID; fit into 32 bits */
    uint64_t *parents; /* less than the node's id */
    uint64_t *pcs;
    uint64_t *codes; /* generation * 2 + interrupted */
};

/* Decode a payload of `bytes` bytes that announces n nodes. Returns as vz_decode_events does. */
int vz_decode_nodes(struct vz_decoder *decoder, const uint8_t *payload, size_t bytes, uint32_t n,
                    const struct vz_node_block *block);

#endif
