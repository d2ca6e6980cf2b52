/* The functions behind the hooks: what the program would have called without us.
 *
 * Each is looked up when its hook is first called, in the modules that come after this library, so that another
 * preloaded allocator is found. May be called at any time, even before main; racing threads find and store the same.
 */
#ifndef VZ_REAL_H
#define VZ_REAL_H

#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>

#include "lookup.h"
#include "operators.h"

#undef mmap64 /* a macro of musl's, which until 1.2.3 exported the function too */

struct vz_real {
#define VZ_ALLOC(kind, name, bytes, parameters, arguments) void *(*name)parameters;
#define VZ_REALLOC(name, bytes, parameters, arguments) void *(*name)parameters;
#define VZ_FREE(kind, name, parameters, arguments) void(*name) parameters;
#define VZ_NEW(name, parameters, arguments) void *(*name)parameters;
#define VZ_DELETE(name, parameters, arguments) void(*name) parameters;
#define VZ_OTHER(type, name, parameters) type(*name) parameters;
#include "hooks.def"
};

extern struct vz_real vz_real;

/* The real function's pointer; NULL if no module has it. */
#define VZ_REAL(name)                                                                                                  \
    (__builtin_expect(vz_real.name != NULL, 1)                                                                         \
         ? vz_real.name                                                                                                \
         : (*(void **)(void *)&vz_real.name = vz_lookup_next(#name, NULL), vz_real.name))

#endif
