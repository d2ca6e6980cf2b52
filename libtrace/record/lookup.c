/* Symbol lookup in loaded modules by DT_GNU_HASH, or DT_HASH where that is all there is.
 * Sources: System V gABI chapter 5 (hash table), the GNU hash section as binutils' elf.c lays it out, LSB symbol
 * versions. */
#define _GNU_SOURCE
#include "lookup.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "loader.h"

extern ElfW(Dyn) _DYNAMIC[]; /* our own; not in musl's link.h */

/* A module's dynamic symbol table. */
struct symbols {
    uintptr_t bias;
    const ElfW(Sym) * table;
    const char *strings;
    const ElfW(Half) * versions; /* NULL: unversioned */
    const uint32_t *gnu_hash;
    const uint32_t *hash;
};

enum { VERSION_HIDDEN = 0x8000 };

static struct symbols symbols_of(const struct link_map *map)
{
    struct symbols symbols = {.bias = map->l_addr};
    for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
        /* glibc has relocated these in place, except where that is read-only (the vDSO, RISC-V); musl has not. */
        const uintptr_t at = entry->d_un.d_ptr < map->l_addr ? entry->d_un.d_ptr + map->l_addr : entry->d_un.d_ptr;
        switch (entry->d_tag) {
        case DT_SYMTAB:
            symbols.table = (const void *)at;
            break;
        case DT_STRTAB:
            symbols.strings = (const void *)at;
            break;
        case DT_VERSYM:
            symbols.versions = (const void *)at;
            break;
        case DT_GNU_HASH:
            symbols.gnu_hash = (const void *)at;
            break;
        case DT_HASH:
            symbols.hash = (const void *)at;
            break;
        default:
            break;
        }
    }
    return symbols;
}

static bool defines(const struct symbols *symbols, uint32_t index, const char *name)
{
    const ElfW(Sym) *symbol = &symbols->table[index];
    const unsigned type = ELF64_ST_TYPE(symbol->st_info), binding = ELF64_ST_BIND(symbol->st_info);
    return symbol->st_shndx != SHN_UNDEF && (type == STT_FUNC || type == STT_OBJECT || type == STT_NOTYPE) &&
           (binding == STB_GLOBAL || binding == STB_WEAK || binding == STB_GNU_UNIQUE) &&
           !(symbols->versions && (symbols->versions[index] & VERSION_HIDDEN)) &&
           strcmp(symbols->strings + symbol->st_name, name) == 0;
}

static uint32_t find_by_gnu_hash(const struct symbols *symbols, const char *name)
{
    uint32_t hash = 5381;
    for (const unsigned char *at = (const unsigned char *)name; *at; at++)
        hash = hash * 33 + *at;
    const uint32_t n_buckets = symbols->gnu_hash[0], first = symbols->gnu_hash[1], n_bloom = symbols->gnu_hash[2];
    const uint32_t *buckets = symbols->gnu_hash + 4 + n_bloom * (sizeof(ElfW(Addr)) / sizeof(uint32_t));
    const uint32_t *chains = buckets + n_buckets;
    uint32_t index = n_buckets ? buckets[hash % n_buckets] : 0;
    if (index < first)
        return 0;
    for (;; index++) {
        const uint32_t link = chains[index - first];
        if ((link | 1) == (hash | 1) && defines(symbols, index, name))
            return index;
        if (link & 1)
            return 0;
    }
}

static uint32_t find_by_hash(const struct symbols *symbols, const char *name)
{
    const uint32_t n_buckets = symbols->hash[0];
    uint32_t hash = 0;
    for (const unsigned char *at = (const unsigned char *)name; *at; at++) {
        hash = (hash << 4) + *at;
        hash = (hash ^ (hash & 0xf0000000u) >> 24) & 0x0fffffffu;
    }
    const uint32_t *buckets = symbols->hash + 2, *chains = buckets + n_buckets;
    for (uint32_t index = n_buckets ? buckets[hash % n_buckets] : 0; index; index = chains[index])
        if (defines(symbols, index, name))
            return index;
    return 0;
}

static void *find_in(const struct link_map *map, const char *name)
{
    if (!map->l_ld)
        return NULL;
    const struct symbols symbols = symbols_of(map);
    if (!symbols.table || !symbols.strings)
        return NULL;
    uint32_t index = 0;
    if (symbols.gnu_hash)
        index = find_by_gnu_hash(&symbols, name);
    else if (symbols.hash)
        index = find_by_hash(&symbols, name);
    return index ? (void *)(symbols.bias + symbols.table[index].st_value) : NULL;
}

void *vz_lookup_next(const char *name, const struct link_map **where)
{
    bool after_us = false;
    for (const struct link_map *map = vz_loader_modules(); map; map = map->l_next) {
        void *found = after_us ? find_in(map, name) : NULL;
        if (found) {
            if (where)
                *where = map;
            return found;
        }
        after_us = after_us || map->l_ld == _DYNAMIC;
    }
    return NULL;
}

const char *vz_lookup_own_path(void)
{
    for (const struct link_map *map = vz_loader_modules(); map; map = map->l_next)
        if (map->l_ld == _DYNAMIC)
            return map->l_name;
    return "";
}

void *vz_lookup_any(const char *name)
{
    for (const struct link_map *map = vz_loader_modules(); map; map = map->l_next) {
        void *found = find_in(map, name);
        if (found)
            return found;
    }
    return NULL;
}
