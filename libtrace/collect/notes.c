/* Reading an image's log: see notes.h. */
#include "notes.h"

#include <string.h>

#define BLOCK_MODULES 32u

struct vz_text vz_notes_text(const struct vz_note *note)
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

static void write_modules(struct vz_source *source, struct module_block *block)
{
    if (block->n)
        VZ_SINK_DO(source->sink, modules, source->index, block->records, block->paths, block->n);
    for (uint32_t i = 0; i < block->n; i++)
        source->ops->module(source, block->paths[i], block->records[i].time);
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

static void write_unload(struct vz_source *source, const struct vz_note *note)
{
    struct vz_unload_record record = {.module = (uint32_t)note->value,
                                      .generation = note->generation,
                                      .time = vz_timebase_ns(source->time, note->ticks)};
    VZ_SINK_DO(source->sink, unload, source->index, &record);
}

/* Whether the text lies within the record, and the record within a segment. */
static bool is_sound(uint32_t kind, const struct vz_note *note)
{
    size_t fixed = kind == VZ_NOTE_MODULE ? sizeof(struct vz_module_note) : sizeof(struct vz_note);
    return note->bytes % 8 == 0 && note->bytes <= VZ_LOG_SEGMENT && note->bytes >= fixed &&
           note->bytes - fixed >= note->text_bytes;
}

const struct vz_note *vz_notes_next(const struct vz_source *source, uint64_t *at, uint32_t *kind)
{
    for (;;) {
        const struct vz_note *note = vz_source_at(source, *at, sizeof(*note));
        *kind = note ? atomic_load_explicit(&note->kind, memory_order_acquire) : 0;
        const bool is_abandoned = *kind == 0 && note && source->is_dead && note->bytes != 0; /* passed over */
        if (*kind == 0 && !is_abandoned)
            return NULL;
        if (*kind == VZ_NOTE_NEXT && note->value > *at) { /* segments never go back: a log has no loop */
            *at = note->value;
            continue;
        }
        if (*kind == VZ_NOTE_NEXT || !is_sound(*kind, note) || !vz_source_at(source, *at, note->bytes)) {
            *at = 0; /* damaged by the program: no log any more */
            return NULL;
        }
        *at += note->bytes;
        return note;
    }
}

void vz_notes_read(struct vz_source *source)
{
    const struct vz_note *note;
    struct module_block modules;
    modules.n = 0;
    uint32_t kind;
    while ((note = vz_notes_next(source, &source->log_at, &kind))) {
        if (kind != VZ_NOTE_MODULE || modules.n == BLOCK_MODULES)
            write_modules(source, &modules);
        if (kind == VZ_NOTE_MODULE)
            add_module(&modules, (const struct vz_module_note *)note, vz_timebase_ns(source->time, note->ticks));
        else if (kind == VZ_NOTE_MODULE_UNLOADED)
            write_unload(source, note);
        else
            source->ops->note(source, kind, note);
    }
    write_modules(source, &modules);
}
