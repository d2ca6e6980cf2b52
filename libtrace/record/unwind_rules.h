/* The compiled rules of a process: return address -> rule (unwind_step.h), shared by its threads without a lock.
 *
 * A rule of a module loaded at start holds for ever; others for the code epoch in which they were compiled. Rules of
 * pcs in no module are not kept: a module may be loaded there later, and nothing tells us.
 */
#ifndef VZ_UNWIND_RULES_H
#define VZ_UNWIND_RULES_H

#include <stdatomic.h>
#include <stdint.h>

#include "unwind_step.h"

enum { VZ_RULES_BITS = 17 }; /* 2 MiB, touched as it fills */

/* Two words that prove that they belong together: `check` is the pc mixed with `data`. A torn pair, written by two
 * threads at once, does not match and is a miss. */
struct vz_rule_entry {
    _Atomic uint64_t check;
    _Atomic uint64_t data; /* epoch << 32 | rule; epoch 0 if the rule is fixed */
};

extern struct vz_rule_entry *vz_rules; /* NULL before vz_rules_start */

/* Make the table if there is none. False: no memory. In a hook. */
bool vz_rules_start(void);

/* Compile the rule of pc and keep it. In a hook; slow. */
uint32_t vz_rules_add(uintptr_t pc, uint32_t epoch);

static inline uint64_t vz_rules_check(uintptr_t pc, uint64_t data) { return pc ^ data * 0x9e3779b97f4a7c15u; }

static inline struct vz_rule_entry *vz_rules_place(uintptr_t pc)
{
    return &vz_rules[pc * 0x9e3779b97f4a7c15u >> (64 - VZ_RULES_BITS)];
}

static inline bool vz_rules_read(struct vz_rule_entry *entry, uintptr_t pc, uint32_t epoch, uint32_t *rule)
{
    const uint64_t data = atomic_load_explicit(&entry->data, memory_order_relaxed);
    const uint64_t check = atomic_load_explicit(&entry->check, memory_order_relaxed);
    *rule = (uint32_t)data;
    return check == vz_rules_check(pc, data) && (vz_rule_is_fixed(*rule) || data >> 32 == epoch);
}

/* The second place of a pc: in the same cache line. */
static inline struct vz_rule_entry *vz_rules_second(struct vz_rule_entry *place)
{
    return (struct vz_rule_entry *)((uintptr_t)place ^ sizeof *place);
}

/* The rule of a return address. In a hook, after vz_rules_start. */
static inline uint32_t vz_rules_find(uintptr_t pc, uint32_t epoch)
{
    struct vz_rule_entry *place = vz_rules_place(pc);
    uint32_t rule;
    if (__builtin_expect(vz_rules_read(place, pc, epoch, &rule), 1))
        return rule;
    return vz_rules_read(vz_rules_second(place), pc, epoch, &rule) ? rule : vz_rules_add(pc, epoch);
}

#endif
