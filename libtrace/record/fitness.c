/* Reading a program's ELF header, interpreter and needed libraries, before it is exec'd.
 * Source: System V gABI chapters 4 and 5. */
#define _GNU_SOURCE
#include "fitness.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "loader.h"
#include "session.h"
#include "sys.h"

enum { HEAD_BYTES = 512, MAX_SCRIPTS = 4, MAX_HEADERS = 64, MAX_DYNAMIC = 512, NAME_BYTES = 32 };

extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden"))); /* this library's own, by the linker */

/* Whether a program is for the machine this library was built for. */
static bool is_our_machine(const ElfW(Ehdr) * header)
{
    const ElfW(Ehdr) *ours = &__ehdr_start;
    return header->e_ident[EI_CLASS] == ours->e_ident[EI_CLASS] && header->e_ident[EI_DATA] == ours->e_ident[EI_DATA] &&
           header->e_machine == ours->e_machine;
}

static bool read_at(int fd, void *buffer, size_t bytes, uint64_t offset)
{
    return vz_sys_pread(fd, buffer, bytes, offset) == (long)bytes;
}

/* File offset of a virtual address, or 0. */
static uint64_t offset_of(int fd, const ElfW(Ehdr) * header, uint64_t address)
{
    ElfW(Phdr) segment;
    for (unsigned i = 0; i < header->e_phnum && i < MAX_HEADERS; i++)
        if (read_at(fd, &segment, sizeof segment, header->e_phoff + i * sizeof segment) && segment.p_type == PT_LOAD &&
            address - segment.p_vaddr < segment.p_filesz)
            return address - segment.p_vaddr + segment.p_offset;
    return 0;
}

static bool is_sanitizer(int fd, uint64_t name_offset)
{
    static const char *const runtimes[] = {"libasan.so", "libtsan.so", "libmsan.so", "liblsan.so"};
    char name[NAME_BYTES] = {0};
    vz_sys_pread(fd, name, sizeof name - 1, name_offset);
    for (unsigned i = 0; i < sizeof runtimes / sizeof *runtimes; i++)
        if (strncmp(name, runtimes[i], strlen(runtimes[i])) == 0)
            return true;
    return false;
}

/* gcc's sanitizers link their runtime as a library that refuses to run unless it was loaded first. */
static bool needs_sanitizer(int fd, const ElfW(Ehdr) * header, const ElfW(Phdr) * dynamic)
{
    ElfW(Dyn) entry;
    uint64_t strings = 0;
    for (unsigned i = 0; i < MAX_DYNAMIC && i < dynamic->p_filesz / sizeof entry; i++)
        if (read_at(fd, &entry, sizeof entry, dynamic->p_offset + i * sizeof entry) && entry.d_tag == DT_STRTAB)
            strings = offset_of(fd, header, entry.d_un.d_ptr);
    for (unsigned i = 0; strings && i < MAX_DYNAMIC && i < dynamic->p_filesz / sizeof entry; i++) {
        if (!read_at(fd, &entry, sizeof entry, dynamic->p_offset + i * sizeof entry) || entry.d_tag == DT_NULL)
            break;
        if (entry.d_tag == DT_NEEDED && is_sanitizer(fd, strings + entry.d_un.d_val))
            return true;
    }
    return false;
}

static enum vz_unfit fitness_of_elf(int fd, const ElfW(Ehdr) * header)
{
    if (!is_our_machine(header))
        return VZ_UNFIT_WRONG_CLASS;
    char interpreter[NAME_BYTES * 2] = {0};
    enum vz_unfit result = VZ_UNFIT_STATIC;
    for (unsigned i = 0; i < header->e_phnum && i < MAX_HEADERS; i++) {
        ElfW(Phdr) segment;
        if (!read_at(fd, &segment, sizeof segment, header->e_phoff + i * sizeof segment))
            break;
        if (segment.p_type == PT_INTERP) {
            vz_sys_pread(fd, interpreter, sizeof interpreter - 1, segment.p_offset);
            result = vz_loader_is_ours(interpreter) ? VZ_FIT : VZ_UNFIT_OTHER_LIBC;
        } else if (segment.p_type == PT_DYNAMIC && needs_sanitizer(fd, header, &segment))
            return VZ_UNFIT_SANITIZER;
    }
    return result;
}

/* Whether the kernel would change the user or group for this file: the loader then ignores LD_PRELOAD, for root too. */
static bool raises_privileges(const struct stat *status)
{
    return ((status->st_mode & S_ISUID) && status->st_uid != vz_sys_getuid()) ||
           ((status->st_mode & S_ISGID) && (status->st_mode & S_IXGRP) && status->st_gid != vz_sys_getgid());
}

static enum vz_unfit fitness(int fd, unsigned n_scripts);

static enum vz_unfit fitness_of_interpreter(char *line, unsigned n_scripts)
{
    char *path = line + strspn(line, " \t");
    path[strcspn(path, " \t\n")] = 0;
    const int fd = n_scripts < MAX_SCRIPTS ? (int)vz_sys_open(path, VZ_FITNESS_OPEN_FLAGS) : -1;
    if (fd < 0)
        return VZ_FIT;
    const enum vz_unfit result = fitness(fd, n_scripts + 1);
    vz_sys_close(fd);
    return result;
}

static enum vz_unfit fitness(int fd, unsigned n_scripts)
{
    _Alignas(ElfW(Ehdr)) char head[HEAD_BYTES];
    const long n_bytes = vz_sys_pread(fd, head, sizeof head - 1, 0);
    if (n_bytes < 2)
        return VZ_FIT;
    head[n_bytes] = 0;
    if (head[0] == '#' && head[1] == '!')
        return fitness_of_interpreter(head + 2, n_scripts);
    if (n_bytes < (long)sizeof(ElfW(Ehdr)) || memcmp(head, ELFMAG, SELFMAG) != 0)
        return VZ_FIT;
    struct stat status;
    if (fstat(fd, &status) == 0 && raises_privileges(&status))
        return VZ_UNFIT_SETUID;
    return fitness_of_elf(fd, (const ElfW(Ehdr) *)head);
}

enum vz_unfit vz_fitness_of_fd(int fd)
{
    if (vz_session_confined() || vz_sys_access(vz_session_library(), R_OK) < 0)
        return VZ_UNFIT_UNREACHABLE;
    return fitness(fd, 0);
}

enum vz_unfit vz_fitness_of_path(const char *path)
{
    const int fd = vz_session_confined() ? -1 : (int)vz_sys_open(path, VZ_FITNESS_OPEN_FLAGS);
    if (fd < 0)
        return VZ_FIT;
    const enum vz_unfit result = vz_fitness_of_fd(fd);
    vz_sys_close(fd);
    return result;
}
