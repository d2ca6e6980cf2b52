/* CSV for people and scripts (docs/trace-format.md): one line for each event, and a second file with what the events refer to.
 *
 *   NAME.csv         time_ns,pid,tid,function,address,size,stack_id
 *   NAME.stacks.csv  record,image,id,parent,address,end,bias,generation,build_id,name,time_ns,detail
 *
 * A stack_id is one in the whole file: the image's number times 2^24, plus the node's id in it, roots too. So it tells the
 * image of every event, which the pid does not: an exec keeps it. Samples are left out.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/kinds.h"
#include "io.h"
#include "message.h"
#include "record/shm.h"
#include "sink_open.h"

#define BUFFER_BYTES (1u << 18)
#define LINE_BYTES 256u  /* more than any line of events has */
#define TEXT_BYTES 4096u /* longer texts are cut */
#define NODE_ID_BITS 24

struct csv_file {
    int fd;
    size_t n;
    char buffer[BUFFER_BYTES];
};

struct csv_image {
    uint32_t pid;
    uint32_t n_threads;
    uint32_t *tids;
};

struct csv_sink {
    struct vz_sink sink;
    struct csv_file events, stacks;
    struct csv_image *images; /* by index */
    uint32_t n_images;
};

/* A line of NAME.stacks.csv that is neither a node nor a module. */
struct csv_fact {
    const char *record;
    uint32_t image; /* VZ_NO_IMAGE: the whole recording */
    uint64_t id;
    uint32_t parent; /* an image, or the value of a note; VZ_NO_IMAGE: none */
    struct vz_text name;
    uint64_t time;
    const char *detail; /* NULL: none */
};

static struct csv_sink *self(struct vz_sink *sink) { return (struct csv_sink *)sink; }

/* ---- text ------------------------------------------------------------------------------------------------------- */

static int write_out(struct csv_file *file)
{
    int error = vz_io_write_all(file->fd, file->buffer, file->n);
    file->n = 0;
    return error;
}

/* Makes room for `bytes`, at most BUFFER_BYTES. */
static int reserve(struct csv_file *file, size_t bytes) { return BUFFER_BYTES - file->n < bytes ? write_out(file) : 0; }

static char *put_number(char *at, uint64_t value)
{
    char digits[20];
    int n = 0;
    do
        digits[n++] = (char)('0' + value % 10);
    while (value /= 10);
    while (n > 0)
        *at++ = digits[--n];
    return at;
}

static char *put_address(char *at, uint64_t value)
{
    int shift = 60;
    *at++ = '0';
    *at++ = 'x';
    while (shift > 0 && !(value >> shift & 15))
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        *at++ = "0123456789abcdef"[value >> shift & 15];
    return at;
}

/* A text as a quoted field, cut at what a field may have. Zero bytes become spaces: they separate arguments. */
static char *put_quoted(char *at, struct vz_text text, size_t limit)
{
    size_t n = text.bytes < limit ? text.bytes : limit;
    *at++ = '"';
    for (size_t i = 0; i < n; i++) {
        if (text.data[i] == '"')
            *at++ = '"';
        *at++ = text.data[i] ? text.data[i] : ' ';
    }
    *at++ = '"';
    return at;
}

static uint64_t global_id(uint32_t image, uint32_t node) { return (uint64_t)image << NODE_ID_BITS | node; }

static int put_fact(struct csv_sink *csv, const struct csv_fact *fact)
{
    struct csv_file *file = &csv->stacks;
    int error = reserve(file, LINE_BYTES + 2 * TEXT_BYTES);
    if (error)
        return error;
    char *line = file->buffer + file->n;
    char *at = stpcpy(stpcpy(line, fact->record), ",");
    if (fact->image != VZ_NO_IMAGE)
        at = put_number(at, fact->image);
    *at++ = ',';
    at = put_number(at, fact->id);
    *at++ = ',';
    if (fact->parent != VZ_NO_IMAGE)
        at = put_number(at, fact->parent);
    at = put_quoted(stpcpy(at, ",,,,,,"), fact->name, TEXT_BYTES);
    *at++ = ',';
    at = put_number(at, fact->time);
    at = stpcpy(stpcpy(stpcpy(at, ","), fact->detail ? fact->detail : ""), "\n");
    file->n += (size_t)(at - line);
    return 0;
}

