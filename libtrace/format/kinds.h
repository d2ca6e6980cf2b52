/* Kinds of events and their classes, from kinds.def. */
#ifndef VZ_KINDS_H
#define VZ_KINDS_H

#include <stdbool.h>
#include <stdint.h>

#define VZ_KIND(name, number, class, text) VZ_KIND_##name = (number),
enum vz_kind {
#include "kinds.def"
};
#undef VZ_KIND

enum vz_class { /* 0: no kind has this number */
                VZ_CLASS_NONE,
                VZ_CLASS_ALLOC,
                VZ_CLASS_FREE,
                VZ_CLASS_RELEASE,
                VZ_CLASS_MOVE,
                VZ_CLASS_UNDO,
                VZ_CLASS_DONE,
                VZ_CLASS_MAP,
                VZ_CLASS_UNMAP
};

/* The class of a kind's number. */
extern const uint8_t vz_kind_class[256];

/* The function's name as reports print it, or NULL. */
const char *vz_kind_name(uint8_t kind);

/* Sets of classes: bit c stands for class c. */
#define VZ_CLASSES_STACKED (1u << VZ_CLASS_ALLOC | 1u << VZ_CLASS_MOVE | 1u << VZ_CLASS_MAP)
#define VZ_CLASSES_SIZED (VZ_CLASSES_STACKED | 1u << VZ_CLASS_UNMAP)
#define VZ_CLASSES_FREE_STACKED (VZ_CLASSES_STACKED | 1u << VZ_CLASS_FREE | 1u << VZ_CLASS_RELEASE)

static inline bool vz_kind_has_size(uint8_t kind) { return VZ_CLASSES_SIZED >> vz_kind_class[kind] & 1u; }

/* free_stacks: frees were recorded with their call stacks. */
static inline bool vz_kind_has_stack(uint8_t kind, bool free_stacks)
{
    uint32_t classes = free_stacks ? VZ_CLASSES_FREE_STACKED : VZ_CLASSES_STACKED;
    return classes >> vz_kind_class[kind] & 1u;
}

#endif
