/* Loaded ELF objects, found by _dl_find_object (glibc 2.35: lock-free, made for unwinders) or, before that, by reading
 * the loader's link_map list; never by dl_iterate_phdr, whose lock the interrupted code may hold.
 *
 * The registry is a list that only grows at its head. The code epoch is kept here, private to the process, and mirrored
 * in the region: a forked child goes on counting where its parent was, so that rules compiled before the fork stay
 * right.
 */
#define _GNU_SOURCE
#include "modules.h"

#include <elf.h>
#include <link.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/auxv.h>

#include "arena.h"
#include "loader.h"
#include "log.h"
#include "lookup.h"
#include "region.h"
#include "sys.h"
#include "unwind_machine.h"

enum { FIRST_EPOCH = 2, PATH_BYTES = 1024 };

struct known {
    struct vz_module module; /* first: what vz_modules_find returns */
    struct known *next;
    _Atomic uint32_t gone; /* or not: a word, for machines without atomic bytes */
    const struct link_map *map;
    uint32_t build_id_bytes;
    uint8_t build_id[32];
    char path[];
};

/* What is needed of a module in memory, from its program headers. */
struct layout {
    uintptr_t start, end, bias;
    const uint8_t *unwind_table;
    size_t unwind_table_bytes;
    uint32_t build_id_bytes;
    uint8_t build_id[32];
};

typedef int (*find_object)(void *, struct vz_found_object *);

static _Atomic(struct known *) newest;
static _Atomic uint32_t next_id = 1;
static _Atomic uint32_t epoch = FIRST_EPOCH;
static find_object real_find_object;

static void publish_epoch(uint32_t value)
{
    if (vz_region)
        atomic_store(&vz_region->code_epoch, value);
}

/* ---- reading one module's headers -------------------------------------------------------------------------------- */

static void read_build_id(struct layout *layout, const ElfW(Phdr) * note_segment)
{
    const uint8_t *at = (const uint8_t *)(layout->bias + note_segment->p_vaddr);
    const uint8_t *end = at + note_segment->p_memsz;
    while (at + sizeof(ElfW(Nhdr)) <= end) {
        const ElfW(Nhdr) *note = (const void *)at;
        const uint8_t *name = at + sizeof *note;
        const uint8_t *description = name + ((note->n_namesz + 3u) & ~3u);
        if (description + note->n_descsz > end)
            return;
        if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && memcmp(name, "GNU", 4) == 0) {
            layout->build_id_bytes =
                note->n_descsz < sizeof layout->build_id ? note->n_descsz : sizeof layout->build_id;
            memcpy(layout->build_id, description, layout->build_id_bytes);
            return;
        }
        at = description + ((note->n_descsz + 3u) & ~3u);
    }
}

static void read_headers(struct layout *layout, const ElfW(Phdr) * headers, size_t n_headers)
{
    uintptr_t low = UINTPTR_MAX, high = 0;
    for (size_t i = 0; i < n_headers; i++) {
        const ElfW(Phdr) *header = &headers[i];
        const uintptr_t start = layout->bias + header->p_vaddr;
        if (header->p_type == PT_LOAD) {
            low = start < low ? start : low;
            high = start + header->p_memsz > high ? start + header->p_memsz : high;
        } else if (header->p_type == VZ_MACHINE_UNWIND_SEGMENT) {
            layout->unwind_table = (const uint8_t *)start;
            layout->unwind_table_bytes = header->p_memsz;
        } else if (header->p_type == PT_NOTE && !layout->build_id_bytes) {
            read_build_id(layout, header);
        }
    }
    layout->start = low & ~(uintptr_t)(VZ_PAGE - 1);
    layout->end = (high + VZ_PAGE - 1) & ~(uintptr_t)(VZ_PAGE - 1);
}

