/* Finding allocators by the names in symbol tables: see allocators.h. Layout: System V ABI, chapter 4.
 *
 * Files are read, not mapped: they may be truncated by whoever builds them again, and a fault would end the recording.
 * What was found is remembered by file, so that a thousand short processes cost a thousand stats.
 */
#define _GNU_SOURCE
#include "allocators.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"

#define LARGEST_TABLE (64u << 20) /* larger ones are not looked into */

/* jemalloc, also as Rust's crates name it; tcmalloc, old and new; mimalloc; oneTBB; rpmalloc; a sanitizer's. First:
 * that of the C library, which a module may define for all others. */
static const char *const names[] = {"malloc",    "je_malloc", "_rjem_malloc",           "_rjem_je_malloc",
                                    "tc_malloc", "mi_malloc", "TCMallocInternalMalloc", "scalable_malloc",
                                    "rpmalloc",  "sn_malloc", "__interceptor_malloc"};

/* A symbol table of an open file, with its strings. */
struct table {
    bool is_dynamic;
    size_t n, strings_bytes;
    ElfW(Sym) * symbols;
    char *strings;
};

/* ---- reading ---------------------------------------------------------------------------------------------------- */

/* The bytes at offset, to be freed; NULL: not there, or too many. */
static void *read_at(int fd, uint64_t offset, uint64_t bytes)
{
    void *buffer = bytes && bytes <= LARGEST_TABLE && offset <= INT64_MAX ? malloc((size_t)bytes) : NULL;
    if (buffer && pread(fd, buffer, (size_t)bytes, (off_t)offset) != (ssize_t)bytes) {
        free(buffer);
        return NULL;
    }
    return buffer;
}

static bool read_table(int fd, const ElfW(Shdr) * section, const ElfW(Shdr) * strings, struct table *table)
{
    *table = (struct table){.is_dynamic = section->sh_type == SHT_DYNSYM,
                            .n = section->sh_size / sizeof(*table->symbols),
                            .strings_bytes = strings->sh_size,
                            .symbols = read_at(fd, section->sh_offset, section->sh_size),
                            .strings = read_at(fd, strings->sh_offset, strings->sh_size)};
    return table->symbols && table->strings && table->strings[table->strings_bytes - 1] == 0;
}

static void free_table(struct table *table)
{
    free(table->symbols);
    free(table->strings);
}

/* ---- finding ---------------------------------------------------------------------------------------------------- */

/* The allocator that a symbol defines, or NULL. */
static const char *allocator_of(const struct table *table, const ElfW(Sym) * symbol)
{
    unsigned type = symbol->st_info & 0xfu;
    if (symbol->st_shndx == SHN_UNDEF || (type != STT_FUNC && type != STT_GNU_IFUNC) ||
        symbol->st_name >= table->strings_bytes)
        return NULL;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (strcmp(table->strings + symbol->st_name, names[i]) == 0)
            return names[i];
    }
    return NULL;
}

/* Whether a symbol of a library can be interposed, as malloc is then by ours. */
static bool is_hookable(const struct table *table, const ElfW(Sym) * symbol)
{
    return table->is_dynamic && symbol->st_info >> 4 != STB_LOCAL && (symbol->st_other & 3u) == STV_DEFAULT;
}

/* Looks through one table. False: the module is a shared allocator. */
static bool search_table(const struct table *table, bool is_program, const char **found)
{
    for (size_t i = 0; i < table->n; i++) {
        const char *name = allocator_of(table, &table->symbols[i]);
        if (name == names[0] && !is_program && is_hookable(table, &table->symbols[i]))
            return false;
        if (name && !*found)
            *found = name;
    }
    return true;
}

/* The allocator that an ELF file has for itself, or NULL. A program's own definition of malloc comes before ours for
 * all modules; a library's after it, and then its other names are only that allocator's own. */
static const char *find_allocator(int fd, bool is_program)
{
    ElfW(Ehdr) header;
    const char *found = NULL;
    bool is_shared = false;
    if (pread(fd, &header, sizeof(header), 0) != sizeof(header) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_shentsize != sizeof(ElfW(Shdr)))
        return NULL;
    ElfW(Shdr) *sections = read_at(fd, header.e_shoff, header.e_shnum * sizeof(*sections));
    for (unsigned i = 0; sections && i < header.e_shnum && !is_shared; i++) {
        struct table table;
        if ((sections[i].sh_type != SHT_SYMTAB && sections[i].sh_type != SHT_DYNSYM) ||
            sections[i].sh_link >= header.e_shnum)
            continue;
        if (read_table(fd, &sections[i], &sections[sections[i].sh_link], &table))
            is_shared = !search_table(&table, is_program, &found);
        free_table(&table);
    }
    free(sections);
    return is_shared ? NULL : found;
}

/* ---- remembering ------------------------------------------------------------------------------------------------ */

/* The place of a file in the list of those examined. A place that two files share is theirs in turn. */
static struct vz_examined *place_of(struct vz_collector *collector, const struct stat *status, uint64_t *key)
{
    uint64_t hash = 0;
    const uint64_t parts[] = {status->st_dev, status->st_ino, (uint64_t)status->st_size,
                              (uint64_t)status->st_mtim.tv_sec, (uint64_t)status->st_mtim.tv_nsec};
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        hash = (hash ^ parts[i]) * 0x9e3779b97f4a7c15u + (hash >> 29);
    *key = hash | 1;
    return &collector->examined[hash >> 32 & (VZ_N_EXAMINED - 1)];
}

/* Opens a module's file as the image sees it. */
static int open_module(const struct vz_image *image, struct vz_text path)
{
    char name[PATH_MAX];
    const int length = (int)path.bytes;
    if (length == 0 || !memchr(path.data, '/', path.bytes)) /* the vDSO */
        return -1;
    if (path.data[0] == '/')
        snprintf(name, sizeof(name), "%.*s", length, path.data);
    else
        snprintf(name, sizeof(name), "/proc/%d/cwd/%.*s", (int)image->outer_pid, length, path.data);
    return open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

/* What the file has, as it was found out now or before. *is_new: now. */
static const char *look_up(struct vz_collector *collector, int fd, bool is_program, bool *is_new)
{
    struct stat status;
    uint64_t key;
    *is_new = false;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return NULL;
    struct vz_examined *place = place_of(collector, &status, &key);
    *is_new = place->key != key;
    if (*is_new)
        *place = (struct vz_examined){.key = key, .allocator = find_allocator(fd, is_program)};
    return place->allocator;
}

void vz_allocators_examine(struct vz_collector *collector, const struct vz_image *image, struct vz_text path,
                           uint64_t time)
{
    int fd = open_module(image, path);
    if (fd < 0)
        return;
    bool is_new;
    bool is_program = image->exe && strlen(image->exe) == path.bytes && memcmp(image->exe, path.data, path.bytes) == 0;
    const char *allocator = look_up(collector, fd, is_program, &is_new);
    close(fd);
    if (!allocator)
        return;
    char text[PATH_MAX + 64];
    int length = snprintf(text, sizeof(text), "%s in %.*s", allocator, (int)path.bytes, path.data);
    struct vz_note_record record = {.time = time, .type = VZ_NOTE_TYPE_STATIC_ALLOCATOR};
    VZ_SINK_DO(collector->sink, note, image->source.index, &record,
               (struct vz_text){.data = text, .bytes = (uint32_t)length < sizeof(text) ? (uint32_t)length : 0});
    if (is_new)
        vz_message_warning("%.*s: has an allocator of its own (%s); what it allocates by that can't be recorded",
                           (int)path.bytes, path.data, allocator);
}
