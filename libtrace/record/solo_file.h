/* The trace file of a process that records itself: blocks are appended, memory of the region lies between them.
 *
 * No descriptor is held between calls; the file is opened each time by its path, and it is an error if another one lies
 * there. All are called with solo's lock held.
 */
#ifndef VZ_SOLO_FILE_H
#define VZ_SOLO_FILE_H

#include "collect/outlet.h"
#include "shm.h"

/* Makes a file that was not there before: `path`, or path.PID, or path.PID.2 and so on. Returns 0 or -errno; the outlet in
 * *outlet, named as the file. */
int vz_solo_file_create(const char *path, struct vz_outlet **outlet);

/* Opens and closes the descriptor around writes. open: 0 or -errno. */
int vz_solo_file_open(void);
void vz_solo_file_close(void);

/* The file's length, where the next block goes. */
uint64_t vz_solo_file_end(void);
/* Goes back to an earlier end; what lies behind is cut off, or overwritten next. */
void vz_solo_file_rewind(uint64_t end, bool cut);

/* Appends room for `bytes` of memory after n bytes of `head`, which end at a multiple of a page in the file, and maps it at
 * `address`. Returns 0 or -errno. */
int vz_solo_file_map(const void *head, size_t n, void *address, uint64_t bytes);

/* Gives the blocks of all that memory back to the file system. Nobody may touch it from then on. */
void vz_solo_file_empty(void);

/* How many zero bytes must follow n more bytes, so that they end at a multiple of a page. */
uint32_t vz_solo_file_gap(uint64_t n);

#endif
