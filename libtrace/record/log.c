/* The region's log. A segment's fill is private to the process, so a forked child simply starts a log of its own. */
#define _GNU_SOURCE
#include "log.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#include "arena.h"
#include "clock.h"
#include "region.h"
#include "sys.h"

enum { TEXT_LIMIT = 4096, COMMAND_LIMIT = 32768, ARGUMENTS_LIMIT = 1024 };

struct segment {
    uint64_t offset; /* in the region */
    _Atomic uint64_t used;
    _Atomic(struct segment *) next;
};

static _Atomic(struct segment *) current;

static struct segment *new_segment(void)
{
    struct segment *segment = vz_arena_alloc(sizeof *segment);
    if (!segment)
        return NULL;
    segment->offset = vz_region_alloc(VZ_LOG_SEGMENT);
    return segment->offset ? segment : NULL;
}

void vz_log_start(void)
{
    struct segment *segment = new_segment();
    atomic_store(&current, segment);
    if (segment)
        vz_region->log_first = (uint32_t)segment->offset;
}

/* Go on in the next segment, made here unless somebody else has. Only the thread that seals the full one links the two
 * in shared memory; nobody waits for it. */
static struct segment *advance(struct segment *full, uint64_t used)
{
    struct segment *next = atomic_load(&full->next);
    if (!next) {
        struct segment *fresh = new_segment();
        if (!fresh)
            return NULL;
        if (atomic_compare_exchange_strong(&full->next, &next, fresh))
            next = fresh;
    }
    if (atomic_compare_exchange_strong(&full->used, &used, VZ_LOG_SEGMENT)) {
        struct vz_note *link = vz_region_at(full->offset + used);
        link->bytes = sizeof *link;
        link->value = next->offset;
        atomic_store_explicit(&link->kind, VZ_NOTE_NEXT, memory_order_release);
    }
    atomic_compare_exchange_strong(&current, &full, next);
    return next;
}

/* Space for a record of `bytes`, or NULL. Room for the link to the next segment is always kept. */
static void *reserve(uint64_t bytes)
{
    struct segment *segment = atomic_load(&current);
    while (segment) {
        uint64_t used = atomic_load(&segment->used);
        if (used + bytes + sizeof(struct vz_note) > VZ_LOG_SEGMENT)
            segment = advance(segment, used);
        else if (atomic_compare_exchange_strong(&segment->used, &used, used + bytes)) {
            struct vz_note *note = vz_region_at(segment->offset + used);
            note->bytes = (uint32_t)bytes; /* at once: should this thread get no further, it can be passed over */
            return note;
        }
    }
    return NULL;
}

static uint32_t text_bytes(const char *text) { return text ? (uint32_t)strnlen(text, TEXT_LIMIT) : 0; }

static uint32_t record_bytes(uint32_t fixed_bytes, uint32_t n_text) { return (fixed_bytes + n_text + 7u) & ~7u; }

/* Fills in what all records have. `n_text` is what was reserved: another thread may change the text meanwhile. */
static void publish(struct vz_note *note, enum vz_note_kind kind, uint32_t fixed_bytes, const char *text,
                    uint32_t n_text)
{
    note->text_bytes = n_text;
    note->bytes = record_bytes(fixed_bytes, n_text);
    note->ticks = vz_clock_ticks();
    memcpy((char *)note + fixed_bytes, text ? text : "", n_text);
    atomic_store_explicit(&note->kind, (uint32_t)kind, memory_order_release);
}

void vz_log_note(enum vz_note_kind kind, uint64_t value, uint32_t generation, const char *text)
{
    const uint32_t n_text = text_bytes(text);
    struct vz_note *note = reserve(record_bytes(sizeof *note, n_text));
    if (!note)
        return;
    note->value = value;
    note->generation = generation;
    publish(note, kind, sizeof *note, text, n_text);
}

void vz_log_module(const struct vz_module_note *fields, const char *path)
{
    const uint32_t fixed_bytes = offsetof(struct vz_module_note, text);
    const uint32_t n_text = text_bytes(path);
    struct vz_module_note *module = reserve(record_bytes(fixed_bytes, n_text));
    if (!module)
        return;
    const size_t own_bytes = offsetof(struct vz_note, ticks); /* kind and bytes stay */
    memcpy((char *)module + own_bytes, (const char *)fields + own_bytes, fixed_bytes - own_bytes);
    publish(&module->note, VZ_NOTE_MODULE, fixed_bytes, path, n_text);
}

/* Read what there is of a file in /proc, up to capacity. */
static size_t read_all(const char *path, char *buffer, size_t capacity)
{
    const long fd = vz_sys_open(path, O_RDONLY | O_CLOEXEC);
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

void vz_log_command(void)
{
    char *text = vz_arena_alloc(COMMAND_LIMIT); /* only what is used becomes real */
    if (!text || vz_sys_readlink("/proc/self/exe", text, COMMAND_LIMIT - 1) <= 0)
        return;
    vz_log_note(VZ_NOTE_PROGRAM, 0, 0, text);
    memset(text, 0, strlen(text));
    const size_t bytes = read_all("/proc/self/cmdline", text, COMMAND_LIMIT - 1);
    size_t n_arguments = 0;
    for (size_t at = 0; at < bytes && n_arguments < ARGUMENTS_LIMIT; at += strlen(text + at) + 1, n_arguments++)
        vz_log_note(VZ_NOTE_ARGUMENT, 0, 0, text + at);
}
