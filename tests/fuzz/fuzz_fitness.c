/* Files that are read, not mapped: by the library, of a program that is about to be executed; by the collector, of modules
 * that may bring an allocator. Any bytes may stand there.
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "launcher/allocators.h"
#include "record/config.h"
#include "record/fitness.h"

extern struct vz_config vz_config;

static int file = -1;

static int take_note(struct vz_sink *sink, uint32_t image, const struct vz_note_record *record, struct vz_text text)
{
    (void)sink, (void)image, (void)record;
    FUZZ_CHECK(text.bytes > 0);
    return 0;
}

static const struct vz_sink_ops operations = {.note = take_note};
static struct vz_sink sink = {.ops = &operations, .name = "fuzz"};
static struct vz_collector collector = {.sink = &sink};

/* As a module of an image whose program is another, or this one. */
static void examine_module(bool is_program)
{
    char path[32];
    const int length = snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    const struct vz_image image = {.exe = is_program ? path : NULL};
    memset(collector.examined, 0, sizeof collector.examined);
    vz_allocators_examine(&collector, &image, (struct vz_text){.data = path, .bytes = (uint32_t)length}, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (file < 0) {
        strcpy(vz_config.library_path, "/dev/null"); /* what can't be reached is not examined */
        file = memfd_create("program", MFD_CLOEXEC);
        FUZZ_CHECK(file >= 0);
    }
    FUZZ_CHECK(ftruncate(file, 0) == 0 && pwrite(file, data, bytes, 0) == (ssize_t)bytes);
    const enum vz_unfit unfit = vz_fitness_of_fd(file);
    FUZZ_CHECK(unfit <= VZ_UNFIT_NOT_EXECUTABLE && unfit != VZ_UNFIT_UNREACHABLE);
    examine_module(false);
    examine_module(true);
    return 0;
}
