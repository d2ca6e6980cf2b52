/* The config section: what vizzytrace patches into the library that it drops, or emits (--emit-library).
 *
 * One struct in the ELF section ".vizzy_config" of libvizzy.so, found by section name and checked by magic and size.
 * As built, `session_path` and `solo.log` are empty: a library that nobody configured records nothing and changes nothing.
 */
#ifndef VZ_CONFIG_H
#define VZ_CONFIG_H

#include <stdint.h>

#define VZ_CONFIG_SECTION ".vizzy_config"
#define VZ_CONFIG_MAGIC 0x31666e6f637a7a76ULL /* "vzzconf1", little-endian */

#define VZ_CONFIG_TOKEN_BYTES 256u

/* Of an emitted library, which needs no vizzytrace: its processes write their own traces (solo.h). */
struct vz_config_solo {
    char log[1024];        /* path, or tcp://HOST:PORT for messages; empty: the library was not emitted */
    uint32_t is_stream;    /* log is tcp:// */
    uint32_t options;      /* VZ_OPTION_* of shm.h */
    uint32_t max_depth;    /* frames kept of each call stack */
    uint32_t token_bytes;  /* 0: no token */
    uint64_t buffer_bytes; /* of the pool */
    uint16_t family;       /* of the receiver's address: AF_INET or AF_INET6 */
    uint16_t port;         /* in host order */
    uint32_t scope;        /* IPv6: index of the interface */
    uint8_t address[16];   /* in network order */
    char token[VZ_CONFIG_TOKEN_BYTES];
};

struct vz_config {
    uint64_t magic;          /* VZ_CONFIG_MAGIC */
    uint32_t size;           /* sizeof(struct vz_config) */
    uint32_t shm_version;    /* VZ_SHM_VERSION of the build */
    char session_path[64];   /* what to open for the session's shared memory: "/proc/PID/fd/N"; empty: off */
    char library_path[1024]; /* where this very file was dropped, as it stands in LD_PRELOAD */
    struct vz_config_solo solo;
};

_Static_assert(sizeof(struct vz_config_solo) == 1024 + 4 * 4 + 8 + 8 + 16 + 256, "no padding");
_Static_assert(sizeof(struct vz_config) == 8 + 4 + 4 + 64 + 1024 + sizeof(struct vz_config_solo),
               "patched by offset: no padding");

#endif
