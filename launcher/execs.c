/* Execs and programs that are not followed: see execs.h. */
#define _GNU_SOURCE
#include "execs.h"

#include <stdlib.h>
#include <string.h>

#include "collect/notes.h"

/* The reasons are the trace's own, by the same numbers. */
_Static_assert((int)VZ_UNFIT_STATIC == (int)VZ_NOT_STATIC, "same numbers");
_Static_assert((int)VZ_UNFIT_SETUID == (int)VZ_NOT_SETUID, "same numbers");
_Static_assert((int)VZ_UNFIT_WRONG_CLASS == (int)VZ_NOT_WRONG_CLASS, "same numbers");
_Static_assert((int)VZ_UNFIT_OTHER_LIBC == (int)VZ_NOT_OTHER_LIBC, "same numbers");
_Static_assert((int)VZ_UNFIT_SANITIZER == (int)VZ_NOT_SANITIZER, "same numbers");
_Static_assert((int)VZ_UNFIT_UNREACHABLE == (int)VZ_NOT_UNREACHABLE, "same numbers");
_Static_assert((int)VZ_UNFIT_NOT_EXECUTABLE == (int)VZ_NOT_EXECUTABLE, "same numbers");

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
                                     .parent_image = image->source.index,
                                     .not_recorded = (uint32_t)note->value,
                                     .start_time = time};
    struct vz_image_end_record end = {.time = time, .fate = VZ_FATE_UNKNOWN};
    struct vz_text none = {.data = ""};
    uint32_t index = collector->n_records++;
    VZ_SINK_DO(collector->sink, image, index, &record, vz_notes_text(note), none, none);
    VZ_SINK_DO(collector->sink, image_end, index, &end);
    image->unfit_note = NULL;
}

static void begin_exec(struct vz_collector *collector, struct vz_image *image, const struct vz_note *note)
{
    struct vz_text path = vz_notes_text(note);
    struct vz_text unfit = image->unfit_note ? vz_notes_text(image->unfit_note) : (struct vz_text){0};
    image->exec_note = note;
    image->exec_unfit = VZ_FIT;
    if (unfit.data && unfit.bytes == path.bytes && memcmp(unfit.data, path.data, path.bytes) == 0) {
        image->exec_unfit = image->unfit_note->value;
        image->unfit_note = NULL;
    }
    settle_unfit(collector, image);
}

void vz_execs_take_note(struct vz_collector *collector, struct vz_image *image, uint32_t kind,
                        const struct vz_note *note)
{
    switch (kind) {
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

void vz_execs_read(struct vz_collector *collector, struct vz_image *image)
{
    const struct vz_note *old_unfit = image->unfit_note;
    vz_notes_read(&image->source);
    if (old_unfit && image->unfit_note == old_unfit)
        settle_unfit(collector, image); /* the exec would have followed at once */
}

bool vz_execs_tell_command(const struct vz_image *image, char **exe, char **args, size_t *args_bytes)
{
    uint64_t at = image->source.log_at;
    uint32_t kind;
    const struct vz_note *note = vz_notes_next(&image->source, &at, &kind);
    if (!note || kind != VZ_NOTE_PROGRAM)
        return false;
    *exe = strndup(vz_notes_text(note).data, note->text_bytes);
    *args = NULL;
    *args_bytes = 0;
    while ((note = vz_notes_next(&image->source, &at, &kind)) && kind == VZ_NOTE_ARGUMENT) {
        char *grown = realloc(*args, *args_bytes + note->text_bytes + 1);
        if (!grown)
            break;
        *args = grown;
        memcpy(grown + *args_bytes, vz_notes_text(note).data, note->text_bytes);
        *args_bytes += note->text_bytes + 1;
        grown[*args_bytes - 1] = 0;
    }
    return *args;
}
