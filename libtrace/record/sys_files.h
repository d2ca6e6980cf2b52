/* Raw kernel calls of a process that writes its own trace (solo.h): as sys.h, whose rules they follow. */
#ifndef VZ_SYS_FILES_H
#define VZ_SYS_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- files -------------------------------------------------------------------------------------------------------- */

/* A new file for reading and writing, closed on exec; -EEXIST: there is one. */
long vz_sys_create(const char *path);
long vz_sys_write(int fd, const void *bytes, size_t n);
long vz_sys_pwrite(int fd, const void *bytes, size_t n, uint64_t offset);
long vz_sys_truncate(int fd, uint64_t bytes);

/* Gives [offset, offset + bytes) of a file its blocks, so that no write there can fail for want of room. */
long vz_sys_allocate(int fd, uint64_t offset, uint64_t bytes);

/* Takes them back: the bytes are zero then, and the file's length stays. */
long vz_sys_punch(int fd, uint64_t offset, uint64_t bytes);

/* Puts another descriptor of the same file, at a high number and closed on exec, in place of this one: programs take the lowest
 * free numbers, or count on them. An error stays what it is. */
long vz_sys_lift(long fd);

/* What tells a file, socket or device from all others. */
struct vz_sys_identity {
    uint64_t device, inode;
};
long vz_sys_identify(int fd, struct vz_sys_identity *identity);
long vz_sys_identify_path(const char *path, struct vz_sys_identity *identity);

/* Beyond which offset writing ends the process by SIGXFSZ. */
uint64_t vz_sys_file_limit(void);

struct utsname;
void vz_sys_uname(struct utsname *system);
long vz_sys_cwd(char *buffer, size_t bytes);

/* Whether something can be written there at once, as far as can be known. */
bool vz_sys_can_write(int fd);

/* ---- memory ------------------------------------------------------------------------------------------------------- */

/* A file's bytes, shared, in place of what is mapped at address. */
long vz_sys_map_over(void *address, size_t bytes, int fd, uint64_t offset);
/* Moves a mapping in place of what is mapped at address. */
long vz_sys_move_over(void *from, size_t bytes, void *address);
uint64_t vz_sys_page_bytes(void);

/* ---- threads and signals ------------------------------------------------------------------------------------------ */

/* All signals wait until the mask is put back. */
void vz_sys_hold_signals(uint64_t *mask);
void vz_sys_release_signals(const uint64_t *mask);

/* While signals are held: those of SIGPIPE and SIGXFSZ that wait, as a set; and taking such a one back that a write of ours
 * has raised. */
uint64_t vz_sys_pending_write_signals(void);
void vz_sys_take_write_signal(uint64_t pending_before);

void vz_sys_futex_wake(const void *word, uint32_t n);
bool vz_sys_thread_lives(uint32_t pid, uint32_t tid);

/* CLOCK_REALTIME in ns, by the vDSO. */
uint64_t vz_sys_wall_ns(void);

/* Calls function(argument) on the stack that ends at top, 16-aligned. */
void vz_sys_on_stack(void *top, void (*function)(void *), void *argument);

#endif