static bool read_layout(struct layout *layout, const struct link_map *map, uintptr_t start)
{
    *layout = (struct layout){.bias = map->l_addr};
    if (vz_loader_is_program(map)) {
        /* It may be loaded without its ELF header, but the kernel says where its program headers are. */
        read_headers(layout, (const void *)getauxval(AT_PHDR), getauxval(AT_PHNUM));
        return true;
    }
    const ElfW(Ehdr) *header = (const void *)start;
    if (!start || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return false;
    read_headers(layout, (const void *)(start + header->e_phoff), header->e_phnum);
    return true;
}

/* ---- the registry --------------------------------------------------------------------------------------------------
 */

static void announce(const struct known *known)
{
    struct vz_module_note note = {.note = {.value = known->module.id, .generation = known->module.generation},
                                  .start = known->module.start,
                                  .end = known->module.end,
                                  .bias = known->module.bias,
                                  .build_id_bytes = known->build_id_bytes};
    memcpy(note.build_id, known->build_id, sizeof note.build_id);
    vz_log_module(&note, known->path);
}

/* Somebody else's module at this place was unloaded without our noticing: from a new epoch on it is gone. */
static void retire_overlapping(const struct layout *layout)
{
    for (struct known *known = atomic_load(&newest); known; known = known->next) {
        if (known->module.start >= layout->end || known->module.end <= layout->start || known->module.fixed)
            continue;
        if (atomic_exchange(&known->gone, true))
            continue;
        const uint32_t now = atomic_fetch_add(&epoch, 2) + 2;
        publish_epoch(now);
        vz_log_note(VZ_NOTE_MODULE_UNLOADED, known->module.id, now, NULL);
    }
}

static struct known *add(const struct layout *layout, const struct link_map *map, const char *path, bool fixed)
{
    const size_t path_bytes = strnlen(path, PATH_BYTES) + 1;
    struct known *known = vz_arena_alloc(sizeof *known + path_bytes);
    if (!known)
        return NULL;
    retire_overlapping(layout);
    known->module = (struct vz_module){.start = layout->start,
                                       .end = layout->end,
                                       .bias = layout->bias,
                                       .unwind_table = layout->unwind_table,
                                       .unwind_table_bytes = layout->unwind_table_bytes,
                                       .generation = fixed ? 0 : atomic_load(&epoch),
                                       .id = atomic_fetch_add(&next_id, 1),
                                       .fixed = fixed};
    known->map = map;
    known->build_id_bytes = layout->build_id_bytes;
    memcpy(known->build_id, layout->build_id, sizeof known->build_id);
    memcpy(known->path, path, path_bytes - 1);
    known->next = atomic_load(&newest);
    while (!atomic_compare_exchange_weak(&newest, &known->next, known))
        ;
    announce(known);
    return known;
}

static struct known *find_known(uintptr_t pc, const struct link_map *map)
{
    for (struct known *known = atomic_load(&newest); known; known = known->next)
        if (pc - known->module.start < known->module.end - known->module.start && known->map == map &&
            !atomic_load(&known->gone))
            return known;
    return NULL;
}

/* ---- asking the loader ----------------------------------------------------------------------------------------------
 */

/* Where the module's ELF header lies: objects other than the program are linked at address 0 of their file. */
static uintptr_t header_address(const struct link_map *map)
{
    struct vz_found_object found;
    if (real_find_object && real_find_object((void *)map->l_ld, &found) == 0)
        return (uintptr_t)found.map_start;
    return map->l_addr;
}

static const struct link_map *map_of_pc(uintptr_t pc, uintptr_t *start)
{
    struct vz_found_object found;
    if (real_find_object) {
        if (real_find_object((void *)pc, &found) != 0)
            return NULL;
        *start = (uintptr_t)found.map_start;
        return found.map;
    }
    for (const struct link_map *map = vz_loader_modules(); map; map = map->l_next) {
        struct layout layout;
        if (read_layout(&layout, map, map->l_addr) && pc >= layout.start && pc < layout.end) {
            *start = map->l_addr;
            return map;
        }
    }
    return NULL;
}

static const char *path_of(const struct link_map *map, char *buffer)
{
    if (!vz_loader_is_program(map))
        return map->l_name ? map->l_name : "";
    const long bytes = vz_sys_readlink("/proc/self/exe", buffer, PATH_BYTES - 1);
    buffer[bytes > 0 ? bytes : 0] = 0;
    return buffer;
}

void vz_modules_start(void)
{
    *(void **)(void *)&real_find_object = vz_lookup_any("_dl_find_object");
    publish_epoch(atomic_load(&epoch));
    char buffer[PATH_BYTES];
    for (const struct link_map *map = vz_loader_modules(); map; map = map->l_next) {
        struct layout layout;
        if (read_layout(&layout, map, vz_loader_is_program(map) ? 0 : header_address(map)))
            add(&layout, map, path_of(map, buffer), true);
    }
}

void vz_modules_fork(void)
{
    publish_epoch(atomic_load(&epoch));
    for (const struct known *known = atomic_load(&newest); known; known = known->next)
        if (!atomic_load(&known->gone))
            announce(known);
}

const struct vz_module *vz_modules_find(uintptr_t pc)
{
    uintptr_t start = 0;
    const struct link_map *map = map_of_pc(pc, &start);
    if (!map)
        return NULL;
    struct known *known = find_known(pc, map);
    if (!known) {
        struct layout layout;
        if (!read_layout(&layout, map, start))
            return NULL;
        known = add(&layout, map, map->l_name ? map->l_name : "", false);
    }
    return known ? &known->module : NULL;
}

void vz_modules_closing(void) { publish_epoch(atomic_fetch_add(&epoch, 1) + 1); }

void vz_modules_closed(void)
{
    const uint32_t now = atomic_fetch_add(&epoch, 1) + 1;
    publish_epoch(now);
    for (struct known *known = atomic_load(&newest); known; known = known->next) {
        uintptr_t start = 0;
        if (known->module.fixed || map_of_pc(known->module.start, &start) == known->map)
            continue;
        if (!atomic_exchange(&known->gone, true))
            vz_log_note(VZ_NOTE_MODULE_UNLOADED, known->module.id, now, NULL);
    }
}
