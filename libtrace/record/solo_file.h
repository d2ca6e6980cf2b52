/* The trace file of a process that records itself: blocks are appended, memory of the region lies between them.
 *
 * It is one that was not there before: LOG, or LOG.PID, or LOG.PID.2 and so on. No descriptor is held between calls; the file is
 * opened each time by its path, and it is an error if another one lies there. Here is what a file has besides being a place
 * (solo_place.h), under the same conditions.
 */
#ifndef VZ_SOLO_FILE_H
#define VZ_SOLO_FILE_H

#include <stddef.h>
#include <stdint.h>

/* Appends room for `bytes` of memory after n bytes of `head`, which end at a multiple of a page in the file, and maps it at
 * `address`. Returns 0 or -errno. */
int vz_solo_file_map(const void *head, size_t n, void *address, uint64_t bytes);

/* Gives the blocks of all that memory back to the file system. Nobody may touch it from then on. */
void vz_solo_file_empty(void);

/* How many zero bytes must follow n more bytes, so that they end at a multiple of a page. */
uint32_t vz_solo_file_gap(uint64_t n);

#endif
