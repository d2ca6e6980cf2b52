/* Reading an image's log: see notes.h. */
#define _GNU_SOURCE
#include "notes.h"

#include <stdlib.h>
#include <string.h>

#include "allocators.h"

#define BLOCK_MODULES 32u

/* The reasons are the trace's own, by the same numbers. */
_Static_assert((int)VZ_UNFIT_STATIC == (int)VZ_NOT_STATIC, "same numbers");
_Static_assert((int)VZ_UNFIT_SETUID == (int)VZ_NOT_SETUID, "same numbers");
_Static_assert((int)VZ_UNFIT_WRONG_CLASS == (int)VZ_NOT_WRONG_CLASS, "same numbers");
_Static_assert((int)VZ_UNFIT_OTHER_LIBC == (int)VZ_NOT_OTHER_LIBC, "same numbers");
_Static_assert((int)VZ_UNFIT_SANITIZER == (int)VZ_NOT_SANITIZER, "same numbers");
_Static_assert((int)VZ_UNFIT_UNREACHABLE == (int)VZ_NOT_UNREACHABLE, "same numbers");
_Static_assert((int)VZ_UNFIT_NOT_EXECUTABLE == (int)VZ_NOT_EXECUTABLE, "same numbers");

/* Some notes are kept, and the program may have overwritten them since they were found sound. */
static struct vz_text text_of(const struct vz_note *note)
{
    uint32_t bytes = note->text_bytes;
    return (struct vz_text){.data = (const char *)(note + 1), .bytes = bytes < VZ_LOG_SEGMENT ? bytes : 0};
}

/* Modules that are announced together are written together. */
struct module_block {
    uint32_t n;
    struct vz_module_record records[BLOCK_MODULES];
    struct vz_text paths[BLOCK_MODULES];
};

static void write_modules(struct vz_collector *collector, struct vz_image *image, struct module_block *block)
{
    if (block->n)
        VZ_SINK_DO(collector->sink, modules, image->index, block->records, block->paths, block->n);
    for (uint32_t i = 0; i < block->n; i++)
        vz_allocators_examine(collector, image, block->paths[i], block->records[i].time);
    block->n = 0;
}

static void add_module(struct module_block *block, const struct vz_module_note *module, uint64_t time)
{
    struct vz_module_record record = {.module = (uint32_t)module->note.value,
                                      .generation = module->note.generation,
                                      .time = time,
                                      .start = module->start,
                                      .end = module->end,
                                      .bias = module->bias,
                                      .build_id_bytes = module->build_id_bytes};
    if (record.build_id_bytes > sizeof(record.build_id))
        record.build_id_bytes = 0;
    memcpy(record.build_id, module->build_id, record.build_id_bytes);
    block->paths[block->n] = (struct vz_text){.data = module->text, .bytes = module->note.text_bytes};
    block->records[block->n++] = record;
}

/* Writes what waited to be told apart: it was a child, not this image, that became something unrecorded. What became of it
 * is not known. */
static void settle_unfit(struct vz_collector *collector, struct vz_image *image)
{
    const struct vz_note *note = image->unfit_note;
    if (!note)
        return;
    uint64_t time = vz_timebase_ns(&collector->time, note->ticks);
    struct vz_image_record record = {.pid = note->generation,
                                     .ppid = (uint32_t)image->pid,
                                     .origin = VZ_IMAGE_SPAWN,
                                     .parent_image = image->index,
                                     .not_recorded = (uint32_t)note->value,
                                     .start_time = time};
    struct vz_image_end_record end = {.time = time, .fate = VZ_FATE_UNKNOWN};
    struct vz_text none = {.data = ""};
    uint32_t index = collector->n_records++;
    VZ_SINK_DO(collector->sink, image, index, &record, text_of(note), none, none);
    VZ_SINK_DO(collector->sink, image_end, index, &end);
    image->unfit_note = NULL;
}

static void begin_exec(struct vz_collector *collector, struct vz_image *image, const struct vz_note *note)
{
    struct vz_text path = text_of(note);
    struct vz_text unfit = image->unfit_note ? text_of(image->unfit_note) : (struct vz_text){0};
    image->exec_note = note;
    image->exec_unfit = VZ_FIT;
    if (unfit.data && unfit.bytes == path.bytes && memcmp(unfit.data, path.data, path.bytes) == 0) {
        image->exec_unfit = image->unfit_note->value;
        image->unfit_note = NULL;
    }
    settle_unfit(collector, image);
}

