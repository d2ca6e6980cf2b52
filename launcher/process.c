/* Reading /proc: see process.h and proc(5). */
#define _GNU_SOURCE
#include "process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "io.h"
#include "sys.h"

#define ENVIRONMENT_LIMIT (256 * 1024)
#define SHORT_SECONDS 2 /* in which nobody makes as many processes as there are ids */

char *vz_process_link(pid_t pid, const char *name)
{
    char path[64];
    char target[PATH_MAX];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    ssize_t n = readlink(path, target, sizeof(target));
    return n < 0 ? NULL : strndup(target, (size_t)n);
}

void vz_process_thread_name(pid_t pid, uint32_t tid, char name[16])
{
    char path[64];
    char text[32];
    memset(name, 0, 16);
    snprintf(path, sizeof(path), "/proc/%d/task/%u/comm", (int)pid, tid);
    ssize_t n = vz_io_read_file(AT_FDCWD, path, text, sizeof(text));
    if (n > 0)
        memcpy(name, text, strnlen(text, 15) - (strnlen(text, 15) > 0 && text[strnlen(text, 15) - 1] == '\n'));
}

static int compare_ids(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

uint32_t *vz_process_threads(pid_t pid, size_t *n)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *directory = opendir(path);
    if (!directory)
        return NULL;
    uint32_t *ids = NULL;
    size_t capacity = 0;
    *n = 0;
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        if (*n == capacity) {
            capacity = capacity ? 2 * capacity : 64;
            uint32_t *grown = realloc(ids, capacity * sizeof(*ids));
            if (!grown) {
                free(ids);
                ids = NULL;
                break;
            }
            ids = grown;
        }
        ids[(*n)++] = (uint32_t)strtoul(entry->d_name, NULL, 10);
    }
    closedir(directory);
    if (ids)
        qsort(ids, *n, sizeof(*ids), compare_ids);
    return ids;
}

bool vz_process_has_thread(pid_t pid, uint32_t tid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task/%u", (int)pid, tid);
    return access(path, F_OK) == 0 || errno != ENOENT;
}

/* The number-th field (from 1, as proc(5) counts) of /proc/PID/stat, which are separated by spaces after "(comm)". */
static const char *stat_field(const char *text, int number)
{
    const char *at = strrchr(text, ')');
    for (int field = 2; at && field < number; field++)
        at = strchr(at + 1, ' ');
    return at ? at + 1 : NULL;
}

bool vz_process_status(pid_t pid, int pidfd, int *wait_status)
{
    char path[64];
    char text[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    ssize_t n = pid ? vz_io_read_file(AT_FDCWD, path, text, sizeof(text)) : 0;
    const char *state = n > 0 ? stat_field(text, 3) : NULL;
    const char *code = n > 0 ? stat_field(text, 52) : NULL;
    if (state && code && (*state == 'Z' || *state == 'X')) {
        *wait_status = atoi(code);
        return true;
    }
    return pidfd >= 0 && vz_sys_pidfd_status(pidfd, wait_status); /* known there once the parent has waited for it */
}

static bool has_mapped(pid_t pid, const char *file)
{
    char path[64];
    char *line = NULL;
    size_t capacity = 0;
    bool found = false;
    snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
    FILE *maps = fopen(path, "re");
    while (maps && !found && getline(&line, &capacity, maps) > 0)
        found = strstr(line, file);
    if (maps)
        fclose(maps);
    free(line);
    return found;
}

bool vz_process_is_recorded(pid_t pid, const char *library)
{
    char path[64];
    char *text = malloc(ENVIRONMENT_LIMIT);
    snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
    ssize_t n = text ? vz_io_read_file(AT_FDCWD, path, text, ENVIRONMENT_LIMIT) : 0;
    bool found = n > 0 && memmem(text, (size_t)n, library, strlen(library));
    free(text);
    return found || has_mapped(pid, library);
}

bool vz_process_is_hidden(pid_t pid)
{
    char path[64];
    char text[2];
    snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
    ssize_t n = vz_io_read_file(AT_FDCWD, path, text, sizeof(text));
    return n == -EACCES || n == -EPERM;
}

pid_t vz_process_inner_pid(pid_t pid)
{
    char path[64];
    char text[4096];
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    ssize_t n = vz_io_read_file(AT_FDCWD, path, text, sizeof(text));
    char *line = n > 0 ? strstr(text, "\nNSpid:") : NULL;
    if (!line)
        return 0;
    line += strlen("\nNSpid:");
    line[strcspn(line, "\n")] = 0;
    char *last = strrchr(line, '\t');
    return last ? (pid_t)atoi(last + 1) : 0;
}

uint64_t vz_process_start(pid_t pid)
{
    char path[64];
    char text[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    const char *start = vz_io_read_file(AT_FDCWD, path, text, sizeof(text)) > 0 ? stat_field(text, 22) : NULL;
    return start ? strtoull(start, NULL, 10) : 0;
}

/* The least id that a process started at `start` or later may have. The kernel gives ids in rising order and starts again at the
 * bottom; in a short time, and while the one given last is above ours, it has not. */
static pid_t least_pid_since(uint64_t start)
{
    char text[128];
    struct timespec now;
    const uint64_t own_start = vz_process_start(getpid()), second = (uint64_t)sysconf(_SC_CLK_TCK);
    if (start < own_start || clock_gettime(CLOCK_BOOTTIME, &now) != 0 ||
        (uint64_t)now.tv_sec > own_start / second + SHORT_SECONDS ||
        vz_io_read_file(AT_FDCWD, "/proc/loadavg", text, sizeof(text)) <= 0)
        return 1;
    const char *last = strrchr(text, ' ');
    return last && atoi(last + 1) >= getpid() ? getpid() : 1;
}

void vz_process_for_each_since(uint64_t start, bool (*visit)(pid_t pid, void *context), void *context)
{
    DIR *directory = opendir("/proc");
    struct dirent *entry;
    bool goes_on = directory;
    const pid_t least = least_pid_since(start);
    while (goes_on && (entry = readdir(directory))) {
        pid_t pid = isdigit((unsigned char)entry->d_name[0]) ? (pid_t)atoi(entry->d_name) : 0;
        if (pid >= least && pid != getpid() && vz_process_start(pid) >= start)
            goes_on = visit(pid, context);
    }
    if (directory)
        closedir(directory);
}

uint64_t vz_process_rss(pid_t pid)
{
    char path[64];
    char text[128];
    snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    if (vz_io_read_file(AT_FDCWD, path, text, sizeof(text)) <= 0)
        return 0;
    const char *space = strchr(text, ' ');
    return space ? strtoull(space + 1, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

uint64_t vz_process_pss(pid_t pid)
{
    char path[64];
    char text[2048];
    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
    ssize_t n = vz_io_read_file(AT_FDCWD, path, text, sizeof(text));
    const char *line = n > 0 ? strstr(text, "\nPss:") : NULL;
    return line ? strtoull(line + strlen("\nPss:"), NULL, 10) * 1024 : UINT64_MAX;
}
