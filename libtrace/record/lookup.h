/* Looking up a function in the modules loaded after this library, as dlsym(RTLD_NEXT) would, without the loader: dlsym
 * takes its lock, allocates for a name that is missing, and does not see modules loaded with RTLD_LOCAL.
 *
 * Reads the loader's link_map list. May be called in a hook and before main.
 */
#ifndef VZ_LOOKUP_H
#define VZ_LOOKUP_H

struct link_map;

/* The address of the first default-version definition, or NULL; *where (may be NULL) is set to its module. */
void *vz_lookup_next(const char *name, const struct link_map **where);

/* The path under which the loader knows this library. */
const char *vz_lookup_own_path(void);

/* A symbol of any module, the program's included. */
void *vz_lookup_any(const char *name);

#endif