static void take_note(struct vz_collector *collector, struct vz_image *image, uint32_t kind, const struct vz_note *note)
{
    uint64_t time = vz_timebase_ns(&collector->time, note->ticks);
    switch (kind) {
    case VZ_NOTE_MODULE_UNLOADED: {
        struct vz_unload_record record = {
            .module = (uint32_t)note->value, .generation = note->generation, .time = time};
        VZ_SINK_DO(collector->sink, unload, image->index, &record);
        break;
    }
    case VZ_NOTE_EXEC:
        begin_exec(collector, image, note);
        break;
    case VZ_NOTE_EXEC_FAILED:
        image->exec_note = NULL;
        break;
    case VZ_NOTE_NOT_FOLLOWED:
        settle_unfit(collector, image);
        image->unfit_note = note;
        break;
    default:
        break;
    }
}

/* Whether the text lies within the record, and the record within a segment. */
static bool is_sound(uint32_t kind, const struct vz_note *note)
{
    size_t fixed = kind == VZ_NOTE_MODULE ? sizeof(struct vz_module_note) : sizeof(struct vz_note);
    return note->bytes % 8 == 0 && note->bytes <= VZ_LOG_SEGMENT && note->bytes >= fixed &&
           note->bytes - fixed >= note->text_bytes;
}

/* The record at *at and its kind, and *at moved behind it; NULL: the log ends here for now. */
static const struct vz_note *next_note(const struct vz_image *image, uint64_t *at, uint32_t *kind)
{
    for (;;) {
        const struct vz_note *note = vz_image_at(image, *at, sizeof(*note));
        *kind = note ? atomic_load_explicit(&note->kind, memory_order_acquire) : 0;
        const bool is_abandoned = *kind == 0 && note && image->is_dead && note->bytes != 0; /* passed over */
        if (*kind == 0 && !is_abandoned)
            return NULL;
        if (*kind == VZ_NOTE_NEXT && note->value > *at) { /* segments never go back: a log has no loop */
            *at = note->value;
            continue;
        }
        if (*kind == VZ_NOTE_NEXT || !is_sound(*kind, note) || !vz_image_at(image, *at, note->bytes)) {
            *at = 0; /* damaged by the program: no log any more */
            return NULL;
        }
        *at += note->bytes;
        return note;
    }
}

void vz_notes_read(struct vz_collector *collector, struct vz_image *image)
{
    const struct vz_note *old_unfit = image->unfit_note;
    const struct vz_note *note;
    struct module_block modules;
    modules.n = 0;
    uint32_t kind;
    while ((note = next_note(image, &image->log_at, &kind))) {
        if (kind != VZ_NOTE_MODULE || modules.n == BLOCK_MODULES)
            write_modules(collector, image, &modules);
        if (kind == VZ_NOTE_MODULE)
            add_module(&modules, (const struct vz_module_note *)note, vz_timebase_ns(&collector->time, note->ticks));
        else
            take_note(collector, image, kind, note);
    }
    write_modules(collector, image, &modules);
    if (old_unfit && image->unfit_note == old_unfit)
        settle_unfit(collector, image); /* the exec would have followed at once */
}

bool vz_notes_tell_command(const struct vz_image *image, char **exe, char **args, size_t *args_bytes)
{
    uint64_t at = image->log_at;
    uint32_t kind;
    const struct vz_note *note = next_note(image, &at, &kind);
    if (!note || kind != VZ_NOTE_PROGRAM)
        return false;
    *exe = strndup(text_of(note).data, note->text_bytes);
    *args = NULL;
    *args_bytes = 0;
    while ((note = next_note(image, &at, &kind)) && kind == VZ_NOTE_ARGUMENT) {
        char *grown = realloc(*args, *args_bytes + note->text_bytes + 1);
        if (!grown)
            break;
        *args = grown;
        memcpy(grown + *args_bytes, text_of(note).data, note->text_bytes);
        *args_bytes += note->text_bytes + 1;
        grown[*args_bytes - 1] = 0;
    }
    return *args;
}
