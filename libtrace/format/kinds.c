/* Tables over kinds.def. */
#include "kinds.h"

#include <stddef.h>

#define VZ_KIND(name, number, class, text) [number] = VZ_CLASS_##class,
const uint8_t vz_kind_class[256] = {
#include "kinds.def"
};
#undef VZ_KIND

const char *vz_kind_name(uint8_t kind)
{
    switch (kind) {
#define VZ_KIND(name, number, class, text)                                                                             \
    case number:                                                                                                       \
        return text;
#include "kinds.def"
#undef VZ_KIND
    default:
        return NULL;
    }
}