/* What is counted of an image and usually 0. */
static int put_count(struct csv_sink *csv, const char *record, uint32_t image, uint64_t count)
{
    return count
               ? put_fact(csv, &(struct csv_fact){.record = record, .image = image, .id = count, .parent = VZ_NO_IMAGE})
               : 0;
}

/* The names of enum vz_image_origin and of enum vz_image_fate. */
static const char *const origins[] = {NULL, "start", "fork", "exec", "spawn"};
static const char *const fates[] = {"unknown", "exit", "signal", "exec", "running"};

/* ---- operations ------------------------------------------------------------------------------------------------- */

static int put_image(struct vz_sink *sink, uint32_t image, const struct vz_image_record *record, struct vz_text exe,
                     struct vz_text cwd, struct vz_text args)
{
    struct csv_sink *csv = self(sink);
    (void)cwd;
    struct csv_image *grown = realloc(csv->images, (image + 1) * sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    memset(grown + csv->n_images, 0, (image + 1 - csv->n_images) * sizeof(*grown));
    csv->images = grown;
    csv->n_images = image + 1;
    csv->images[image].pid = record->pid;
    struct csv_fact described = {.record = "image",
                                 .image = image,
                                 .id = record->pid,
                                 .parent = record->parent_image,
                                 .name = args,
                                 .time = record->start_time,
                                 .detail = origins[record->origin]};
    struct csv_fact executable = {
        .record = "exe", .image = image, .id = record->ppid, .parent = VZ_NO_IMAGE, .name = exe};
    int error = put_fact(csv, &described);
    if (!error)
        error = put_fact(csv, &executable);
    return error ? error : put_count(csv, "unrecorded", image, record->not_recorded);
}

static int put_image_end(struct vz_sink *sink, uint32_t image, const struct vz_image_end_record *record)
{
    struct csv_sink *csv = self(sink);
    free(csv->images[image].tids);
    csv->images[image].tids = NULL;
    csv->images[image].n_threads = 0;
    const char *const names[] = {"dropped", "reordered", "holes", "stopped"};
    const uint64_t counts[] = {record->dropped, record->reordered, record->holes, record->stopped};
    int error = 0;
    for (size_t i = 0; !error && i < sizeof(counts) / sizeof(*counts); i++)
        error = put_count(csv, names[i], image, counts[i]);
    struct csv_fact ended = {.record = "image_end",
                             .image = image,
                             .id = record->fate_value,
                             .parent = VZ_NO_IMAGE,
                             .time = record->time,
                             .detail = fates[record->fate]};
    return error ? error : put_fact(csv, &ended);
}

static int put_threads(struct vz_sink *sink, uint32_t image, const struct vz_thread_record *records, uint32_t n)
{
    struct csv_image *of = &self(sink)->images[image];
    for (uint32_t i = 0; i < n; i++) {
        if (records[i].thread >= of->n_threads) {
            uint32_t *grown = realloc(of->tids, (records[i].thread + 1) * sizeof(*grown));
            if (!grown)
                return -ENOMEM;
            of->tids = grown;
            of->n_threads = records[i].thread + 1;
        }
        of->tids[records[i].thread] = records[i].tid;
    }
    return 0;
}

static int put_module(struct csv_file *file, uint32_t image, const struct vz_module_record *record, struct vz_text path)
{
    int error = reserve(file, LINE_BYTES + 2 * TEXT_BYTES);
    if (error)
        return error;
    char *line = file->buffer + file->n;
    char *at = line + sprintf(line, "module,%u,%u,,0x%llx,0x%llx,0x%llx,%u,", image, record->module,
                              (unsigned long long)record->start, (unsigned long long)record->end,
                              (unsigned long long)record->bias, record->generation);
    for (uint32_t i = 0; i < record->build_id_bytes; i++)
        at += sprintf(at, "%02x", record->build_id[i]);
    *at++ = ',';
    at = put_quoted(at, path, TEXT_BYTES);
    at += sprintf(at, ",%llu,\n", (unsigned long long)record->time);
    file->n += (size_t)(at - line);
    return 0;
}

static int put_modules(struct vz_sink *sink, uint32_t image, const struct vz_module_record *records,
                       const struct vz_text *paths, uint32_t n)
{
    int error = 0;
    for (uint32_t i = 0; !error && i < n; i++)
        error = put_module(&self(sink)->stacks, image, &records[i], paths[i]);
    return error;
}

static int put_unload(struct vz_sink *sink, uint32_t image, const struct vz_unload_record *record)
{
    struct csv_file *file = &self(sink)->stacks;
    int error = reserve(file, LINE_BYTES);
    if (!error)
        file->n += (size_t)sprintf(file->buffer + file->n, "unload,%u,%u,,,,,%u,,,%llu,\n", image, record->module,
                                   record->generation, (unsigned long long)record->time);
    return error;
}

static int put_nodes(struct vz_sink *sink, uint32_t image, const struct vz_node_columns *nodes)
{
    struct csv_file *file = &self(sink)->stacks;
    for (uint32_t i = 0; i < nodes->n; i++) {
        int error = reserve(file, LINE_BYTES);
        if (error)
            return error;
        file->n += (size_t)sprintf(file->buffer + file->n, "%s,%u,%llu,%llu,0x%llx,,,%u,,,,\n",
                                   nodes->code[i] & 1 ? "interrupted" : "node", image,
                                   (unsigned long long)global_id(image, nodes->node[i]),
                                   (unsigned long long)global_id(image, nodes->parent[i]),
                                   (unsigned long long)nodes->pc[i], nodes->code[i] >> 1);
    }
    return 0;
}

static int put_events(struct vz_sink *sink, uint32_t image, const struct vz_event_columns *events)
{
    struct csv_sink *csv = self(sink);
    struct csv_file *file = &csv->events;
    const struct csv_image *of = &csv->images[image];
    for (uint32_t i = 0; i < events->n; i++) {
        int error = reserve(file, LINE_BYTES);
        if (error)
            return error;
        char *at = put_number(file->buffer + file->n, events->time[i]);
        *at++ = ',';
        at = put_number(at, of->pid);
        *at++ = ',';
        at = put_number(at, events->thread[i] < of->n_threads ? of->tids[events->thread[i]] : 0);
        *at++ = ',';
        at = stpcpy(at, vz_kind_name(events->kind[i]));
        *at++ = ',';
        at = put_address(at, events->address[i]);
        *at++ = ',';
        at = put_number(at, vz_kind_has_size(events->kind[i]) ? events->size[i] : 0);
        *at++ = ',';
        bool has_stack = vz_kind_has_stack(events->kind[i], events->flags & VZ_BLOCK_FREE_STACKS);
        at = put_number(at, global_id(image, has_stack ? events->stack[i] : VZ_NODE_COMPLETE));
        *at++ = '\n';
        file->n = (size_t)(at - file->buffer);
    }
    return 0;
}

static int put_samples(struct vz_sink *sink, uint32_t image, const struct vz_sample_record *records, uint32_t n)
{
    (void)sink, (void)image, (void)records, (void)n;
    return 0;
}

static int put_note(struct vz_sink *sink, uint32_t image, const struct vz_note_record *record, struct vz_text text)
{
    struct csv_fact note = {.record = "note",
                            .image = image,
                            .id = record->type,
                            .parent = (uint32_t)record->value,
                            .name = text,
                            .time = record->time};
    return put_fact(self(sink), &note);
}

/* CSV has no place for them. */
static int put_jit_map(struct vz_sink *sink, uint32_t image, const struct vz_jit_map_record *record,
                       struct vz_text text)
{
    (void)sink, (void)image, (void)record, (void)text;
    return 0;
}

static int put_drops(struct vz_sink *sink, uint32_t image, const struct vz_drop_record *records, uint32_t n)
{
    int error = 0;
    for (uint32_t i = 0; !error && i < n; i++) {
        char last_time[24];
        sprintf(last_time, "%llu", (unsigned long long)records[i].last_time);
        error = put_fact(self(sink), &(struct csv_fact){.record = "drops",
                                                        .image = image,
                                                        .id = records[i].events,
                                                        .parent = VZ_NO_IMAGE,
                                                        .time = records[i].first_time,
                                                        .detail = last_time});
    }
    return error;
}

static int flush(struct vz_sink *sink)
{
    int error = write_out(&self(sink)->stacks); /* first: events refer to it */
    return error ? error : write_out(&self(sink)->events);
}

static int put_end(struct vz_sink *sink, const struct vz_end_record *record)
{
    struct csv_sink *csv = self(sink);
    struct csv_fact ended = {
        .record = "end", .image = VZ_NO_IMAGE, .id = record->events, .parent = VZ_NO_IMAGE, .time = record->time};
    int error = put_count(csv, "missed", VZ_NO_IMAGE, record->images_missed);
    if (!error)
        error = put_fact(csv, &ended);
    return error ? error : flush(sink);
}

static void close_files(struct vz_sink *sink)
{
    struct csv_sink *csv = self(sink);
    bool has_failed = csv->events.fd >= 0 && close(csv->events.fd) != 0;
    has_failed |= csv->stacks.fd >= 0 && close(csv->stacks.fd) != 0;
    if (has_failed && !sink->has_failed)
        vz_sink_fail(sink, -EIO);
    for (uint32_t i = 0; i < csv->n_images; i++)
        free(csv->images[i].tids);
    free(csv->images);
    free(csv);
}

static const struct vz_sink_ops operations = {.image = put_image,
                                              .image_end = put_image_end,
                                              .threads = put_threads,
                                              .modules = put_modules,
                                              .unload = put_unload,
                                              .nodes = put_nodes,
                                              .events = put_events,
                                              .samples = put_samples,
                                              .note = put_note,
                                              .jit_map = put_jit_map,
                                              .drops = put_drops,
                                              .flush = flush,
                                              .end = put_end,
                                              .close = close_files};

/* NAME.csv -> NAME.stacks.csv; another name gets the suffix as a whole. */
static char *side_path(const char *path)
{
    size_t length = strlen(path);
    bool has_suffix = length > 4 && strcmp(path + length - 4, ".csv") == 0;
    char *side;
    return asprintf(&side, "%.*s.stacks.csv", (int)(has_suffix ? length - 4 : length), path) < 0 ? NULL : side;
}

static int open_file(struct csv_file *file, const char *path, const char *header)
{
    file->fd = vz_sink_open(path, O_WRONLY);
    if (file->fd < 0)
        return file->fd;
    file->n = (size_t)(stpcpy(file->buffer, header) - file->buffer);
    return write_out(file);
}

int vz_sink_csv_open(const char *path, const struct vz_sink_session *session, struct vz_sink **sink)
{
    (void)session;
    struct csv_sink *csv = calloc(1, sizeof(*csv));
    char *stacks_path = side_path(path);
    if (!csv || !stacks_path) {
        free(csv);
        free(stacks_path);
        return -ENOMEM;
    }
    csv->sink = (struct vz_sink){.ops = &operations, .say_failed = vz_sink_say_failed, .name = path};
    csv->events.fd = csv->stacks.fd = -1;
    int error = open_file(&csv->events, path, "time_ns,pid,tid,function,address,size,stack_id\n");
    if (!error)
        error = open_file(&csv->stacks, stacks_path,
                          "record,image,id,parent,address,end,bias,generation,build_id,name,time_ns,detail\n");
    if (error) {
        vz_sink_open_failed(csv->events.fd < 0 ? path : stacks_path, error);
        csv->sink.has_failed = true;
        close_files(&csv->sink);
    } else {
        *sink = &csv->sink;
    }
    free(stacks_path);
    return error;
}
