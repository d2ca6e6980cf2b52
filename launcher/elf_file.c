/* ELF files as bytes: see elf_file.h. Layout: System V ABI, chapters 4 and 5. */
#define _GNU_SOURCE
#include "elf_file.h"

#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <string.h>

/* Records are read as ElfW(...), the native class: a file of another class is foreign, and not looked into. */

struct file {
    const char *bytes;
    size_t size;
    const ElfW(Ehdr) * header;
};

/* The n records of `width` bytes at offset, or NULL if they aren't within the file or not aligned. */
static const void *records_at(const struct file *file, uint64_t offset, uint64_t n, uint64_t width)
{
    if (offset > file->size || (n && (file->size - offset) / width < n) || offset % _Alignof(ElfW(Ehdr)))
        return NULL;
    return file->bytes + offset;
}

/* The string at offset of the string table [start, start + size), or "". */
static const char *string_at(const struct file *file, uint64_t start, uint64_t size, uint64_t offset)
{
    if (start > file->size || size > file->size - start || offset >= size)
        return "";
    const char *text = file->bytes + start + offset;
    return memchr(text, 0, (size_t)(size - offset)) ? text : "";
}

static const ElfW(Shdr) * sections_of(const struct file *file)
{
    const ElfW(Ehdr) *header = file->header;
    if (header->e_shentsize != sizeof(ElfW(Shdr)))
        return NULL;
    return records_at(file, header->e_shoff, header->e_shnum, sizeof(ElfW(Shdr)));
}

/* The file offset of a virtual address, or 0. */
static uint64_t offset_of_address(const struct file *file, const ElfW(Phdr) * segments, uint64_t address)
{
    for (unsigned i = 0; i < file->header->e_phnum; i++) {
        const ElfW(Phdr) *segment = &segments[i];
        if (segment->p_type == PT_LOAD && address >= segment->p_vaddr && address - segment->p_vaddr < segment->p_filesz)
            return segment->p_offset + (address - segment->p_vaddr);
    }
    return 0;
}

/* The runtimes that insist on being the first of the loaded libraries: they end the program if something precedes them.
 */
static bool is_sanitizer(const char *needed)
{
    static const char *const runtimes[] = {"libasan.so",       "libhwasan.so",       "libtsan.so",      "liblsan.so",
                                           "libclang_rt.asan", "libclang_rt.hwasan", "libclang_rt.tsan"};
    for (size_t i = 0; i < sizeof(runtimes) / sizeof(*runtimes); i++) {
        if (strncmp(needed, runtimes[i], strlen(runtimes[i])) == 0)
            return true;
    }
    return false;
}

static void examine_dynamic(const struct file *file, const ElfW(Phdr) * segments, const ElfW(Phdr) * dynamic,
                            struct vz_elf_facts *facts)
{
    size_t n = dynamic->p_filesz / sizeof(ElfW(Dyn));
    const ElfW(Dyn) *entries = records_at(file, dynamic->p_offset, n, sizeof(ElfW(Dyn)));
    if (!entries)
        return;
    uint64_t strings = 0;
    uint64_t strings_size = 0;
    for (size_t i = 0; i < n && entries[i].d_tag != DT_NULL; i++) {
        if (entries[i].d_tag == DT_STRTAB)
            strings = offset_of_address(file, segments, entries[i].d_un.d_ptr);
        if (entries[i].d_tag == DT_STRSZ)
            strings_size = entries[i].d_un.d_val;
    }
    for (size_t i = 0; i < n && entries[i].d_tag != DT_NULL; i++) {
        const char *text = string_at(file, strings, strings_size, entries[i].d_un.d_val);
        if (entries[i].d_tag == DT_NEEDED && is_sanitizer(text))
            facts->sanitizer = text;
        if (entries[i].d_tag == DT_SONAME && strncmp(text, "ld", 2) == 0)
            facts->is_loader = true;
    }
}

static bool open_file(const void *image, size_t bytes, struct file *file)
{
    *file = (struct file){.bytes = image, .size = bytes, .header = image};
    return bytes >= sizeof(ElfW(Ehdr)) && memcmp(image, ELFMAG, SELFMAG) == 0;
}

extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden"))); /* this program's own, by the linker */

/* Whether this machine's own kind: the launcher's class, byte order and machine are the library's. */
static bool is_native(const ElfW(Ehdr) * header)
{
    return header->e_ident[EI_CLASS] == __ehdr_start.e_ident[EI_CLASS] &&
           header->e_ident[EI_DATA] == __ehdr_start.e_ident[EI_DATA] && header->e_machine == __ehdr_start.e_machine;
}

struct vz_elf_facts vz_elf_examine(const void *image, size_t bytes)
{
    struct vz_elf_facts facts = {0};
    struct file file;
    if (!open_file(image, bytes, &file))
        return facts;
    facts.is_elf = is_native(file.header);
    facts.is_foreign = !facts.is_elf;
    if (facts.is_foreign || file.header->e_phentsize != sizeof(ElfW(Phdr)))
        return facts;
    const ElfW(Phdr) *segments = records_at(&file, file.header->e_phoff, file.header->e_phnum, sizeof(ElfW(Phdr)));
    for (unsigned i = 0; segments && i < file.header->e_phnum; i++) {
        if (segments[i].p_type == PT_INTERP)
            facts.interpreter = string_at(&file, segments[i].p_offset, segments[i].p_filesz, 0);
        if (segments[i].p_type == PT_DYNAMIC)
            examine_dynamic(&file, segments, &segments[i], &facts);
    }
    return facts;
}

size_t vz_elf_find_section(const void *image, size_t bytes, const char *name, size_t *section_bytes)
{
    struct file file;
    if (!open_file(image, bytes, &file))
        return 0;
    const ElfW(Shdr) *sections = sections_of(&file);
    unsigned names = file.header->e_shstrndx;
    for (unsigned i = 0; sections && names < file.header->e_shnum && i < file.header->e_shnum; i++) {
        if (strcmp(string_at(&file, sections[names].sh_offset, sections[names].sh_size, sections[i].sh_name), name) !=
            0)
            continue;
        if (sections[i].sh_offset > bytes || sections[i].sh_size > bytes - sections[i].sh_offset)
            return 0;
        *section_bytes = sections[i].sh_size;
        return sections[i].sh_offset;
    }
    return 0;
}
