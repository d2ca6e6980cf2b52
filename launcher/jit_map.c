/* Names of just-in-time compiled code: see jit_map.h. The file is another process's and is not trusted. */
#define _GNU_SOURCE
#include "jit_map.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "collect/nodes.h"

#define MAX_LINE 4096u                /* bytes; what is longer is cut */
#define MAX_BLOCK (1u << 16)          /* bytes of text written together */
#define MAX_TEXT (64u << 20)          /* bytes of text of one image */
#define MAX_FILE ((uint64_t)1u << 30) /* bytes of the file that are looked at */

/* The addresses that want names, increasing. */
struct wanted {
    uint64_t *address;
    size_t n;
};

/* Lines waiting to be written together. */
struct text {
    char data[MAX_BLOCK];
    uint32_t bytes;
    uint32_t written;
};

/* Opens the map of a process if it is a file of ours that was written since the recording started; NULL: there is none. */
static FILE *open_map(const struct vz_collector *collector, pid_t pid)
{
    char path[64];
    snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)pid);
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    struct stat status;
    struct timespec now;
    FILE *file = NULL;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && (status.st_uid == geteuid() || geteuid() == 0) &&
        clock_gettime(CLOCK_REALTIME, &now) == 0) {
        uint64_t running_s = vz_timebase_read_ns(&collector->time) / 1000000000u;
        if ((uint64_t)status.st_mtime + running_s + 1 >=
            (uint64_t)now.tv_sec) /* else of an earlier process of this pid */
            file = fdopen(fd, "r");
    }
    if (!file)
        close(fd);
    return file;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Whether one of the addresses lies in [start, start + size). */
static bool is_wanted(const struct wanted *wanted, uint64_t start, uint64_t size)
{
    size_t low = 0;
    size_t high = wanted->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (wanted->address[middle] < start)
            low = middle + 1;
        else
            high = middle;
    }
    return low < wanted->n && wanted->address[low] - start < size;
}

/* Whether the line is START SIZE NAME and names a wanted address. */
static bool is_line_wanted(const char *line, const struct wanted *wanted)
{
    char *end;
    uint64_t start = strtoull(line, &end, 16);
    if (end == line || *end != ' ')
        return false;
    const char *second = end;
    uint64_t size = strtoull(second, &end, 16);
    return end != second && *end == ' ' && is_wanted(wanted, start, size);
}

static void flush(struct vz_collector *collector, const struct vz_image *image, struct text *text)
{
    struct vz_jit_map_record record = {.time = vz_collector_now(collector)};
    if (text->bytes)
        VZ_SINK_DO(collector->sink, jit_map, image->source.index, &record,
                   (struct vz_text){.data = text->data, .bytes = text->bytes});
    text->written += text->bytes;
    text->bytes = 0;
}

/* Copies the wanted lines of a file. */
static void copy_lines(struct vz_collector *collector, const struct vz_image *image, FILE *file,
                       const struct wanted *wanted, struct text *text)
{
    char line[MAX_LINE];
    uint64_t read = 0;
    bool is_start = true; /* of a line: the rest of one that is too long is left out */
    while (read < MAX_FILE && text->written < MAX_TEXT && fgets(line, (int)sizeof(line), file)) {
        size_t bytes = strlen(line);
        bool is_end = bytes > 0 && line[bytes - 1] == '\n';
        read += bytes;
        if (is_start && is_line_wanted(line, wanted)) {
            if (text->bytes + bytes + 1 > MAX_BLOCK)
                flush(collector, image, text);
            memcpy(text->data + text->bytes, line, bytes);
            text->bytes += (uint32_t)bytes;
            if (!is_end)
                text->data[text->bytes++] = '\n';
        }
        is_start = is_end;
    }
    flush(collector, image, text);
}

/* The addresses to look up for all call stacks that were written, in order. False: no memory. */
static bool list_addresses(const struct vz_source *source, struct wanted *wanted)
{
    size_t capacity = 0;
    uint64_t address;
    for (uint32_t id = 0; vz_nodes_next(source, &id, &address);) {
        if (wanted->n == capacity) {
            capacity = capacity ? 2 * capacity : 1024;
            uint64_t *grown = realloc(wanted->address, capacity * sizeof(*grown));
            if (!grown)
                return false;
            wanted->address = grown;
        }
        wanted->address[wanted->n++] = address;
    }
    if (wanted->n)
        qsort(wanted->address, wanted->n, sizeof(*wanted->address), compare);
    return true;
}

void vz_jit_map_write(struct vz_collector *collector, const struct vz_image *image)
{
    FILE *file = open_map(collector, image->pid);
    if (!file)
        file = open_map(collector, (pid_t)image->source.region->ppid); /* a forked child runs its parent's code */
    if (!file)
        return;
    struct wanted wanted = {.n = 0};
    struct text *text = calloc(1, sizeof(*text));
    if (text && list_addresses(&image->source, &wanted))
        copy_lines(collector, image, file, &wanted, text);
    free(wanted.address);
    free(text);
    fclose(file);
}
