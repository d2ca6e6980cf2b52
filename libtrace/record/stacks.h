/* Interning of call stacks in shared memory: (parent, pc, generation) -> node id, lock-free (layout: shm.h).
 *
 * A slot of a hash table is a node id with 8 bits of the node's hash above it; 16 slots are a bucket, one cache line.
 * When a bucket is full a table of four times the size is added and the old one's ids are copied over; until that is
 * done, by one thread that nobody waits for, lookups ask both. Two threads that insert the same key meanwhile may make
 * two ids: readers treat ids as names of a path, and merge by path.
 */
#ifndef VZ_STACKS_H
#define VZ_STACKS_H

#include <stdint.h>

/* The id of this node, made if new. VZ_NODE_GAP if no more nodes can be made (16 Mi, or the region is full), so that
 * such stacks are counted as incomplete. In a hook; lock-free; never waits. A node's pc is stored last: where it is not
 * 0, the node is complete. */
uint32_t vz_stacks_intern(uint32_t parent, uint64_t pc, uint32_t generation);

#endif
