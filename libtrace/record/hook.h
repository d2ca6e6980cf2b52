/* What every hook needs. */
#ifndef VZ_HOOK_H
#define VZ_HOOK_H

#include "real.h"
#include "thread.h"

#define VZ_EXPORT __attribute__((visibility("default")))
#define VZ_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

enum vz_kind {
#define VZ_KIND(name, number, class, function) VZ_KIND_##name = number,
#include "../format/kinds.def"
#undef VZ_KIND
};

#endif
