/* Interning of call stacks in shared memory: (parent, pc, generation) -> node id, lock-free (layout: shm.h).
 *
 * Hash tables of doubling size: nodes are inserted in the newest level; a lookup that misses there asks the older ones and
 * copies the id up. Two threads that insert the same key while a level is added may make two ids: readers treat ids as
 * names of a path, and merge by path.
 */
#ifndef VZ_STACKS_H
#define VZ_STACKS_H

#include <stdint.h>

/* The id of this node, made if new; parent if the tables are full. In a hook; lock-free; never waits. */
uint32_t vz_stacks_intern(uint32_t parent, uint64_t pc, uint32_t generation);

#endif
