/* The embedded library as a file that programs can preload: in a directory of its own, gone when the recording is over.
 */
#ifndef VZ_DROP_H
#define VZ_DROP_H

#include <limits.h>

struct vz_drop {
    char base[256];
    char directory[512]; /* below base; empty: nothing was dropped */
    char library[600];   /* path of the file, as it stands in LD_PRELOAD */
    int lock;            /* descriptor that holds the directory's lock, close-on-exec */
};

/* Writes the library, configured for the session whose shared memory is at session_path. Prints what fails.
 * Returns 0 or -errno; then nothing is left behind. */
int vz_drop_write(const char *session_path, struct vz_drop *drop);

/* Removes what was written. May be called again, and after failure. */
void vz_drop_remove(struct vz_drop *drop);

/* Removes it as soon as no process uses the library any more: a program that is executed later would complain that it
 * can't be preloaded. If that is not now, a process of its own waits for it in the background. Also removes what
 * others, killed, have left beside it. */
void vz_drop_remove_when_unused(struct vz_drop *drop);

#endif
