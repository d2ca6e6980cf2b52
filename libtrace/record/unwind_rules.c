/* Filling the rule table. The newer of two rules that share a place stands first, the older moves to the second. */
#include "unwind_rules.h"

#include "arena.h"
#include "modules.h"

struct vz_rule_entry *vz_rules;

bool vz_rules_start(void)
{
    struct vz_rule_entry *none = NULL;
    if (__atomic_load_n(&vz_rules, __ATOMIC_ACQUIRE))
        return true;
    struct vz_rule_entry *table = vz_arena_alloc(sizeof *table << VZ_RULES_BITS);
    if (!table)
        return false;
    /* Whoever loses this race leaves an untouched mapping behind. */
    __atomic_compare_exchange_n(&vz_rules, &none, table, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    return true;
}

static void store(struct vz_rule_entry *entry, uint64_t check, uint64_t data)
{
    atomic_store_explicit(&entry->check, check, memory_order_relaxed);
    atomic_store_explicit(&entry->data, data, memory_order_relaxed);
}

uint32_t vz_rules_add(uintptr_t pc, uint32_t epoch)
{
    const struct vz_module *module = vz_modules_find(pc - 1);
    const uint32_t rule = vz_rule_compile(module, pc);
    if (!module)
        return rule;
    const uint64_t data = (vz_rule_is_fixed(rule) ? 0 : (uint64_t)epoch << 32) | rule;
    struct vz_rule_entry *place = vz_rules_place(pc);
    store(vz_rules_second(place), atomic_load_explicit(&place->check, memory_order_relaxed),
          atomic_load_explicit(&place->data, memory_order_relaxed));
    store(place, vz_rules_check(pc, data), data);
    return rule;
}
