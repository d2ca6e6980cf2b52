/* Facts from /proc and uname(2): see solo_facts.h. */
#define _GNU_SOURCE
#include "solo_facts.h"

#include <fcntl.h>
#include <string.h>

#include "sys.h"
#include "sys_files.h"
#include "text.h"

/* Reads what there is of a file, up to capacity. */
static size_t read_all(const char *path, char *buffer, size_t capacity)
{
    const long fd = vz_sys_lift(vz_sys_open(path, O_RDONLY | O_CLOEXEC));
    size_t bytes = 0;
    long got = fd < 0 ? 0 : 1;
    while (got > 0 && bytes < capacity) {
        got = vz_sys_read((int)fd, buffer + bytes, capacity - bytes);
        bytes += got > 0 ? (size_t)got : 0;
    }
    if (fd >= 0)
        vz_sys_close((int)fd);
    return bytes;
}

void vz_solo_facts_read(struct vz_solo_facts *facts)
{
    vz_sys_uname(&facts->system);
    char *end = stpcpy(stpcpy(facts->system_text, facts->system.sysname), " ");
    end = stpcpy(stpcpy(end, facts->system.release), " ");
    strcpy(end, facts->system.machine);
    vz_sys_readlink("/proc/self/exe", facts->exe, sizeof facts->exe - 1);
    vz_sys_cwd(facts->cwd, sizeof facts->cwd - 1);
    size_t n = read_all("/proc/self/cmdline", facts->args, sizeof facts->args - 1);
    if (n > 0 && facts->args[n - 1])
        n++; /* cut: the rest of the last one is left out */
    facts->args_bytes = (uint32_t)n;
    for (size_t i = 0; i < n; i++)
        facts->n_args += facts->args[i] == 0;
}

void vz_solo_facts_thread_name(uint32_t tid, char name[16])
{
    char path[48];
    memset(name, 0, 16);
    strcpy(vz_text_number(stpcpy(path, "/proc/self/task/"), tid), "/comm");
    const size_t n = read_all(path, name, 15);
    if (n > 0 && name[n - 1] == '\n')
        name[n - 1] = 0;
}
