/* Reading the own region: what collect/source.h leaves to who collects. */
#include <sys/mman.h>

#include "collect/notes.h"
#include "solo_facts.h"
#include "solo_state.h"
#include "sys.h"
#include "sys_files.h"

/* What is seldom asked for is mapped for itself; its size stands before it. */
void *vz_solo_allocate(size_t bytes)
{
    const size_t all = bytes + 16;
    size_t *memory = vz_sys_map(all, PROT_READ | PROT_WRITE, -1, 0);
    if (!memory)
        return NULL;
    *memory = all;
    return (char *)memory + 16;
}

void vz_solo_release(void *memory)
{
    if (memory)
        vz_sys_unmap((char *)memory - 16, *(size_t *)(void *)((char *)memory - 16));
}

static struct vz_batch *batch_of(struct vz_source *source)
{
    source->batch = &vz_solo.batch;
    if (vz_solo.batch.n == vz_solo.batch.capacity)
        vz_source_flush(source);
    return &vz_solo.batch;
}

static void name_thread(struct vz_source *source, uint32_t tid, char name[16])
{
    (void)source;
    vz_solo_facts_thread_name(tid, name);
}

static void take_module(struct vz_source *source, struct vz_text path, uint64_t time)
{
    (void)source, (void)path, (void)time;
}

static void take_note(struct vz_source *source, uint32_t kind, const struct vz_note *note)
{
    if (kind != VZ_NOTE_NOT_FOLLOWED)
        return;
    const struct vz_note_record record = {
        .time = vz_timebase_ns(source->time, note->ticks), .value = note->value, .type = VZ_NOTE_TYPE_NOT_FOLLOWED};
    VZ_SINK_DO(source->sink, note, source->index, &record, vz_notes_text(note));
}

static void wake(const _Atomic uint32_t *word) { vz_sys_futex_wake(word, INT32_MAX); }

const struct vz_source_ops vz_solo_source_ops = {.batch = batch_of,
                                                 .thread_name = name_thread,
                                                 .module = take_module,
                                                 .note = take_note,
                                                 .wake = wake,
                                                 .allocate = vz_solo_allocate,
                                                 .release = vz_solo_release};
