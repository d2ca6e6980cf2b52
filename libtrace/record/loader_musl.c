/* musl's loader, which has but one list, with the program first. */
#define _GNU_SOURCE
#include <link.h>
#include <string.h>

#include "loader.h"

extern struct r_debug *_dl_debug_addr; /* not in a header: for debuggers */

const struct link_map *vz_loader_modules(void) { return _dl_debug_addr->r_map; }

bool vz_loader_is_program(const struct link_map *map) { return !map->l_prev; }

bool vz_loader_is_ours(const char *interpreter) { return strstr(interpreter, "musl") != NULL; }
