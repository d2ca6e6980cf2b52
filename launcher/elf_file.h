/* What the launcher needs to know of an ELF file: can the library be loaded into it, and is the library well-formed.
 *
 * Reads mapped bytes only; every offset is checked, a malformed file yields less, never a fault.
 */
#ifndef VZ_ELF_FILE_H
#define VZ_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* Facts about a program. Strings point into the mapped file. */
struct vz_elf_facts {
    bool is_elf;             /* an ELF file of this machine's class, byte order and machine */
    bool is_foreign;         /* an ELF file of another */
    bool is_loader;          /* a dynamic loader itself (its soname begins with "ld") */
    const char *interpreter; /* PT_INTERP; NULL: static */
    const char *sanitizer;   /* the sanitizer runtime that it needs; NULL: none */
};

/* Examines a program of `bytes` bytes at `image`. */
struct vz_elf_facts vz_elf_examine(const void *image, size_t bytes);

/* The section of that name within the ELF file at image: its offset, and its size in *section_bytes; 0 if there is
 * none. */
size_t vz_elf_find_section(const void *image, size_t bytes, const char *name, size_t *section_bytes);

#endif
