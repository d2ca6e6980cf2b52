/* What differs between the C libraries: where their loader keeps its list of modules. loader_glibc.c, loader_musl.c.
 * May be called in a hook and before main. */
#ifndef VZ_LOADER_H
#define VZ_LOADER_H

#include <stdbool.h>

struct link_map;

/* The first of the loaded modules, in the order in which they are searched. */
const struct link_map *vz_loader_modules(void);

/* Whether it is the program itself. */
bool vz_loader_is_program(const struct link_map *map);

/* Whether a program with this interpreter (PT_INTERP) is for the C library that this was built for. */
bool vz_loader_is_ours(const char *interpreter);

/* struct dl_find_object of glibc 2.35, which older headers lack. */
struct vz_found_object {
    unsigned long long flags;
    void *map_start, *map_end;
    struct link_map *map;
    void *eh_frame;
    unsigned long long reserved[9]; /* more than any machine's has */
};

#endif
