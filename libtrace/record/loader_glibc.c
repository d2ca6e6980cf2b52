/* glibc's loader. */
#define _GNU_SOURCE
#include <link.h>
#include <string.h>

#include "loader.h"

const struct link_map *vz_loader_modules(void) { return _r_debug.r_map; }

bool vz_loader_is_program(const struct link_map *map) { return map->l_name && !map->l_name[0] && !map->l_prev; }

bool vz_loader_is_ours(const char *interpreter) { return !strstr(interpreter, "musl"); }
