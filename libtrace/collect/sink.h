/* What a recording becomes: one interface over the trace and CSV.
 *
 * What refers comes after what it refers to: an image before all else of it, nodes before events. A sink that fails
 * says so once and takes nothing more; what it has written stays readable. Records and columns are those of
 * format/format.h and format/encode.h; texts need not end with a zero byte.
 */
#ifndef VZ_SINK_H
#define VZ_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "format/encode.h"

struct vz_sink;

struct vz_sink_ops {
    int (*image)(struct vz_sink *sink, uint32_t image, const struct vz_image_record *record, struct vz_text exe,
                 struct vz_text cwd, struct vz_text args);
    int (*image_end)(struct vz_sink *sink, uint32_t image, const struct vz_image_end_record *record);
    int (*threads)(struct vz_sink *sink, uint32_t image, const struct vz_thread_record *records, uint32_t n);
    int (*modules)(struct vz_sink *sink, uint32_t image, const struct vz_module_record *records,
                   const struct vz_text *paths, uint32_t n);
    int (*unload)(struct vz_sink *sink, uint32_t image, const struct vz_unload_record *record);
    int (*nodes)(struct vz_sink *sink, uint32_t image, const struct vz_node_columns *nodes);
    int (*events)(struct vz_sink *sink, uint32_t image, const struct vz_event_columns *events);
    int (*samples)(struct vz_sink *sink, uint32_t image, const struct vz_sample_record *records, uint32_t n);
    int (*note)(struct vz_sink *sink, uint32_t image, const struct vz_note_record *record, struct vz_text text);
    int (*jit_map)(struct vz_sink *sink, uint32_t image, const struct vz_jit_map_record *record, struct vz_text text);
    int (*drops)(struct vz_sink *sink, uint32_t image, const struct vz_drop_record *records, uint32_t n);
    int (*flush)(struct vz_sink *sink);                                   /* hand everything to the kernel */
    int (*end)(struct vz_sink *sink, const struct vz_end_record *record); /* also flushes */
    bool (*has_room)(struct vz_sink *sink);                               /* for more events now; NULL: always */
    void (*close)(struct vz_sink *sink);
};

/* The common part of every sink. All operations return 0 or -errno. */
struct vz_sink {
    const struct vz_sink_ops *ops;
    const char *name;                                          /* of the file, for messages */
    bool has_failed;                                           /* nothing more is written */
    void (*say_failed)(const struct vz_sink *sink, int error); /* tells the user, once */
};

/* What a sink tells about the recording as a whole. */
struct vz_sink_session {
    struct vz_session_record record;
    uint64_t start_wall_ns;
    uint64_t capabilities;
    struct vz_text host, version, system, args;
};

/* Notes a failed operation: says so once. Returns error. */
static inline int vz_sink_fail(struct vz_sink *sink, int error)
{
    if (!sink->has_failed)
        sink->say_failed(sink, error);
    sink->has_failed = true;
    return error;
}

/* The operations, which do nothing once the sink has failed. */
#define VZ_SINK_DO(sink, operation, ...)                                                                               \
    ((sink)->has_failed ? -1 : vz_sink_check((sink), (sink)->ops->operation((sink), __VA_ARGS__)))

static inline bool vz_sink_has_room(struct vz_sink *sink) { return !sink->ops->has_room || sink->ops->has_room(sink); }

static inline int vz_sink_check(struct vz_sink *sink, int error) { return error ? vz_sink_fail(sink, error) : 0; }

#endif
