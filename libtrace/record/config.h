/* The config section: what vizzytrace patches into the library that it drops.
 *
 * One struct in the ELF section ".vizzy_config" of libvizzy.so, found by section name and checked by magic and size.
 * As built, `session_path` is empty: a library that nobody configured records nothing and changes nothing.
 */
#ifndef VZ_CONFIG_H
#define VZ_CONFIG_H

#include <stdint.h>

#define VZ_CONFIG_SECTION ".vizzy_config"
#define VZ_CONFIG_MAGIC 0x31666e6f637a7a76ULL /* "vzzconf1", little-endian */

struct vz_config {
    uint64_t magic;          /* VZ_CONFIG_MAGIC */
    uint32_t size;           /* sizeof(struct vz_config) */
    uint32_t shm_version;    /* VZ_SHM_VERSION of the build */
    char session_path[64];   /* what to open for the session's shared memory: "/proc/PID/fd/N"; empty: off */
    char library_path[1024]; /* where this very file was dropped, as it stands in LD_PRELOAD */
};

_Static_assert(sizeof(struct vz_config) == 8 + 4 + 4 + 64 + 1024, "patched by offset: no padding");

#endif
